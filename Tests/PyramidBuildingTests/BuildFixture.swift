// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import Foundation
import ImageCodecs
import TestSupport
import TileModel
import TileSources

@testable import PyramidBuilding

/// A picture with smooth ground, edges and colour, of any size, the same every time.
func testPicture(_ width: Int, _ height: Int, gray: Bool = false) -> RasterImage {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(width * height * (gray ? 1 : 3))
    for y in 0..<height {
        for x in 0..<width {
            let wave = (x * 3 + y * 2) % 256
            let ground = wave < 128 ? wave : 255 - wave
            let isInside = (x / 37 + y / 29) % 3 == 0
            if gray {
                pixels.append(UInt8(60 + ground))
            } else {
                pixels.append(UInt8(isInside ? 90 + ground / 2 : 200 - ground / 3))
                pixels.append(UInt8(isInside ? 40 + ground / 3 : 180 - ground / 3))
                pixels.append(UInt8(isInside ? 120 + ground / 2 : 210 - ground / 4))
            }
        }
    }
    return RasterImage(width: width, height: height, channels: gray ? 1 : 3, pixels: pixels)
}

/// Rows of a picture in memory.
func testRows(_ image: RasterImage) -> PictureRows {
    let planes = PlanarPicture(image)
    return PictureRows(
        planes,
        width: image.width,
        height: image.height,
        subsampling: planes.chroma == nil ? .gray : .full
    )
}

func testOptions(plain: Bool = false, tileSize: Int = 64) -> BuildOptions {
    var options = BuildOptions(description: BuildDescription(title: "a test", micronsPerPixel: 0.25))
    options.isPlain = plain
    options.tileSize = tileSize
    options.threads = 2
    options.quality.chroma = .predicted
    if plain { options.quality.subsampling = .quarter }
    return options
}

/// The files below a folder, by their paths in it.
func filesBelow(_ path: String) throws -> [String: Data] {
    var found: [String: Data] = [:]
    let url = URL(fileURLWithPath: path)
    for case let name as String in FileManager.default.enumerator(atPath: path) ?? .init() {
        if let data = try? Data(contentsOf: url.appending(path: name)), !name.hasSuffix(".keep") { found[name] = data }
    }
    return found
}
