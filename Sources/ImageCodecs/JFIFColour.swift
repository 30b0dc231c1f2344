// SPDX-License-Identifier: Apache-2.0

/// RGB to YCbCr as JPEG files mean it: ITU-R BT.601 at full range, in 16-bit fixed point, rounded to nearest.
/// Source: JFIF 1.02, section "Standard Colour Space".
package enum JFIFColour {
    /// The luma of one colour.
    @inline(__always)
    package static func luma(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
        let sum = 19595 &* Int32(red) &+ 38470 &* Int32(green) &+ 7471 &* Int32(blue) &+ 32768
        return UInt8(truncatingIfNeeded: sum >> 16)
    }

    /// The chroma of one colour: Cb, Cr.
    @inline(__always)
    package static func chroma(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> (blue: UInt8, red: UInt8) {
        let (r, g, b) = (Int32(red), Int32(green), Int32(blue))
        let cb = (-11058 &* r &- 21710 &* g &+ 32768 &* b &+ (128 << 16) &+ 32767) >> 16
        let cr = (32768 &* r &- 27439 &* g &- 5329 &* b &+ (128 << 16) &+ 32767) >> 16
        return (UInt8(truncatingIfNeeded: cb), UInt8(truncatingIfNeeded: cr))
    }

    /// Converts pixels of four bytes; `pixels` counts bytes. The three planes must be as large as the picture.
    package static func planes(fromRGBX pixels: Plane, luma: Plane, blue: Plane, red: Plane) {
        let width = pixels.width / 4
        precondition(luma.width >= width && blue.width >= width && red.width >= width, "planes too narrow")
        precondition(luma.height >= pixels.height && blue.height >= pixels.height && red.height >= pixels.height)
        for row in 0..<pixels.height {
            // SAFETY: every plane has the row, and `width` samples in it.
            let (from, y, cb, cr) = unsafe (pixels.row(row), luma.row(row), blue.row(row), red.row(row))
            for column in 0..<width {
                let (r, g, b) = unsafe (from[4 * column], from[4 * column + 1], from[4 * column + 2])
                unsafe y[column] = JFIFColour.luma(r, g, b)
                let chroma = JFIFColour.chroma(r, g, b)
                unsafe cb[column] = chroma.blue
                unsafe cr[column] = chroma.red
            }
        }
    }

    /// Converts planes of one size in place: red becomes luma, green Cb and blue Cr.
    package static func convertPlanes(red: Plane, green: Plane, blue: Plane) {
        precondition(green.width >= red.width && blue.width >= red.width, "planes too narrow")
        precondition(green.height >= red.height && blue.height >= red.height, "planes too low")
        for row in 0..<red.height {
            // SAFETY: every plane has the row, and `width` samples in it.
            let (first, second, third) = unsafe (red.row(row), green.row(row), blue.row(row))
            for column in 0..<red.width {
                let (r, g, b) = unsafe (first[column], second[column], third[column])
                unsafe first[column] = JFIFColour.luma(r, g, b)
                let chroma = JFIFColour.chroma(r, g, b)
                unsafe second[column] = chroma.blue
                unsafe third[column] = chroma.red
            }
        }
    }

    /// The luma of a whole picture, into a plane of its size. A gray picture is copied; alpha is ignored.
    package static func luma(of image: RasterImage, into plane: Plane) {
        precondition(plane.width >= image.width && plane.height >= image.height, "plane too small")
        for row in 0..<image.height {
            // SAFETY: the plane has the row, and `width` samples in it.
            let to = unsafe plane.row(row)
            for column in 0..<image.width {
                let at = row * image.stride + column * image.channels
                unsafe to[column] =
                    image.channels == 1
                    ? image.pixels[at] : luma(image.pixels[at], image.pixels[at + 1], image.pixels[at + 2])
            }
        }
    }
}
