// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs

/// The reference's colour conversions: 32-bit floats in the order in which it adds them, rounded half away from zero,
/// clamped. `docs/architecture.md` has the formulas. Pixels are four bytes: R, G, B, ignored.
///
/// The loops are free of calls and branches, so that the compiler makes SIMD of them. Rounding is done by adding 2^23,
/// where a float's last bit is 1: that rounds halves to even, and the one case in which this differs from rounding away
/// from zero (a positive remainder of exactly one half) is added back.
package enum ExactColour {
    /// `value` rounded half away from zero and clamped to 0...255.
    @inline(__always)
    package static func byte(_ value: Float) -> UInt32 {
        let clamped = max(0, min(255, value))
        let shifted = clamped + 8_388_608
        let isHalf: UInt32 = clamped - (shifted - 8_388_608) == 0.5 ? 1 : 0
        return (shifted.bitPattern & 0xFF) &+ isHalf
    }

    /// The same, written as it is defined: the plain twin. `value` must be within the range of Int32.
    package static func byteScalar(_ value: Float) -> UInt32 {
        let whole = Int32(value)
        let rest = value - Float(whole)
        let rounded = rest >= 0.5 ? whole + 1 : rest <= -0.5 ? whole - 1 : whole
        return UInt32(max(0, min(255, rounded)))
    }

    @inline(__always)
    static func luma(_ red: Float, _ green: Float, _ blue: Float) -> Float {
        0.299 * red + 0.587 * green + 0.114 * blue
    }

    @inline(__always)
    static func chromaBlue(_ red: Float, _ green: Float, _ blue: Float) -> Float {
        -0.168736 * red - 0.331264 * green + 0.5 * blue + 128
    }

    @inline(__always)
    static func chromaRed(_ red: Float, _ green: Float, _ blue: Float) -> Float {
        0.5 * red - 0.418688 * green - 0.081312 * blue + 128
    }

    /// Pixels to three planes of the same size. `pixels` counts bytes.
    package static func planes(fromRGBX pixels: Plane, luma: Plane, blue: Plane, red: Plane) {
        let width = pixels.width / 4
        precondition(luma.width == width && blue.width == width && red.width == width, "planes of other widths")
        precondition(luma.height == pixels.height && blue.height == luma.height && red.height == luma.height)
        for row in 0..<pixels.height {
            // SAFETY: each plane has the row, with `width` samples.
            let (from, y, cb, cr) = unsafe (
                UnsafeRawPointer(pixels.row(row)), luma.row(row), blue.row(row), red.row(row)
            )
            for column in 0..<width {
                let (r, g, b) = unsafe components(from, column)
                unsafe y[column] = UInt8(truncatingIfNeeded: byte(Self.luma(r, g, b)))
                unsafe cb[column] = UInt8(truncatingIfNeeded: byte(chromaBlue(r, g, b)))
                unsafe cr[column] = UInt8(truncatingIfNeeded: byte(chromaRed(r, g, b)))
            }
        }
    }

    /// Pixels to luma alone.
    package static func luma(fromRGBX pixels: Plane, into luma: Plane) {
        let width = pixels.width / 4
        precondition(luma.width == width && luma.height == pixels.height, "a plane of another size")
        for row in 0..<pixels.height {
            // SAFETY: both have the row, with `width` pixels.
            let (from, y) = unsafe (UnsafeRawPointer(pixels.row(row)), luma.row(row))
            for column in 0..<width {
                let (r, g, b) = unsafe components(from, column)
                unsafe y[column] = UInt8(truncatingIfNeeded: byte(Self.luma(r, g, b)))
            }
        }
    }

    /// Three planes to pixels; the fourth byte becomes 0.
    package static func rgbx(luma: Plane, blue: Plane, red: Plane, into pixels: Plane) {
        let width = pixels.width / 4
        precondition(luma.width == width && blue.width == width && red.width == width, "planes of other widths")
        precondition(luma.height == pixels.height && blue.height == luma.height && red.height == luma.height)
        for row in 0..<pixels.height {
            // SAFETY: each plane has the row, with `width` samples.
            let (to, y, cb, cr) = unsafe (
                UnsafeMutableRawPointer(pixels.row(row)), luma.row(row), blue.row(row), red.row(row)
            )
            for column in 0..<width {
                let value = unsafe Float(Int32(y[column]))
                let b = unsafe Float(Int32(cb[column])) - 128
                let r = unsafe Float(Int32(cr[column])) - 128
                let packed =
                    byte(value + 1.402 * r) | byte(value - 0.344136 * b - 0.714136 * r) << 8
                    | byte(value + 1.772 * b) << 16
                unsafe to.storeBytes(of: packed.littleEndian, toByteOffset: 4 * column, as: UInt32.self)
            }
        }
    }

    @unsafe
    @inline(__always)
    private static func components(_ pixels: UnsafeRawPointer, _ column: Int) -> (Float, Float, Float) {
        let packed = unsafe UInt32(littleEndian: pixels.loadUnaligned(fromByteOffset: 4 * column, as: UInt32.self))
        return (
            Float(Int32(truncatingIfNeeded: packed & 0xFF)),
            Float(Int32(truncatingIfNeeded: packed >> 8 & 0xFF)),
            Float(Int32(truncatingIfNeeded: packed >> 16 & 0xFF))
        )
    }
}
