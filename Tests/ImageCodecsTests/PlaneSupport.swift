// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TestSupport

extension Plane {
    /// Random samples everywhere.
    func randomize(_ generator: inout SeededGenerator) {
        for y in 0..<height {
            for x in 0..<width { self[x, y] = UInt8.random(in: 0...255, using: &generator) }
        }
    }

    /// A random window-like plane: at an odd place in a larger one, so that neither start nor stride is aligned. The
    /// frame around it is filled with a known value that `isFrameIntact` finds again.
    static func framed(width: Int, height: Int, _ generator: inout SeededGenerator) -> (frame: Plane, window: Plane) {
        let left = Int.random(in: 0...5, using: &generator)
        let top = Int.random(in: 0...2, using: &generator)
        let frame = Plane(width: width + left + 3, height: height + top + 2)
        frame.fill(frameValue)
        return (frame, frame.window(x: left, y: top, width: width, height: height))
    }

    static let frameValue: UInt8 = 0xA5

    /// Whether exactly the samples of `window` were written to: restores the frame's value there and looks.
    static func isFrameIntact(_ frame: Plane, around window: Plane) -> Bool {
        window.fill(frameValue)
        return frame.samples.allSatisfy { $0 == frameValue }
    }
}

extension RasterImage {
    /// A picture with some structure (gradients, an edge) and a little noise: like tissue, it compresses and is not flat.
    static func structured(
        width: Int,
        height: Int,
        channels: Int,
        _ generator: inout SeededGenerator
    ) -> RasterImage {
        let phase = Int.random(in: 0..<64, using: &generator)
        var pixels: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<channels {
                    let base = (x * (2 + channel) + y * 3 + phase) % 200 + (x > width / 2 ? 30 : 0)
                    pixels.append(UInt8(clamping: base + Int.random(in: 0...8, using: &generator)))
                }
            }
        }
        return RasterImage(width: width, height: height, channels: channels, pixels: pixels)
    }
}
