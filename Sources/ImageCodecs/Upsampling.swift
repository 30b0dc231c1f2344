// SPDX-License-Identifier: Apache-2.0

/// Doubling of planes: centre-aligned bilinear, edges clamped at the source's own border.
///
/// The output sample d lies at d/2 - 1/4 of the source, so the nearer source sample weighs 3/4 and the farther one 1/4
/// in each direction: `(9a + 3b + 3c + d + bias) >> 4`. With bias 0 this is the reference's truncating filter, sample
/// for sample (its 16.16 weights are 64 and 192 of 256); with bias 8 it rounds to nearest.
///
/// Any window of the doubled plane can be asked for, so that one tile's prediction costs one tile. The fast version
/// works on rows: weighted sums of two source rows in 16 bits, then both output samples of a source sample in one
/// 16-bit store, in a form that the compiler turns into SIMD. `upsampleScalar` is its plain twin.
@safe
package final class Upsampler {
    /// What happens to the four fractional bits.
    package enum Rounding: UInt16, Sendable {
        case truncating = 0
        case nearest = 8
    }

    /// The weighted sums of one pair of source rows, with one repeated sample at each end. UInt16 a sample.
    private var sums: UnsafeMutableBufferPointer<UInt16>
    /// One row of doubled samples, for `addPrediction`.
    private var doubled: UnsafeMutableBufferPointer<UInt8>

    /// Empty: the row memory grows with the first use.
    package init() {
        unsafe sums = UnsafeMutableBufferPointer(start: nil, count: 0)
        unsafe doubled = UnsafeMutableBufferPointer(start: nil, count: 0)
    }

    deinit {
        // SAFETY: allocated by `reserve`, owned by this object alone.
        unsafe sums.deallocate()
        unsafe doubled.deallocate()
    }

    /// Writes the window of the doubled `source` that starts at (`x`, `y`) and has the size of `target`. The window
    /// must lie inside the doubled plane; `target` must not overlap `source`.
    package func upsample(_ source: Plane, x: Int, y: Int, into target: Plane, rounding: Rounding) {
        check(source, x, y, target)
        if target.width == 0 { return }
        reserve(source, target)
        for row in 0..<target.height {
            // SAFETY: the row exists and has `width` samples.
            unsafe doubledRow(source, x, y + row, target.row(row), target.width, rounding)
        }
    }

    /// Adds a window of the doubled `source` to residuals in place: `sample = clamp(prediction + sample - 128)`.
    package func addPrediction(_ source: Plane, x: Int, y: Int, toResiduals target: Plane, rounding: Rounding) {
        check(source, x, y, target)
        if target.width == 0 { return }
        reserve(source, target)
        // SAFETY: `reserve` made room for the row and its last, possibly superfluous sample.
        let prediction = unsafe doubled.baseAddress!
        for row in 0..<target.height {
            unsafe doubledRow(source, x, y + row, prediction, target.width, rounding)
            unsafe addResidualRow(prediction, target.row(row), target.width)
        }
    }

    private func check(_ source: Plane, _ x: Int, _ y: Int, _ target: Plane) {
        precondition(source.width > 0 && source.height > 0, "doubling an empty plane")
        precondition(
            x >= 0 && y >= 0 && x + target.width <= 2 * source.width && y + target.height <= 2 * source.height,
            "window \(target.width)x\(target.height) at \(x),\(y) outside the double of \(source.width)x\(source.height)"
        )
    }

    private func reserve(_ source: Plane, _ target: Plane) {
        if unsafe sums.count < source.width + 2 {
            // SAFETY: ours, and nothing points into it between calls.
            unsafe sums.deallocate()
            unsafe sums = UnsafeMutableBufferPointer.allocate(capacity: source.width + 2)
        }
        if unsafe doubled.count < target.width {
            unsafe doubled.deallocate()
            unsafe doubled = UnsafeMutableBufferPointer.allocate(capacity: target.width)
        }
    }

    /// One row of the doubled plane, columns `x ..< x + count`.
    @unsafe
    private func doubledRow(
        _ source: Plane,
        _ x: Int,
        _ y: Int,
        _ target: UnsafeMutablePointer<UInt8>,
        _ count: Int,
        _ rounding: Rounding
    ) {
        let nearRow = y >> 1
        let farRow = y & 1 == 0 ? max(nearRow - 1, 0) : min(nearRow + 1, source.height - 1)
        // Source columns that are the nearer ones of the window, and one more at each side, clamped.
        let first = x >> 1
        let last = (x + count - 1) >> 1
        let columns = last - first + 1
        // SAFETY: 0 <= first <= last < source.width by `check`; sums[0...columns + 1] exists by `reserve`.
        let near = unsafe UnsafePointer(source.row(nearRow) + first)
        let far = unsafe UnsafePointer(source.row(farRow) + first)
        let sum = unsafe sums.baseAddress! + 1
        for column in 0..<columns {
            unsafe sum[column] = 3 &* UInt16(near[column]) &+ UInt16(far[column])
        }
        unsafe sum[-1] = first > 0 ? 3 &* UInt16(near[-1]) &+ UInt16(far[-1]) : sum[0]
        unsafe sum[columns] =
            last < source.width - 1 ? 3 &* UInt16(near[columns]) &+ UInt16(far[columns]) : sum[columns - 1]

        let bias = rounding.rawValue
        var written = 0
        var column = 0
        if x & 1 == 1 {
            unsafe target[0] = UInt8(truncatingIfNeeded: (3 &* sum[0] &+ sum[1] &+ bias) >> 4)
            written = 1
            column = 1
        }
        let pairs = (count - written) / 2
        // SAFETY: 2 * pairs samples from `written` lie inside the row; the store need not be aligned.
        let output = unsafe UnsafeMutableRawPointer(target + written)
        let middle = unsafe UnsafePointer(sum + column)
        for pair in 0..<pairs {
            let centre = unsafe 3 &* middle[pair] &+ bias
            let left = unsafe (centre &+ middle[pair - 1]) >> 4
            let right = unsafe (centre &+ middle[pair + 1]) >> 4
            unsafe output.storeBytes(of: (left | right << 8).littleEndian, toByteOffset: 2 * pair, as: UInt16.self)
        }
        if written + 2 * pairs < count {
            let at = column + pairs
            unsafe target[count - 1] = UInt8(truncatingIfNeeded: (3 &* sum[at] &+ sum[at - 1] &+ bias) >> 4)
        }
    }
}

/// The plain twin of `Upsampler.upsample`: the definition, sample by sample.
package func upsampleScalar(_ source: Plane, x: Int, y: Int, into target: Plane, rounding: Upsampler.Rounding) {
    func sample(_ column: Int, _ row: Int) -> Int {
        let clampedColumn = min(max(column, 0), source.width - 1)
        // SAFETY: both coordinates are clamped into the plane.
        return unsafe Int(source.row(min(max(row, 0), source.height - 1))[clampedColumn])
    }
    for row in 0..<target.height {
        let (nearRow, farRow) = ((y + row) >> 1, ((y + row) >> 1) + ((y + row) & 1 == 0 ? -1 : 1))
        for column in 0..<target.width {
            let near = (x + column) >> 1
            let far = near + ((x + column) & 1 == 0 ? -1 : 1)
            let total =
                9 * sample(near, nearRow) + 3 * sample(far, nearRow) + 3 * sample(near, farRow) + sample(far, farRow)
            // SAFETY: inside the target.
            unsafe target.row(row)[column] = UInt8((total + Int(rounding.rawValue)) >> 4)
        }
    }
}
