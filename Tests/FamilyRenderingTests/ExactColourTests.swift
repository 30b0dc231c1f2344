// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TestSupport
import Testing

@Suite("The reference's colour arithmetic")
struct ExactColourTests {
    @Test("fast rounding equals its plain twin, at every half and its neighbours, and beyond the range")
    func rounding() {
        for step in -600...1200 {
            let half = Float(step) / 2
            for value in [half.nextDown, half, half.nextUp, half + 0.25, half - 0.25] {
                #expect(ExactColour.byte(value) == ExactColour.byteScalar(value), "\(value)")
            }
        }
        #expect(ExactColour.byte(0.5) == 1 && ExactColour.byte(1.5) == 2 && ExactColour.byte(2.5) == 3)
        #expect(ExactColour.byte(-0.5) == 0 && ExactColour.byte(254.5) == 255 && ExactColour.byte(300) == 255)
    }

    @Test("planes to pixels and back equal the formulas with plain rounding, for random colours")
    func conversions() {
        let seed = Seed.ofThisRun
        print("exact colour: \(seed)")
        var generator = seed.generator()
        let (width, height) = (211, 150)
        let planes = (0..<6).map { _ in Plane(width: width, height: height) }
        for plane in planes[0..<3] {
            for y in 0..<height {
                for x in 0..<width { plane[x, y] = .random(in: 0...255, using: &generator) }
            }
        }
        let pixels = Plane(width: 4 * width, height: height)
        ExactColour.rgbx(luma: planes[0], blue: planes[1], red: planes[2], into: pixels)
        ExactColour.planes(fromRGBX: pixels, luma: planes[3], blue: planes[4], red: planes[5])
        let luma = Plane(width: width, height: height)
        ExactColour.luma(fromRGBX: pixels, into: luma)
        func byte(_ value: Float) -> UInt8 { UInt8(ExactColour.byteScalar(value)) }
        var wrong = 0
        for y in 0..<height {
            for x in 0..<width {
                let value = Float(planes[0][x, y])
                let (b, r) = (Float(planes[1][x, y]) - 128, Float(planes[2][x, y]) - 128)
                let expected = (
                    byte(value + 1.402 * r), byte(value - 0.344136 * b - 0.714136 * r), byte(value + 1.772 * b)
                )
                let found = (pixels[4 * x, y], pixels[4 * x + 1, y], pixels[4 * x + 2, y])
                if expected != found { wrong += 1 }
                let (red, green, blue) = (Float(found.0), Float(found.1), Float(found.2))
                if planes[3][x, y] != byte(0.299 * red + 0.587 * green + 0.114 * blue) { wrong += 1 }
                if planes[4][x, y] != byte(-0.168736 * red - 0.331264 * green + 0.5 * blue + 128) { wrong += 1 }
                if planes[5][x, y] != byte(0.5 * red - 0.418688 * green - 0.081312 * blue + 128) { wrong += 1 }
            }
        }
        #expect(wrong == 0, "\(seed)")
        expectBytes(luma.samples, equal: planes[3].samples)
    }
}
