// SPDX-License-Identifier: Apache-2.0

extension RasterImage {
    /// A square part of the picture, enlarged `2^steps` times in each direction.
    ///
    /// Centre-aligned bilinear interpolation with alpha premultiplied; what lies next to the part takes part in its
    /// edges, so that enlarged neighbours fit together. The part must lie inside. Complexity: the pixels of the result.
    package func enlarged(x: Int, y: Int, side: Int, steps: Int) -> RasterImage {
        precondition(x >= 0 && y >= 0 && side > 0 && x + side <= width && y + side <= height, "a part outside")
        precondition((0...12).contains(steps), "an enlargement by 2^\(steps)")
        let newSide = side << steps
        let columns = Self.taps(start: x, count: newSide, steps: steps, limit: width)
        let rows = Self.taps(start: y, count: newSide, steps: steps, limit: height)
        var result: [UInt8] = []
        result.reserveCapacity(newSide * newSide * channels)
        for row in rows {
            let upper = row.first * stride
            let lower = row.second * stride
            for column in columns {
                let corners = [
                    (upper + column.first * channels, (256 - row.weight) * (256 - column.weight)),
                    (upper + column.second * channels, (256 - row.weight) * column.weight),
                    (lower + column.first * channels, row.weight * (256 - column.weight)),
                    (lower + column.second * channels, row.weight * column.weight),
                ]
                appendMixed(corners, to: &result)
            }
        }
        return RasterImage(width: newSide, height: newSide, channels: channels, pixels: result)
    }

    /// Places of one direction: two neighbours and the second one's weight in 256ths.
    private static func taps(
        start: Int,
        count: Int,
        steps: Int,
        limit: Int
    ) -> [(first: Int, second: Int, weight: Int)] {
        (0..<count).map { index in
            // Twice the place of the centre in 2^steps parts of a pixel, half a pixel to the left: (2i + 1 - 2^s) / 2^(s+1).
            let doubled = 2 * index + 1 - (1 << steps)
            let whole = doubled >> (steps + 1)
            let fraction = doubled - (whole << (steps + 1))
            let first = min(max(start + whole, 0), limit - 1)
            let second = min(max(start + whole + 1, 0), limit - 1)
            return (first, second, (fraction << 8) >> (steps + 1))
        }
    }

    private func appendMixed(_ corners: [(at: Int, weight: Int)], to result: inout [UInt8]) {
        guard channels == 4 else {
            for channel in 0..<channels {
                let sum = corners.reduce(0) { $0 + Int(pixels[$1.at + channel]) * $1.weight }
                result.append(UInt8((sum + 32_768) >> 16))
            }
            return
        }
        let alpha = corners.reduce(0) { $0 + Int(pixels[$1.at + 3]) * $1.weight }
        for channel in 0..<3 {
            let sum = corners.reduce(0) { $0 + Int(pixels[$1.at + channel]) * Int(pixels[$1.at + 3]) * $1.weight }
            result.append(alpha == 0 ? 0 : UInt8((sum + alpha / 2) / alpha))
        }
        result.append(UInt8((alpha + 32_768) >> 16))
    }

    /// Copies a picture of the same channels to (`x`, `y`). It must fit.
    package mutating func paste(_ other: RasterImage, x: Int, y: Int) {
        precondition(other.channels == channels && x >= 0 && y >= 0, "a paste of other channels, or outside")
        precondition(x + other.width <= width && y + other.height <= height, "a paste outside")
        for row in 0..<other.height {
            let to = (y + row) * stride + x * channels
            pixels.replaceSubrange(
                to..<to + other.stride,
                with: other.pixels[row * other.stride..<(row + 1) * other.stride]
            )
        }
    }
}
