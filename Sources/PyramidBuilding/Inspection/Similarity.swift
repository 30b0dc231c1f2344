// SPDX-License-Identifier: Apache-2.0

import Glibc
import ImageCodecs

/// How alike two pictures are: sums that tiles are added to, one after the other.
///
/// PSNR over all pixels of a level: of luma, and of R, G and B together, by the JFIF formula, rounded and clamped as a
/// viewer shows them. SSIM (Wang and others 2004, K1 0.01, K2 0.03) of luma: the mean over windows of 8 by 8 pixels,
/// every four pixels, within a tile; tiles smaller than a window have one of their size.
package struct Similarity: Sendable {
    private var lumaError = 0
    private var colourError = 0
    private var pixels = 0
    private var structure = 0.0
    private var windows = 0

    /// Adds a pair of pictures of the same size.
    mutating func add(_ first: PlanarPicture, _ second: PlanarPicture) {
        let (width, height) = (first.luma.width, first.luma.height)
        precondition(second.luma.width == width && second.luma.height == height, "comparing pictures of other sizes")
        pixels += width * height
        for y in 0..<height {
            for x in 0..<width {
                let (a, b) = (Self.pixel(first, x, y), Self.pixel(second, x, y))
                lumaError += (a.luma - b.luma) * (a.luma - b.luma)
                let (red, green, blue) = (a.red - b.red, a.green - b.green, a.blue - b.blue)
                colourError += red * red + green * green + blue * blue
            }
        }
        for y in Swift.stride(from: 0, through: max(height - 8, 0), by: 4) {
            for x in Swift.stride(from: 0, through: max(width - 8, 0), by: 4) {
                structure += Self.window(first.luma, second.luma, x, y, min(8, width), min(8, height))
                windows += 1
            }
        }
    }

    private static func pixel(_ picture: PlanarPicture, _ x: Int, _ y: Int)
        -> (luma: Int, red: Int, green: Int, blue: Int)
    {
        // SAFETY: the caller's coordinates are inside all planes.
        let luma = unsafe Int(picture.luma.row(y)[x])
        guard let chroma = picture.chroma else { return (luma, luma, luma, luma) }
        let (cb, cr) = unsafe (Int(chroma.blue.row(y)[x]) - 128, Int(chroma.red.row(y)[x]) - 128)
        // The JFIF formula in 16-bit fixed point.
        let red = luma + (91881 * cr + 32768) >> 16
        let green = luma + (-22554 * cb - 46802 * cr + 32768) >> 16
        let blue = luma + (116_130 * cb + 32768) >> 16
        return (luma, min(max(red, 0), 255), min(max(green, 0), 255), min(max(blue, 0), 255))
    }

    private static func window(_ a: Plane, _ b: Plane, _ x: Int, _ y: Int, _ width: Int, _ height: Int) -> Double {
        var (sumA, sumB, squareA, squareB, product) = (0, 0, 0, 0, 0)
        for row in y..<(y + height) {
            // SAFETY: the window lies inside both planes.
            let (first, second) = unsafe (a.row(row) + x, b.row(row) + x)
            for column in 0..<width {
                let (p, q) = unsafe (Int(first[column]), Int(second[column]))
                sumA += p
                sumB += q
                squareA += p * p
                squareB += q * q
                product += p * q
            }
        }
        let count = Double(width * height)
        let (meanA, meanB) = (Double(sumA) / count, Double(sumB) / count)
        let (varianceA, varianceB) = (Double(squareA) / count - meanA * meanA, Double(squareB) / count - meanB * meanB)
        let covariance = Double(product) / count - meanA * meanB
        let (c1, c2) = (6.5025, 58.5225)
        return (2 * meanA * meanB + c1) * (2 * covariance + c2)
            / ((meanA * meanA + meanB * meanB + c1) * (varianceA + varianceB + c2))
    }

    /// In decibels; nil where both are equal, which is infinitely alike.
    package var lumaPSNR: Double? { Self.psnr(lumaError, pixels) }
    package var colourPSNR: Double? { Self.psnr(colourError, 3 * pixels) }
    /// At most 1.
    package var ssim: Double { windows == 0 ? 1 : structure / Double(windows) }

    private static func psnr(_ error: Int, _ samples: Int) -> Double? {
        error == 0 ? nil : 10 * log10(255 * 255 * Double(samples) / Double(error))
    }
}
