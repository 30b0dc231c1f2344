// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TestSupport
import Testing

@Suite("Raster pictures")
struct RasterImageTests {
    private let gray = RasterImage(width: 2, height: 2, channels: 1, pixels: [1, 2, 3, 4])

    @Test("padding for JPEG is white and keeps the channels")
    func whitePadding() {
        let padded = gray.padded(toWidth: 3, height: 3, with: .white)
        #expect(padded.channels == 1)
        #expect(padded.pixels == [1, 2, 255, 3, 4, 255, 255, 255, 255])
    }

    @Test("padding for PNG is transparent and adds alpha")
    func transparentPadding() {
        let padded = gray.padded(toWidth: 3, height: 2, with: .transparent)
        #expect(padded.channels == 4)
        #expect(padded.pixels == [1, 1, 1, 255, 2, 2, 2, 255, 0, 0, 0, 0, 3, 3, 3, 255, 4, 4, 4, 255, 0, 0, 0, 0])
    }

    @Test("padding to the same size changes nothing")
    func noPadding() {
        #expect(gray.padded(toWidth: 2, height: 2, with: .transparent) == gray)
    }

    @Test("a crop is the inside of what was padded")
    func cropping() {
        let padded = gray.padded(toWidth: 5, height: 4, with: .white)
        #expect(padded.cropped(x: 0, y: 0, width: 2, height: 2) == gray)
        #expect(padded.cropped(x: 1, y: 1, width: 2, height: 1).pixels == [4, 255])
    }

    @Test("alpha is laid over white")
    func flattening() {
        let image = RasterImage(width: 3, height: 1, channels: 4, pixels: [9, 8, 7, 255, 9, 8, 7, 0, 0, 100, 200, 128])
        #expect(image.flattenedOverWhite().pixels == [9, 8, 7, 255, 255, 255, 127, 177, 227])
    }

    @Test("one colour fills a picture")
    func filled() {
        #expect(RasterImage(width: 2, height: 1, filledWith: [1, 2, 3]).pixels == [1, 2, 3, 1, 2, 3])
    }
}
