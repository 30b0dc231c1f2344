// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TestSupport
import Testing

@Suite("Reducing by averages, turning, and colours")
struct AreaAverageTests {
    static func reduced(
        _ image: RasterImage,
        to width: Int,
        _ height: Int,
        region: (x: Double, y: Double, width: Double, height: Double)? = nil
    ) -> RasterImage {
        let region = region ?? (0, 0, Double(image.width), Double(image.height))
        var average = AreaAverage(
            sourceWidth: image.width,
            sourceHeight: image.height,
            channels: image.channels,
            x: region.x,
            y: region.y,
            regionWidth: region.width,
            regionHeight: region.height,
            width: width,
            height: height
        )
        while let row = average.wantedRow {
            average.append(image.pixels[row * image.stride..<(row + 1) * image.stride])
        }
        return average.image()
    }

    static func random(_ width: Int, _ height: Int, channels: Int) -> RasterImage {
        var random = Seed.ofThisRun.generator(stream: width)
        let pixels = (0..<width * height * channels).map { _ in UInt8.random(in: 0...255, using: &random) }
        return RasterImage(width: width, height: height, channels: channels, pixels: pixels)
    }

    @Test("a picture that is not reduced stays as it is")
    func identity() {
        let image = Self.random(37, 21, channels: 3)
        #expect(Self.reduced(image, to: 37, 21) == image)
        #expect(
            Self.reduced(image, to: 10, 5, region: (7, 11, 10, 5)) == image.cropped(x: 7, y: 11, width: 10, height: 5)
        )
    }

    @Test("each sample of a half is the rounded mean of four")
    func half() {
        let image = Self.random(40, 30, channels: 1)
        let half = Self.reduced(image, to: 20, 15)
        for y in 0..<15 {
            for x in 0..<20 {
                let at = y * 2 * 40 + x * 2
                let sum = [at, at + 1, at + 40, at + 41].reduce(0) { $0 + Int(image.pixels[$1]) }
                let exact = Double(sum) / 4
                #expect(abs(Double(half.pixels[y * 20 + x]) - exact) <= 0.5)
            }
        }
    }

    @Test("one colour stays that colour for every factor and every offset", arguments: 1...24)
    func constant(count: Int) {
        let image = RasterImage(width: 24, height: 24, filledWith: [17, 200, 255])
        let result = Self.reduced(image, to: count, 25 - count, region: (0.3, 0.7, 23.1, 22.9))
        #expect(result == RasterImage(width: count, height: 25 - count, filledWith: [17, 200, 255]))
    }

    @Test("the mean of the whole survives, whatever the factor")
    func mean() {
        let image = Self.random(101, 67, channels: 1)
        let small = Self.reduced(image, to: 13, 9)
        let before = Double(image.pixels.reduce(0) { $0 + Int($1) }) / Double(image.pixels.count)
        let after = Double(small.pixels.reduce(0) { $0 + Int($1) }) / Double(small.pixels.count)
        #expect(abs(before - after) < 0.6)
    }

    @Test("four quarter turns, and two mirrorings, lead back")
    func turns() {
        let image = Self.random(5, 3, channels: 3)
        let once = image.oriented(mirrored: false, quarterTurns: 1)
        #expect(once.width == 3 && once.height == 5)
        // Clockwise: the lower left corner becomes the upper left one.
        #expect(Array(once.pixels[0..<3]) == Array(image.pixels[2 * image.stride..<2 * image.stride + 3]))
        #expect(once.oriented(mirrored: false, quarterTurns: 3) == image)
        #expect(once.oriented(mirrored: false, quarterTurns: 1) == image.oriented(mirrored: false, quarterTurns: 2))
        let mirrored = image.oriented(mirrored: true, quarterTurns: 0)
        #expect(Array(mirrored.pixels[0..<3]) == Array(image.pixels[12..<15]))
        #expect(mirrored.oriented(mirrored: true, quarterTurns: 0) == image)
    }

    @Test("gray is the luma, black and white its halves, and three channels come back from one")
    func colours() {
        let image = RasterImage(width: 2, height: 1, channels: 3, pixels: [255, 0, 0, 200, 200, 200])
        #expect(image.gray().pixels == [76, 200])
        #expect(image.bitonal().pixels == [0, 255])
        #expect(image.gray().asRGB().pixels == [76, 76, 76, 200, 200, 200])
    }
}
