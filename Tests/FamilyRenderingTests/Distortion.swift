// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageCodecs

/// Squared errors between pictures, summed up to a peak signal-to-noise ratio.
struct Distortion {
    private var sum = 0
    private var samples = 0

    /// Adds two pictures of the same shape.
    mutating func add(_ a: RasterImage, _ b: RasterImage) throws {
        guard a.width == b.width, a.height == b.height, a.channels == b.channels else {
            throw RenderTestFailure("comparing \(a.width)x\(a.height)x\(a.channels) with \(b.width)x\(b.height)")
        }
        for index in a.pixels.indices {
            let difference = Int(a.pixels[index]) - Int(b.pixels[index])
            sum += difference * difference
        }
        samples += a.pixels.count
    }

    /// In decibels; infinite for equal pictures.
    var psnr: Double { 10 * log10(255 * 255 * Double(samples) / Double(sum)) }
}
