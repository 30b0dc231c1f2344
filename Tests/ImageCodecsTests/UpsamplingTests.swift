// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TestSupport
import Testing

@Suite("Doubling of planes")
struct UpsamplingTests {
    static let roundings: [Upsampler.Rounding] = [.truncating, .nearest]

    @Test("the fast kernel equals its plain twin for any size, window, start and stride", arguments: roundings)
    func fastEqualsScalar(rounding: Upsampler.Rounding) {
        let seed = Seed.ofThisRun
        print("doubling: \(seed)")
        var generator = seed.generator(stream: Int(rounding.rawValue))
        let upsampler = Upsampler()
        for _ in 0..<300 {
            let (width, height) = (
                Int.random(in: 1...70, using: &generator), Int.random(in: 1...9, using: &generator)
            )
            let source = Plane.framed(width: width, height: height, &generator)
            source.window.randomize(&generator)
            let x = Int.random(in: 0...(2 * width), using: &generator)
            let y = Int.random(in: 0...(2 * height), using: &generator)
            let columns = Int.random(in: 0...(2 * width - x), using: &generator)
            let rows = Int.random(in: 0...(2 * height - y), using: &generator)
            let fast = Plane.framed(width: columns, height: rows, &generator)
            let plain = Plane(width: columns, height: rows)
            upsampler.upsample(source.window, x: x, y: y, into: fast.window, rounding: rounding)
            upsampleScalar(source.window, x: x, y: y, into: plain, rounding: rounding)
            expectBytes(
                fast.window.samples,
                equal: plain.samples,
                "\(columns)x\(rows) at \(x),\(y) of the double of \(width)x\(height), \(seed)"
            )
            #expect(Plane.isFrameIntact(fast.frame, around: fast.window), "wrote outside, \(seed)")
        }
    }

    @Test("every size from 1x1 to 9x9 doubles like its plain twin", arguments: roundings)
    func smallSizes(rounding: Upsampler.Rounding) {
        var generator = Seed(1).generator()
        let upsampler = Upsampler()
        for width in 1...9 {
            for height in 1...9 {
                let source = Plane(width: width, height: height)
                source.randomize(&generator)
                let fast = Plane(width: 2 * width, height: 2 * height)
                let plain = Plane(width: 2 * width, height: 2 * height)
                upsampler.upsample(source, x: 0, y: 0, into: fast, rounding: rounding)
                upsampleScalar(source, x: 0, y: 0, into: plain, rounding: rounding)
                expectBytes(fast.samples, equal: plain.samples, "\(width)x\(height)")
            }
        }
    }

    @Test("the truncating kernel is the reference's fixed-point formula")
    func truncatingIsTheReference() {
        var generator = Seed(2).generator()
        let source = Plane(width: 13, height: 7)
        source.randomize(&generator)
        let doubled = Plane(width: 26, height: 14)
        Upsampler().upsample(source, x: 0, y: 0, into: doubled, rounding: .truncating)
        /// Position and weight of the reference, in 1/256 of a sample.
        func place(_ d: Int, _ count: Int) -> (index: Int, fraction: Int) {
            let p = min(max(d * 128 - 64, 0), (count - 1) * 256)
            return (p >> 8, p & 255)
        }
        for y in 0..<14 {
            for x in 0..<26 {
                let (i, fx) = place(x, 13)
                let (j, fy) = place(y, 7)
                let (right, below) = (min(i + 1, 12), min(j + 1, 6))
                let total =
                    Int(source[i, j]) * (256 - fx) * (256 - fy) + Int(source[right, j]) * fx * (256 - fy)
                    + Int(source[i, below]) * (256 - fx) * fy + Int(source[right, below]) * fx * fy
                #expect(Int(doubled[x, y]) == total >> 16)
            }
        }
    }

    @Test("a flat plane stays flat, black and white included", arguments: roundings)
    func flatStaysFlat(rounding: Upsampler.Rounding) {
        for value: UInt8 in [0, 1, 127, 128, 254, 255] {
            let source = Plane(width: 5, height: 3)
            source.fill(value)
            let doubled = Plane(width: 10, height: 6)
            Upsampler().upsample(source, x: 0, y: 0, into: doubled, rounding: rounding)
            #expect(doubled.samples.allSatisfy { $0 == value })
        }
    }

    @Test("prediction and residual are added as by the plain twins", arguments: roundings)
    func predictionIsAdded(rounding: Upsampler.Rounding) {
        let seed = Seed.ofThisRun
        print("prediction: \(seed)")
        var generator = seed.generator(stream: 7)
        let upsampler = Upsampler()
        for _ in 0..<100 {
            let (width, height) = (
                Int.random(in: 1...40, using: &generator), Int.random(in: 1...6, using: &generator)
            )
            let source = Plane(width: width, height: height)
            source.randomize(&generator)
            let x = Int.random(in: 0..<(2 * width), using: &generator)
            let y = Int.random(in: 0..<(2 * height), using: &generator)
            let fast = Plane.framed(width: 2 * width - x, height: 2 * height - y, &generator)
            fast.window.randomize(&generator)
            let plain = Plane(width: 2 * width - x, height: 2 * height - y)
            plain.copy(from: fast.window)
            let prediction = Plane(width: plain.width, height: plain.height)
            upsampler.addPrediction(source, x: x, y: y, toResiduals: fast.window, rounding: rounding)
            upsampleScalar(source, x: x, y: y, into: prediction, rounding: rounding)
            ResidualArithmetic.addScalar(predictions: prediction, toResiduals: plain)
            expectBytes(fast.window.samples, equal: plain.samples, "\(seed)")
            #expect(Plane.isFrameIntact(fast.frame, around: fast.window), "\(seed)")
        }
    }

    @Test("doubling in one direction keeps means and clamps at edges")
    func directional() {
        let source = Plane(width: 3, height: 1)
        (source[0, 0], source[1, 0], source[2, 0]) = (0, 100, 255)
        let wide = Plane(width: 6, height: 1)
        doubleColumns(source, into: wide)
        #expect(wide.samples == [0, 25, 75, 139, 216, 255])
        let tall = Plane(width: 3, height: 2)
        doubleRows(source, into: tall)
        #expect(tall.samples == [0, 100, 255, 0, 100, 255])
        let column = Plane(width: 1, height: 3)
        (column[0, 0], column[0, 1], column[0, 2]) = (0, 100, 255)
        let taller = Plane(width: 1, height: 6)
        doubleRows(column, into: taller)
        expectBytes(taller.samples, equal: wide.samples)
    }
}
