// SPDX-License-Identifier: Apache-2.0

#if JPEGRows
import Foundation
import ImageCodecs
import JPEGRows
import TestSupport
import Testing

@Suite("JPEG by rows")
struct JPEGFileRowsTests {
    /// All rows of a file, read `count` at a time, as one picture.
    private func rows(_ path: String, _ count: Int) throws -> (luma: [UInt8], chroma: [UInt8], ChromaSubsampling) {
        let file = try #require(FileHandle(forReadingAtPath: path))
        let source = try JPEGFileRows(descriptor: file.fileDescriptor, maxHeldBytes: 1 << 26)
        var (luma, chroma): ([UInt8], [UInt8]) = ([], [])
        var done = 0
        while done < source.height {
            let part = try source.read(count)
            done += part.luma.height
            luma += part.luma.samples
            if let planes = part.chroma { chroma += planes.blue.samples + planes.red.samples }
        }
        #expect(done == source.height && luma.count == source.width * source.height)
        return (luma, chroma, source.subsampling)
    }

    @Test("luma of every sampling is what the decoder of whole pictures gives, for odd sizes too")
    func samples() throws {
        let directory = try TemporaryDirectory()
        for (width, height) in [(1, 1), (17, 33), (64, 64), (131, 70), (200, 129)] {
            for subsampling in ChromaSubsampling.allCases {
                var pixels: [UInt8] = []
                for index in 0..<(width * height) {
                    pixels += [UInt8(index % 251), UInt8(index / width % 256), UInt8(index * 7 % 200)]
                }
                let image = RasterImage(width: width, height: height, channels: 3, pixels: pixels)
                let jpeg = try JPEGEncoder().encodeRaster(image, quality: 90, subsampling: subsampling)
                let path = try directory.write("\(width)-\(subsampling).jpg", jpeg)
                let (luma, chroma, form) = try rows(path, 64)
                let whole = try unsafe jpeg.withUnsafeBytes { raw in
                    let decoder = JPEGDecoder()
                    let source = try unsafe decoder.decodePlanar(raw, header: decoder.header(of: raw))
                    return try source.read(height)
                }
                #expect(luma == whole.luma.samples, "\(width)x\(height) \(subsampling)")
                #expect(form == (subsampling == .gray ? .gray : subsampling == .quarter ? .quarter : .full))
                let colours = form == .gray ? 0 : form == .full ? 2 * width * height : chroma.count
                #expect(chroma.count == colours)
            }
        }
    }

    @Test("cut off, damaged and foreign files are errors, never a trap")
    func damage() throws {
        let directory = try TemporaryDirectory()
        let image = RasterImage(width: 200, height: 150, filledWith: [200, 30, 90])
        let jpeg = try JPEGEncoder().encodeRaster(image, quality: 90)
        for length in [0, 1, 3, 20, 200, 620, jpeg.count / 2, jpeg.count - 40] {
            let path = try directory.write("cut", jpeg[..<max(length, 0)])
            #expect(throws: CodecError.self, "\(length)") { try rows(path, 64) }
        }
        let seed = Seed.ofThisRun
        print("jpeg rows: \(seed)")
        for round in 0..<300 {
            var generator = seed.generator(stream: round)
            var damaged = jpeg
            for _ in 0..<3 {
                damaged[Int.random(in: 0..<jpeg.count, using: &generator)] = UInt8.random(
                    in: 0...255,
                    using: &generator
                )
            }
            let path = try directory.write("damaged", damaged)
            _ = try? rows(path, 64)
        }
    }

    @Test(
        "a real picture of 14 million pixels comes by rows as it comes whole",
        .enabled(if: SharedData.isPresent, SharedData.reason)
    )
    func real() throws {
        let url = try SharedData.url("raster/blue-marble-5400x2700.jpg")
        let (luma, _, _) = try rows(url.path, 256)
        let jpeg = [UInt8](try Data(contentsOf: url))
        let whole = try unsafe jpeg.withUnsafeBytes { raw in
            let decoder = JPEGDecoder()
            let limits = ImageLimits(maxPixels: 1 << 28)
            return try unsafe decoder.decodePlanar(raw, header: decoder.header(of: raw, limits: limits)).read(2700)
        }
        #expect(luma == whole.luma.samples)
    }
}

extension Plane {
    /// All samples, row by row.
    fileprivate var samples: [UInt8] {
        (0..<height).flatMap { row in
            // SAFETY: the row has `width` samples.
            unsafe Array(UnsafeBufferPointer(start: self.row(row), count: width))
        }
    }
}
#endif
