// SPDX-License-Identifier: Apache-2.0

extension RasterImage {
    /// The picture mirrored at its vertical axis (left and right change places), then turned clockwise by quarter turns
    /// (0...3). Complexity: O(pixels).
    package func oriented(mirrored: Bool, quarterTurns: Int) -> RasterImage {
        precondition((0...3).contains(quarterTurns), "\(quarterTurns) quarter turns")
        if !mirrored && quarterTurns == 0 { return self }
        let isTurned = quarterTurns % 2 == 1
        let (newWidth, newHeight) = isTurned ? (height, width) : (width, height)
        var result = [UInt8](repeating: 0, count: pixels.count)
        var to = 0
        for y in 0..<newHeight {
            for x in 0..<newWidth {
                // Where the pixel was before the turn, and then before the mirror.
                let (turnedX, turnedY) =
                    switch quarterTurns {
                    case 1: (y, height - 1 - x)
                    case 2: (width - 1 - x, height - 1 - y)
                    case 3: (width - 1 - y, x)
                    default: (x, y)
                    }
                let from = turnedY * stride + (mirrored ? width - 1 - turnedX : turnedX) * channels
                for channel in 0..<channels { result[to + channel] = pixels[from + channel] }
                to += channels
            }
        }
        return RasterImage(width: newWidth, height: newHeight, channels: channels, pixels: result)
    }
}
