// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import Foundation
import ImageCodecs
import Telemetry
import TestSupport
import Testing
import TileModel
import TileSources

@testable import PyramidBuilding

@Suite("Writing pyramids")
struct PyramidWriterTests {
    /// A picture that tells each of its pixels apart and is quick to draw.
    private struct Gradient: Picture {
        let size: GridSize

        func render(_ rect: PixelRect) -> RasterImage {
            var pixels: [UInt8] = []
            for y in rect.y..<rect.y + rect.height {
                for x in rect.x..<rect.x + rect.width {
                    pixels += [UInt8(x * 255 / size.width), UInt8(y * 255 / size.height), UInt8((x + y) & 0x7F)]
                }
            }
            return RasterImage(width: rect.width, height: rect.height, channels: 3, pixels: pixels)
        }
    }

    @Test("halving takes the mean of two by two and repeats the last row and column of odd sizes")
    func halving() {
        let image = RasterImage(width: 3, height: 3, channels: 1, pixels: [0, 4, 10, 8, 12, 20, 100, 200, 255])
        #expect(image.halved() == RasterImage(width: 2, height: 2, channels: 1, pixels: [6, 15, 150, 255]))
        let one = RasterImage(width: 1, height: 1, channels: 3, pixels: [1, 2, 3])
        #expect(one.halved() == one)
    }

    @Test(
        "pieces that arrive in bands are cut into the tiles that the whole picture has",
        arguments: [(61, 47, 16, 0), (61, 47, 14, 1), (33, 90, 7, 3), (5, 3, 16, 0), (1, 1, 8, 1)]
    )
    func cutting(width: Int, height: Int, tileSize: Int, overlap: Int) throws {
        let size = GridSize(width: width, height: height)
        let picture = Gradient(size: size)
        let whole = picture.render(PixelRect(x: 0, y: 0, width: width, height: height))
        let pyramid = try #require(Pyramid(deepZoom: size, tileSize: tileSize, overlap: overlap))
        var levels = [whole]
        while levels.count < pyramid.levels.count { levels.append(levels[levels.count - 1].halved()) }
        for band in [1, 3, tileSize, height] {
            var seen: Set<TileCoordinate> = []
            var cutter = TileCutter(pyramid: pyramid, finest: pyramid.maxLevel, cutting: pyramid.levels)
            var top = 0
            while top < height {
                let rows = min(band, height - top)
                try cutter.push(whole.cropped(x: 0, y: top, width: width, height: rows)) { tile, image in
                    let rect = pyramid.rect(of: tile)
                    let level = levels[pyramid.maxLevel - tile.level]
                    #expect(image == level.cropped(x: rect.x, y: rect.y, width: rect.width, height: rect.height))
                    #expect(seen.insert(tile).inserted)
                }
                top += rows
            }
            #expect(seen.count == pyramid.tileCount, "bands of \(band)")
        }
    }

    @Test("any part of a picture agrees with the whole", arguments: [UInt32(1), 7])
    func partsAgree(seed: UInt32) {
        let picture = TissuePicture(size: GridSize(width: 900, height: 700), seed: seed)
        let whole = picture.render(PixelRect(x: 300, y: 200, width: 333, height: 301))
        for (x, y, width, height) in [(300, 200, 40, 40), (411, 307, 97, 111), (632, 500, 1, 1), (333, 222, 299, 13)] {
            let part = picture.render(PixelRect(x: x, y: y, width: width, height: height))
            #expect(part == whole.cropped(x: x - 300, y: y - 200, width: width, height: height))
        }
    }

    @Test("the world meets itself at the date line and keeps its few colours")
    func world() {
        let map = WorldMapPicture()
        let west = map.render(TileCoordinate(level: 2, x: 0, y: 1))
        let east = map.render(TileCoordinate(level: 2, x: 3, y: 1))
        var different = 0
        for row in 0..<256 {
            let left = west.pixels[row * west.stride + 3..<row * west.stride + 6]
            let right = east.pixels[row * east.stride + 255 * 3..<row * east.stride + 256 * 3]
            let distance = zip(left, right).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
            if distance > 60 { different += 1 }
        }
        #expect(different < 40, "\(different) of 256 rows break at the date line")
        var colors: Set<[UInt8]> = []
        for pixel in 0..<256 * 256 { colors.insert(Array(west.pixels[pixel * 3..<pixel * 3 + 3])) }
        #expect((5...256).contains(colors.count))
    }

