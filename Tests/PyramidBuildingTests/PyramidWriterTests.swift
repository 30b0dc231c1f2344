// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageCodecs
import TestSupport
import Testing
import TileModel

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

extension RasterImage {
    /// The picture at half the size, row by row as the cutter makes it.
    fileprivate func halved() -> RasterImage {
        let (newWidth, newHeight) = ((width + 1) / 2, (height + 1) / 2)
        var result = [UInt8](repeating: 0, count: newWidth * newHeight * channels)
        for y in 0..<newHeight {
            RasterImage.halveRows(
                pixels,
                upper: 2 * y * stride,
                lower: min(2 * y + 1, height - 1) * stride,
                width: width,
                channels: channels,
                into: &result,
                at: y * newWidth * channels
            )
        }
        return RasterImage(width: newWidth, height: newHeight, channels: channels, pixels: result)
    }
}
