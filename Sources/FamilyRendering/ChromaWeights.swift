// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs

/// How much of a member's luma residual its chroma follows: chroma = doubled chroma + weight * residual / 64.
///
/// Where luma has detail that the coarser level lacks, chroma has it too, in the proportion of the stain's colour: on
/// stained tissue two numbers a tile bring what a chroma residual of many kilobytes would. (The principle is that of
/// cross-component prediction in video coding, as in HEVC's range extensions, with one weight a tile.)
package struct ChromaWeights: Hashable, Sendable {
    /// The weight of Cb, in 64ths.
    package var blue: Int8
    /// The weight of Cr, in 64ths.
    package var red: Int8

    package init(blue: Int8, red: Int8) {
        self.blue = blue
        self.red = red
    }

    /// No influence.
    package static let none = ChromaWeights(blue: 0, red: 0)

    /// `chroma = clamp(chroma + (weight * (residual - 128) + 32) >> 6)`, in place. The planes must be of one size.
    package static func add(_ weight: Int8, ofResiduals residuals: Plane, to chroma: Plane) {
        precondition(residuals.width == chroma.width && residuals.height == chroma.height, "sizes differ")
        if weight == 0 { return }
        let factor = Int16(weight)
        for row in 0..<chroma.height {
            // SAFETY: both rows have `width` samples.
            let (residual, target) = unsafe (residuals.row(row), chroma.row(row))
            for column in 0..<chroma.width {
                // At most 128 * 128: all of it fits 16 bits.
                let share = unsafe (factor &* (Int16(residual[column]) &- 128) &+ 32) >> 6
                let sum = unsafe Int16(target[column]) &+ share
                unsafe target[column] = UInt8(truncatingIfNeeded: max(0, min(255, sum)))
            }
        }
    }

    /// The weight that leaves the least squares of `original - predicted`: the regression of what the prediction
    /// lacks on the residuals, in 64ths.
    package static func weight(original: Plane, predicted: Plane, residuals: Plane) -> Int8 {
        precondition(original.width == predicted.width && original.height == predicted.height, "sizes differ")
        precondition(original.width == residuals.width && original.height == residuals.height, "sizes differ")
        var product = 0
        var square = 0
        for row in 0..<original.height {
            // SAFETY: the three rows have `width` samples.
            let (wanted, given, residual) = unsafe (original.row(row), predicted.row(row), residuals.row(row))
            // A row of 4096 samples sums to at most 2^28.
            var rowProduct: Int32 = 0
            var rowSquare: Int32 = 0
            for column in 0..<original.width {
                let detail = unsafe Int32(residual[column]) &- 128
                rowProduct &+= unsafe (Int32(wanted[column]) &- Int32(given[column])) &* detail
                rowSquare &+= detail &* detail
            }
            product += Int(rowProduct)
            square += Int(rowSquare)
        }
        guard square > 0 else { return 0 }
        let doubled = 128 * product
        return Int8(clamping: (doubled + (doubled < 0 ? -square : square)) / (2 * square))
    }
}
