// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageCodecs
import TestSupport

/// The tiles of one level of a plain pyramid in the shared data, side by side.
func storedLevel(_ slide: String, level: Int, width: Int, height: Int) throws -> RasterImage {
    var image = RasterImage(width: width, height: height, filledWith: [255, 255, 255])
    let decoder = JPEGDecoder()
    for y in stride(from: 0, to: height, by: 256) {
        for x in stride(from: 0, to: width, by: 256) {
            let bytes = try SharedData.bytes("\(slide)/baseline_pyramid_files/\(level)/\(x / 256)_\(y / 256).jpg")
            let tile = try decoder.decodeRaster(bytes)
            for row in 0..<tile.height {
                let at = (y + row) * image.stride + 3 * x
                image.pixels.replaceSubrange(
                    at..<(at + tile.stride),
                    with: tile.pixels[(row * tile.stride)..<((row + 1) * tile.stride)]
                )
            }
        }
    }
    return image
}

/// A larger picture of the same tissue: the smaller one and its mirror images side by side.
func mirrored(_ image: RasterImage, side: Int) -> RasterImage {
    var pixels = [UInt8](repeating: 0, count: side * side * 3)
    for y in 0..<side {
        let v = y % (2 * image.height)
        let row = (v < image.height ? v : 2 * image.height - 1 - v) * image.stride
        for x in 0..<side {
            let u = x % (2 * image.width)
            let from = row + 3 * (u < image.width ? u : 2 * image.width - 1 - u)
            let to = 3 * (y * side + x)
            pixels[to] = image.pixels[from]
            pixels[to + 1] = image.pixels[from + 1]
            pixels[to + 2] = image.pixels[from + 2]
        }
    }
    return RasterImage(width: side, height: side, channels: 3, pixels: pixels)
}

/// Writes a large picture of the shared slide's tissue as a JPEG and as a PNG.
func drawPictures(side: Int, jpeg: String, png: String) throws {
    let tissue = try storedLevel("slides/he-odd-size", level: 12, width: 2220, height: 2967)
    let picture = mirrored(tissue, side: side)
    try Data(JPEGEncoder().encodeRaster(picture, quality: 90)).write(to: URL(fileURLWithPath: jpeg))
    try Data(PNGCodec.encode(picture, content: .photographic)).write(to: URL(fileURLWithPath: png))
}
