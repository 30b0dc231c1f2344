// SPDX-License-Identifier: Apache-2.0

/// Halving of planes: the mean of two by two samples, rounded to nearest, of the stored (gamma-encoded) values.
package enum PlaneHalving {
    /// Writes the means of two rows of the same width into a row of half of it, rounded up; the last column of an odd
    /// width counts twice. The target may be wider.
    package static func halve(
        _ upper: Plane,
        row upperRow: Int,
        _ lower: Plane,
        row lowerRow: Int,
        into target: Plane,
        row targetRow: Int
    ) {
        precondition(upper.width == lower.width && target.width >= (upper.width + 1) / 2, "rows of other widths")
        precondition((0..<upper.height).contains(upperRow) && (0..<lower.height).contains(lowerRow), "no such rows")
        precondition((0..<target.height).contains(targetRow), "no row \(targetRow)")
        // SAFETY: the three rows exist; pairs are inside the width, and half of them inside the target's.
        let (first, second, output) = unsafe (
            UnsafeRawPointer(upper.row(upperRow)), UnsafeRawPointer(lower.row(lowerRow)), target.row(targetRow)
        )
        // Both samples of a pair in one load: the compiler makes SIMD of it, which it does not of strides.
        for pair in 0..<(upper.width / 2) {
            let above = unsafe first.loadUnaligned(fromByteOffset: 2 * pair, as: UInt16.self)
            let below = unsafe second.loadUnaligned(fromByteOffset: 2 * pair, as: UInt16.self)
            let sum = (above & 0xFF) &+ (above >> 8) &+ (below & 0xFF) &+ (below >> 8)
            unsafe output[pair] = UInt8(truncatingIfNeeded: (sum &+ 2) >> 2)
        }
        if upper.width % 2 == 1 {
            let last = upper.width - 1
            let sum = unsafe UInt16(upper.row(upperRow)[last]) + UInt16(lower.row(lowerRow)[last])
            unsafe output[last / 2] = UInt8((2 * sum + 2) >> 2)
        }
    }
}
