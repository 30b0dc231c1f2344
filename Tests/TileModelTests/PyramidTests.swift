// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TileModel

@Suite("The geometry of a pyramid")
struct PyramidTests {
    /// The sizes of all levels by the definition: halve, rounding up, until one pixel is left.
    private func halvings(_ size: GridSize) -> [GridSize] {
        var sizes = [size]
        while let last = sizes.last, last.width > 1 || last.height > 1 {
            sizes.append(GridSize(width: (last.width + 1) / 2, height: (last.height + 1) / 2))
        }
        return sizes.reversed()
    }

    @Test("every level of every small Deep Zoom image is the halving, rounded up, of the next finer one")
    func deepZoomSizes() throws {
        for width in 1...70 {
            for height in 1...70 {
                let size = GridSize(width: width, height: height)
                let pyramid = try #require(Pyramid(deepZoom: size, tileSize: 4, overlap: 0))
                let expected = halvings(size)
                #expect(pyramid.levels == 0...(expected.count - 1), "\(size)")
                guard pyramid.levels.count == expected.count else { return }
                for level in pyramid.levels where pyramid.size(ofLevel: level) != expected[level] {
                    Issue.record("level \(level) of \(size) is \(pyramid.size(ofLevel: level)), not \(expected[level])")
                    return
                }
            }
        }
    }

    @Test("tiles without overlap cover each level once, whatever the size")
    func tilesCoverLevels() throws {
        for width in 1...40 {
            for height in 1...40 {
                let size = GridSize(width: width, height: height)
                let pyramid = try #require(Pyramid(deepZoom: size, tileSize: 8, overlap: 0))
                var tiles = 0
                for level in pyramid.levels {
                    let levelSize = pyramid.size(ofLevel: level)
                    let grid = pyramid.grid(ofLevel: level)
                    var area = 0
                    for y in 0..<grid.height {
                        for x in 0..<grid.width {
                            let tile = TileCoordinate(level: level, x: x, y: y)
                            let rect = pyramid.rect(of: tile)
                            let sizeIsRight =
                                rect.x == x * 8 && rect.y == y * 8 && rect.width == min(8, levelSize.width - x * 8)
                                && rect.height == min(8, levelSize.height - y * 8)
                            let isPartial = rect.width < 8 || rect.height < 8
                            guard sizeIsRight, pyramid.isPartial(tile) == isPartial else {
                                Issue.record("\(tile) of \(size): \(rect)")
                                return
                            }
                            area += rect.size.area
                            tiles += 1
                        }
                    }
                    guard area == levelSize.area, !pyramid.contains(TileCoordinate(level: level, x: grid.width, y: 0)),
                        !pyramid.contains(TileCoordinate(level: level, x: 0, y: grid.height))
                    else {
                        Issue.record("level \(level) of \(size): \(area) pixels of \(levelSize.area)")
                        return
                    }
                }
                guard tiles == pyramid.tileCount else {
                    Issue.record("\(size): \(tiles) tiles, not \(pyramid.tileCount)")
                    return
                }
            }
        }
    }

    @Test("a tile with overlap has the size of min((x+1)*T+O, w) - max(x*T-O, 0)")
    func overlap() throws {
        for width in 1...40 {
            let pyramid = try #require(Pyramid(deepZoom: GridSize(width: width, height: 23), tileSize: 6, overlap: 2))
            let grid = pyramid.grid(ofLevel: pyramid.maxLevel)
            for x in 0..<grid.width {
                let tile = TileCoordinate(level: pyramid.maxLevel, x: x, y: 0)
                let rect = pyramid.rect(of: tile)
                #expect(rect.width == min((x + 1) * 6 + 2, width) - max(x * 6 - 2, 0))
                #expect(pyramid.rect(of: tile, overlapping: false).width == min((x + 1) * 6, width) - x * 6)
            }
        }
    }

    @Test(
        "known pyramids have their known levels",
        arguments: [
            (1, 1, 0), (2, 1, 1), (1, 3, 2), (256, 256, 8), (257, 1, 9), (2220, 2967, 12), (16384, 16384, 14),
            (1 << 30, 1, 30),
        ]
    )
    func knownLevels(width: Int, height: Int, maxLevel: Int) throws {
        let size = GridSize(width: width, height: height)
        let pyramid = try #require(Pyramid(deepZoom: size, tileSize: 256, overlap: 0))
        #expect(pyramid.maxLevel == maxLevel)
        #expect(pyramid.size(ofLevel: 0) == GridSize(width: 1, height: 1))
        #expect(pyramid.size(ofLevel: maxLevel) == size)
    }

    @Test(
        "a size that is zero, negative or beyond the bounds makes no pyramid",
        arguments: [(0, 1), (1, 0), (-1, 1), (1, Int.min), ((1 << 30) + 1, 1), (1, Int.max)]
    )
    func refusedSizes(width: Int, height: Int) {
        #expect(Pyramid(deepZoom: GridSize(width: width, height: height), tileSize: 256, overlap: 0) == nil)
    }

    @Test(
        "a tile size or an overlap that cannot be makes no pyramid",
        arguments: [(0, 0), (-1, 0), (4097, 0), (256, 256), (256, -1), (1, 1)]
    )
    func refusedTiles(tileSize: Int, overlap: Int) {
        #expect(Pyramid(deepZoom: GridSize(width: 9, height: 9), tileSize: tileSize, overlap: overlap) == nil)
    }

    @Test("a map has 2^z by 2^z whole tiles on each level and none outside its levels")
    func mapGrid() throws {
        let pyramid = try #require(Pyramid(mapTileSize: 256, levels: 2...5))
        for level in 2...5 {
            let side = 1 << level
            #expect(pyramid.grid(ofLevel: level) == GridSize(width: side, height: side))
            #expect(pyramid.contains(TileCoordinate(level: level, x: side - 1, y: side - 1)))
            #expect(!pyramid.contains(TileCoordinate(level: level, x: side, y: 0)))
            #expect(!pyramid.isPartial(TileCoordinate(level: level, x: side - 1, y: 0)))
        }
        #expect(!pyramid.contains(TileCoordinate(level: 1, x: 0, y: 0)))
        #expect(!pyramid.contains(TileCoordinate(level: 6, x: 0, y: 0)))
        #expect(!pyramid.contains(TileCoordinate(level: 3, x: -1, y: 0)))
        #expect(Pyramid(mapTileSize: 256, levels: 0...31) == nil)
        #expect(Pyramid(mapTileSize: 256, levels: 0...30) != nil)
        #expect(Pyramid(mapTileSize: 0, levels: 0...3) == nil)
    }

    @Test("coordinates from a request that fit no pyramid are told without trapping")
    func hostileCoordinates() throws {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 500, height: 400), tileSize: 256, overlap: 1))
        for value in [Int.min, -1, Int.max, 1 << 40] {
            #expect(!pyramid.contains(TileCoordinate(level: value, x: 0, y: 0)))
            #expect(!pyramid.contains(TileCoordinate(level: 9, x: value, y: 0)))
            #expect(!pyramid.contains(TileCoordinate(level: 9, x: 0, y: value)))
        }
    }
}
