// SPDX-License-Identifier: Apache-2.0

/// A picture of interleaved 8-bit samples without gaps between rows: for cold paths (padding, PNG, building), never for
/// the rendering of families.
package struct RasterImage: Hashable, Sendable {
    package let width: Int
    package let height: Int
    /// 1 gray, 3 RGB, 4 RGBA with alpha not premultiplied.
    package let channels: Int
    /// Row by row from the top: `width * height * channels` bytes.
    package var pixels: [UInt8]

    /// The size must be positive, the channels 1, 3 or 4, and `pixels` must have exactly the bytes of that shape.
    package init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0, "no picture of \(width)x\(height)")
        precondition(channels == 1 || channels == 3 || channels == 4, "no picture of \(channels) channels")
        precondition(pixels.count == width * height * channels, "\(pixels.count) bytes for \(width)x\(height)")
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
    }

    /// One colour everywhere; `pixel` has one value per channel.
    package init(width: Int, height: Int, filledWith pixel: [UInt8]) {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(width * height * pixel.count)
        for _ in 0..<(width * height) { pixels.append(contentsOf: pixel) }
        self.init(width: width, height: height, channels: pixel.count, pixels: pixels)
    }

    /// The bytes between the starts of two rows.
    package var stride: Int { width * channels }

    /// The part that starts at (`x`, `y`). It must lie inside.
    package func cropped(x: Int, y: Int, width: Int, height: Int) -> RasterImage {
        precondition(x >= 0 && y >= 0 && x + width <= self.width && y + height <= self.height, "crop outside")
        if x == 0, y == 0, width == self.width, height == self.height { return self }
        var part: [UInt8] = []
        part.reserveCapacity(width * height * channels)
        for row in y..<(y + height) {
            let start = row * stride + x * channels
            part.append(contentsOf: pixels[start..<(start + width * channels)])
        }
        return RasterImage(width: width, height: height, channels: channels, pixels: part)
    }

    /// What fills the part of a tile that lies beyond the picture's edge.
    package enum Padding: Sendable {
        /// Opaque white: what JPEG can show.
        case white
        /// Transparent; a picture without alpha gets it. For PNG.
        case transparent
    }

    /// The picture in the upper left of a larger one. The new size must not be smaller in any direction.
    package func padded(toWidth newWidth: Int, height newHeight: Int, with padding: Padding) -> RasterImage {
        precondition(newWidth >= width && newHeight >= height, "padding to a smaller size")
        if newWidth == width, newHeight == height { return self }
        let source = padding == .transparent ? withAlpha() : self
        let fill: UInt8 = padding == .transparent ? 0 : 255
        var result = [UInt8](repeating: fill, count: newWidth * newHeight * source.channels)
        for row in 0..<height {
            let from = row * source.stride
            let to = row * newWidth * source.channels
            result.replaceSubrange(to..<(to + source.stride), with: source.pixels[from..<(from + source.stride)])
        }
        return RasterImage(width: newWidth, height: newHeight, channels: source.channels, pixels: result)
    }

    /// The same picture as RGBA.
    package func withAlpha() -> RasterImage {
        guard channels != 4 else { return self }
        var result: [UInt8] = []
        result.reserveCapacity(width * height * 4)
        for pixel in 0..<(width * height) {
            let at = pixel * channels
            result.append(pixels[at])
            result.append(pixels[channels == 1 ? at : at + 1])
            result.append(pixels[channels == 1 ? at : at + 2])
            result.append(255)
        }
        return RasterImage(width: width, height: height, channels: 4, pixels: result)
    }

    /// The same picture without alpha, laid over white: what a JPEG of it must show. Gray stays gray.
    package func flattenedOverWhite() -> RasterImage {
        guard channels == 4 else { return self }
        var result: [UInt8] = []
        result.reserveCapacity(width * height * 3)
        for pixel in 0..<(width * height) {
            let alpha = Int(pixels[pixel * 4 + 3])
            for channel in 0..<3 {
                let value = Int(pixels[pixel * 4 + channel]) * alpha + 255 * (255 - alpha)
                result.append(UInt8((value + 127) / 255))
            }
        }
        return RasterImage(width: width, height: height, channels: 3, pixels: result)
    }
}
