// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs

/// The shared slide of 2220 by 2967 pixels, and the plain pyramid that others made of it.
package enum SharedSlide {
    /// The mean difference of luma between rows of the slide and the finest level of the pyramid, over 64 rows of each
    /// row of tiles. Reads the rows to the last one; `count` at a time.
    package static func meanDifference(_ rows: any RowSource, count: Int) throws -> Double {
        let decoder = JPEGDecoder()
        var (sum, samples, y) = (0, 0, 0)
        while y < rows.height {
            let part = try rows.read(count)
            let compared = (0..<part.luma.height).filter { (y + $0) % 256 < 64 }
            for x in stride(from: 0, to: rows.width, by: 256) where !compared.isEmpty {
                let tile = "slides/he-odd-size/baseline_pyramid_files/12/\(x / 256)_\((y + compared[0]) / 256).jpg"
                let image = try decoder.decodeRaster(SharedData.bytes(tile))
                for row in compared where (y + row) / 256 == (y + compared[0]) / 256 {
                    for column in 0..<image.width {
                        let at = ((y + row) % 256 * image.width + column) * 3
                        let luma = JFIFColour.luma(image.pixels[at], image.pixels[at + 1], image.pixels[at + 2])
                        sum += abs(Int(luma) - Int(part.luma[x + column, row]))
                        samples += 1
                    }
                }
            }
            y += part.luma.height
        }
        return Double(sum) / Double(samples)
    }
}
