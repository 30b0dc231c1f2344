// SPDX-License-Identifier: Apache-2.0

import ImageCodecs

extension RasterImage {
    /// One row of half the width, rounded up, from two rows at `upper` and `lower`: each pixel is the mean of two by two,
    /// the last column repeated where the width is odd.
    ///
    /// The mean is of the stored (gamma-encoded) values, as scanners and pyramid tools do it: levels then agree with
    /// those of other makers, and the doubling of `FamilyRendering` is its inverse in the same space. In linear light
    /// fine dark detail would come out lighter from level to level.
    static func halveRows(
        _ pixels: [UInt8],
        upper: Int,
        lower: Int,
        width: Int,
        channels: Int,
        into result: inout [UInt8],
        at start: Int
    ) {
        for x in 0..<(width + 1) / 2 {
            let left = 2 * x * channels
            let right = min(2 * x + 1, width - 1) * channels
            for channel in 0..<channels {
                let sum =
                    Int(pixels[upper + left + channel]) + Int(pixels[upper + right + channel])
                    + Int(pixels[lower + left + channel]) + Int(pixels[lower + right + channel])
                result[start + x * channels + channel] = UInt8((sum + 2) >> 2)
            }
        }
    }
}
