// SPDX-License-Identifier: Apache-2.0

/// Adds a row of residuals to a row of predictions, in place: `residuals[i] = clamp(predictions[i] + residuals[i] - 128)`.
///
/// As one saturating signed byte addition: with both biased by 128, the sum saturates where the result must be clamped.
/// Written on 16-bit sums with a clamp, which the compiler turns into packed saturating instructions.
@unsafe
@inline(__always)
func addResidualRow(
    _ predictions: UnsafeMutablePointer<UInt8>,
    _ residuals: UnsafeMutablePointer<UInt8>,
    _ count: Int
) {
    for index in 0..<count {
        let sum = unsafe Int16(predictions[index]) &+ Int16(residuals[index]) &- 128
        unsafe residuals[index] = UInt8(truncatingIfNeeded: max(0, min(255, sum)))
    }
}

/// Residual arithmetic on planes of equal size. Windows may be of any alignment and stride.
package enum ResidualArithmetic {
    /// `residuals = clamp(predictions + residuals - 128)`: what a decoder does.
    package static func add(predictions: Plane, toResiduals residuals: Plane) {
        precondition(predictions.width == residuals.width && predictions.height == residuals.height, "sizes differ")
        for row in 0..<residuals.height {
            // SAFETY: both rows have `width` samples.
            unsafe addResidualRow(predictions.row(row), residuals.row(row), residuals.width)
        }
    }

    /// The plain twin of `add`.
    package static func addScalar(predictions: Plane, toResiduals residuals: Plane) {
        precondition(predictions.width == residuals.width && predictions.height == residuals.height, "sizes differ")
        for row in 0..<residuals.height {
            for column in 0..<residuals.width {
                // SAFETY: inside both planes.
                let sum = unsafe Int(predictions.row(row)[column]) + Int(residuals.row(row)[column]) - 128
                unsafe residuals.row(row)[column] = UInt8(sum < 0 ? 0 : sum > 255 ? 255 : sum)
            }
        }
    }

    /// `predictions = clamp(originals - predictions + 128)`, in place: what an encoder stores.
    package static func subtract(predictions: Plane, fromOriginals originals: Plane) {
        precondition(predictions.width == originals.width && predictions.height == originals.height, "sizes differ")
        for row in 0..<originals.height {
            // SAFETY: both rows have `width` samples.
            let (prediction, original) = unsafe (predictions.row(row), originals.row(row))
            for column in 0..<originals.width {
                let difference = unsafe Int16(original[column]) &- Int16(prediction[column]) &+ 128
                unsafe prediction[column] = UInt8(truncatingIfNeeded: max(0, min(255, difference)))
            }
        }
    }
}