    @Test(
        "a slide of any size is written so that its source serves every tile in its true size",
        arguments: [(3, 3), (33, 20), (130, 70), (65, 131), (1, 40), (64, 64)]
    )
    func oddSlides(width: Int, height: Int) throws {
        let directory = try TemporaryDirectory()
        let size = GridSize(width: width, height: height)
        try OrigamiWriter().write(
            Gradient(size: size),
            to: directory.path("slide"),
            description: BuildDescription(title: "Odd \"one\"", attribution: "nobody", micronsPerPixel: 0.25),
            tileSize: 16
        )
        let source = try openSource(directory.path("slide"), logger: .silent)
        #expect(source.info.title == "Odd \"one\"")
        #expect(source.info.attribution == "nobody")
        #expect(source.info.micronsPerPixel == 0.25)
        let error = try checkEveryTile(of: source, against: Gradient(size: size))
        // A picture of a few pixels keeps one or two colours: residuals carry luma alone.
        #expect(error < (min(width, height) < 16 ? 40 : 12), "mean difference of the finest level")
    }

    /// Renders or reads every tile; checks its size and returns the mean difference of the finest level's green.
    private func checkEveryTile(of source: any TileSource, against picture: some Picture) throws -> Double {
        let pyramid = source.info.pyramid
        let renderer = FamilyRenderer(parameters: .standard)
        let material = FamilyMaterial()
        let buffer = TileBuffer()
        let decoder = JPEGDecoder()
        var difference = 0
        for level in pyramid.levels {
            let grid = pyramid.grid(ofLevel: level)
            for y in 0..<grid.height {
                for x in 0..<grid.width {
                    let tile = TileCoordinate(level: level, x: x, y: y)
                    var bytes: [UInt8]
                    if let family = source.family(for: tile) {
                        try source.load(family, into: material)
                        renderer.begin(material)
                        let member = try #require(family.member(at: tile))
                        bytes = unsafe [UInt8](try renderer.render(member: member))
                    } else {
                        _ = try source.readTile(tile, into: buffer)
                        bytes = buffer.bytes
                    }
                    let image = try decoder.decodeRaster(bytes, limits: .tile)
                    let rect = pyramid.rect(of: tile)
                    #expect(image.width == rect.width && image.height == rect.height, "\(tile)")
                    guard level == pyramid.maxLevel else { continue }
                    let expected = picture.render(rect)
                    for index in stride(from: 1, to: image.pixels.count, by: 3) {
                        difference += abs(Int(image.pixels[index]) - Int(expected.pixels[index]))
                    }
                }
            }
        }
        return Double(difference) / Double(pyramid.size.area)
    }

    @Test("an output that is replaced is whole before and after; one that is begun and dropped leaves nothing")
    func outputFolders() throws {
        let directory = try TemporaryDirectory()
        try directory.write("out/old.txt", [1])
        do {
            let dropped = try OutputFolder(directory.path("out"), replaces: true)
            try dropped.write("new.txt", [2])
        }
        #expect(try files(under: directory.url) == ["out/old.txt": [1]])
        try directory.makeFolder("empty")
        try OutputFolder(directory.path("empty"), replaces: false).finish()
        #expect(throws: BuildError.self) { try OutputFolder(directory.path("out"), replaces: false) }
        let output = try OutputFolder(directory.path("out/"), replaces: true)
        try output.makeFolder("a/b")
        try output.write("a/b/new.txt", [2])
        #expect(FileManager.default.fileExists(atPath: directory.path("out/old.txt")))
        try output.finish()
        #expect(try files(under: directory.url) == ["out/a/b/new.txt": [2]])
    }
}
