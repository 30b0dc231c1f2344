// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TestSupport
import Testing

@Suite("Residual arithmetic")
struct ResidualArithmeticTests {
    /// All 65,536 pairs of two bytes as two planes.
    private func allPairs() -> (Plane, Plane) {
        let first = Plane(width: 256, height: 256)
        let second = Plane(width: 256, height: 256)
        for y in 0..<256 {
            for x in 0..<256 {
                first[x, y] = UInt8(x)
                second[x, y] = UInt8(y)
            }
        }
        return (first, second)
    }

    @Test("the fast addition equals its plain twin for every pair of bytes")
    func everyPair() {
        let (predictions, residuals) = allPairs()
        let plain = Plane(width: 256, height: 256)
        plain.copy(from: residuals)
        ResidualArithmetic.add(predictions: predictions, toResiduals: residuals)
        ResidualArithmetic.addScalar(predictions: predictions, toResiduals: plain)
        expectBytes(residuals.samples, equal: plain.samples)
        #expect(residuals[0, 0] == 0 && residuals[255, 255] == 255 && residuals[7, 128] == 7)
    }

    @Test("what is subtracted comes back where nothing was clamped")
    func subtractThenAdd() {
        let (originals, predictions) = allPairs()
        let residuals = Plane(width: 256, height: 256)
        residuals.copy(from: predictions)
        ResidualArithmetic.subtract(predictions: residuals, fromOriginals: originals)
        for y in 0..<256 {
            for x in 0..<256 { #expect(Int(residuals[x, y]) == min(max(x - y + 128, 0), 255)) }
        }
        ResidualArithmetic.add(predictions: predictions, toResiduals: residuals)
        for y in 0..<256 {
            for x in 0..<256 where (-128...127).contains(x - y) { #expect(residuals[x, y] == originals[x, y]) }
        }
    }

    @Test("windows of any width and stride are added within their bounds")
    func windows() {
        let seed = Seed.ofThisRun
        print("residual windows: \(seed)")
        var generator = seed.generator()
        for width in 0...67 {
            let residuals = Plane.framed(width: width, height: 3, &generator)
            let predictions = Plane.framed(width: width, height: 3, &generator)
            residuals.window.randomize(&generator)
            predictions.window.randomize(&generator)
            let plain = Plane(width: width, height: 3)
            plain.copy(from: residuals.window)
            ResidualArithmetic.add(predictions: predictions.window, toResiduals: residuals.window)
            ResidualArithmetic.addScalar(predictions: predictions.window, toResiduals: plain)
            expectBytes(residuals.window.samples, equal: plain.samples, "width \(width), \(seed)")
            #expect(Plane.isFrameIntact(residuals.frame, around: residuals.window), "width \(width), \(seed)")
        }
    }
}
