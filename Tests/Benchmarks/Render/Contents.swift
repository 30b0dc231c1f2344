// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import Foundation
import ImageCodecs
import TestSupport
import TileModel

/// A kind of picture, as families of one tile size that are ready to be rendered.
struct Content {
    let name: String
    let tileSize: Int
    let families: [Family]
    let materials: [FamilyMaterial]
}

/// Where the contents come from: real slides and pictures of the shared data, and the sample's map.
enum Contents {
    /// All that is measured: the families of a slide that the reference's tool encoded, and others that ours does.
    static func all() throws -> [Content] {
        var contents = [try packed(try SharedData.url("slides/he-q90-r32"))]
        let pathology = try tiles(try SharedData.url("slides/he-odd-size/baseline_pyramid_files/12"), side: 8) {
            "\($0)_\($1).jpg"
        }
        let marble = try JPEGDecoder().decodeRaster(
            try SharedData.bytes("raster/blue-marble-5400x2700.jpg"),
            limits: ImageLimits(maxWidth: 8192, maxHeight: 8192, maxPixels: 1 << 26)
        )
        let world = SharedData.packageRoot.appending(path: "tiles-sample/world/3")
        let map = try tiles(world, side: 8) { "\($0)/\($1).png" }
        contents.append(try encoded("pathology", pathology, tileSize: 512))
        for tileSize in [256, 512] {
            // Europe and Africa from space; the mountains and basins of Asia.
            contents.append(
                try encoded("photo", marble.cropped(x: 2500, y: 400, width: 2048, height: 2048), tileSize: tileSize)
            )
            contents.append(
                try encoded("relief", marble.cropped(x: 3300, y: 300, width: 2048, height: 2048), tileSize: tileSize)
            )
            contents.append(try encoded("map", map, tileSize: tileSize))
        }
        return contents
    }

    /// The four families of a slide of 2048 x 2048, from its packs.
    private static func packed(_ slide: URL) throws -> Content {
        let pyramid = try square(2048, tileSize: 256)
        let families = allFamilies(pyramid)
        let materials = try families.map { family in
            let material = FamilyMaterial()
            let name = "\(family.parent.x)_\(family.parent.y)"
            material.begin(family: family, pyramid: pyramid)
            let parent = slide.appending(path: "baseline_pyramid_files/\(family.parent.level)/\(name).jpg")
            material.setParent(material.append([UInt8](try Data(contentsOf: parent))))
            let pack = slide.appending(path: "residual_packs/\(name).pack")
            try material.addPack(material.append([UInt8](try Data(contentsOf: pack))))
            return material
        }
        return Content(name: "pathology", tileSize: 256, families: families, materials: materials)
    }

    /// A picture of 2048 x 2048 as families with the residuals that `ResidualEncoder` gives them: four with tiles of 256,
    /// one with tiles of 512. Parents at quality 95, 4:4:4.
    private static func encoded(_ name: String, _ picture: RasterImage, tileSize: Int) throws -> Content {
        let pyramid = try square(2048, tileSize: tileSize)
        let encoder = ResidualEncoder()
        let jpeg = JPEGEncoder()
        let families = allFamilies(pyramid)
        let materials = try families.map { family in
            let side = 4 * tileSize
            let finest = picture.cropped(
                x: family.parent.x * side,
                y: family.parent.y * side,
                width: side,
                height: side
            )
            let middle = halved(finest)
            let parent = try jpeg.encodeRaster(halved(middle), quality: 95, subsampling: .full)
            let residuals = try encoder.encode(
                family: family,
                pyramid: pyramid,
                parent: parent,
                children: middle,
                grandchildren: finest
            )
            let material = FamilyMaterial()
            material.begin(family: family, pyramid: pyramid)
            material.setParent(material.append(parent))
            for residual in residuals.residuals {
                material.set(member: residual.member, residual: material.append(residual.jpeg))
            }
            return material
        }
        return Content(name: name, tileSize: tileSize, families: families, materials: materials)
    }

    private static func square(_ side: Int, tileSize: Int) throws -> Pyramid {
        let size = GridSize(width: side, height: side)
        guard let pyramid = Pyramid(deepZoom: size, tileSize: tileSize, overlap: 0) else {
            throw BenchmarkFailure("no pyramid of \(size)")
        }
        return pyramid
    }

    private static func allFamilies(_ pyramid: Pyramid) -> [Family] {
        let level = pyramid.maxLevel - 2
        let grid = pyramid.grid(ofLevel: level)
        return (0..<grid.height).flatMap { y in
            (0..<grid.width).map { x in Family(parent: TileCoordinate(level: level, x: x, y: y), in: pyramid) }
        }
    }

    /// `side` x `side` tiles of 256 of one level as one picture of RGB.
    private static func tiles(_ level: URL, side: Int, name: (Int, Int) -> String) throws -> RasterImage {
        let decoder = JPEGDecoder()
        let stride = side * 256 * 3
        var pixels = [UInt8](repeating: 255, count: stride * side * 256)
        for y in 0..<side {
            for x in 0..<side {
                let file = level.appending(path: name(x, y))
                let bytes = [UInt8](try Data(contentsOf: file))
                let isPNG = file.pathExtension == "png"
                let tile = isPNG ? try PNGCodec.decode(bytes).flattenedOverWhite() : try decoder.decodeRaster(bytes)
                for row in 0..<tile.height {
                    for column in 0..<tile.width {
                        let at = (y * 256 + row) * stride + (x * 256 + column) * 3
                        for channel in 0..<3 {
                            pixels[at + channel] =
                                tile.pixels[
                                    row * tile.stride + column * tile.channels + min(channel, tile.channels - 1)
                                ]
                        }
                    }
                }
            }
        }
        return RasterImage(width: side * 256, height: side * 256, channels: 3, pixels: pixels)
    }

    /// Half the size in each direction: means of two by two.
    private static func halved(_ image: RasterImage) -> RasterImage {
        let (width, height) = (image.width / 2, image.height / 2)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(width * height * 3)
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<3 {
                    let at = 2 * y * image.stride + 2 * x * 3 + channel
                    let top = Int(image.pixels[at]) + Int(image.pixels[at + 3])
                    let bottom = Int(image.pixels[at + image.stride]) + Int(image.pixels[at + image.stride + 3])
                    pixels.append(UInt8((top + bottom + 2) / 4))
                }
            }
        }
        return RasterImage(width: width, height: height, channels: 3, pixels: pixels)
    }
}
