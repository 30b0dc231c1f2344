// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import Testing
import TileModel

@testable import TileSources

@Suite("Whether a tile is all there")
struct WholeImageTests {
    private func buffer(_ bytes: [UInt8]) -> TileBuffer {
        let buffer = TileBuffer()
        buffer.replace(with: bytes)
        return buffer
    }

    @Test("bytes behind the end do no harm, a missing end does", arguments: [TileFormat.png, .jpeg])
    func ends(format: TileFormat) throws {
        // White: as small as a picture of its size gets.
        let image = RasterImage(width: 1024, height: 1024, filledWith: [255, 255, 255])
        let whole =
            format == .png
            ? try PNGCodec.encode(image) : try JPEGEncoder().encodeRaster(image, quality: 50, subsampling: .quarter)
        #expect(buffer(whole).isWhole(format))
        #expect(buffer(whole + [UInt8](repeating: 0, count: 200)).isWhole(format))
        #expect(!buffer(Array(whole.dropLast(100)) + [UInt8](repeating: 0, count: 200)).isWhole(format))
    }

    @Test("a header that declares more than its bytes can hold is not believed, and nothing is decoded for it")
    func implausible() throws {
        let image = RasterImage(width: 64, height: 64, filledWith: [255, 255, 255])
        let whole = try PNGCodec.encode(image)
        #expect(buffer(whole).isPlausible)
        var large = whole
        large.replaceSubrange(16..<24, with: [0, 0, 0x30, 0, 0, 0, 0x30, 0])
        #expect(ImageHeader(large)?.size == GridSize(width: 12288, height: 12288))
        #expect(!buffer(large).isPlausible)
        #expect(!buffer(large + [UInt8](repeating: 0, count: 200)).isWhole(.png))
    }
}
