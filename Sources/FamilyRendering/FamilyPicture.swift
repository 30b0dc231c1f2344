// SPDX-License-Identifier: Apache-2.0

internal import ImageCodecs

/// Pictures of what was reconstructed, for formats other than JPEG. Cold path: allocates.
enum FamilyPicture {
    /// A picture of planes of one size; gray without chroma.
    static func image(_ luma: Plane, _ chroma: (blue: Plane, red: Plane)?) -> RasterImage {
        guard let chroma else { return gray(luma) }
        let pixels = PlaneBuffer().plane(width: 4 * luma.width, height: luma.height)
        ExactColour.rgbx(luma: luma, blue: chroma.blue, red: chroma.red, into: pixels)
        return image(fromRGBX: pixels)
    }

    /// A picture of pixels of four bytes, of which the fourth is nothing; `pixels` counts bytes.
    static func image(fromRGBX pixels: Plane) -> RasterImage {
        let width = pixels.width / 4
        var bytes: [UInt8] = []
        bytes.reserveCapacity(3 * width * pixels.height)
        for row in 0..<pixels.height {
            // SAFETY: the plane has the row, with `width` pixels of four bytes.
            let from = unsafe UnsafeBufferPointer(start: pixels.row(row), count: 4 * width)
            for column in 0..<width {
                for channel in 0..<3 { unsafe bytes.append(from[4 * column + channel]) }
            }
        }
        return RasterImage(width: width, height: pixels.height, channels: 3, pixels: bytes)
    }

    private static func gray(_ luma: Plane) -> RasterImage {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(luma.width * luma.height)
        for row in 0..<luma.height {
            // SAFETY: the plane has the row, with `width` samples.
            unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: luma.row(row), count: luma.width))
        }
        return RasterImage(width: luma.width, height: luma.height, channels: 1, pixels: bytes)
    }
}
