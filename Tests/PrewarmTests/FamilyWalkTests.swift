// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TileModel

@testable import Prewarm

/// Every tile that a walk's requests cover, with how often.
private func coverage(_ walk: FamilyWalk, _ pyramid: Pyramid) -> [TileCoordinate: Int] {
    var counts: [TileCoordinate: Int] = [:]
    for request in walk {
        for step in 0..<request.levels {
            let grid = pyramid.grid(ofLevel: request.tile.level + step)
            let (x, y) = (request.tile.x << step, request.tile.y << step)
            for row in y..<min(y + (1 << step), grid.height) {
                for column in x..<min(x + (1 << step), grid.width) {
                    counts[TileCoordinate(level: request.tile.level + step, x: column, y: row), default: 0] += 1
                }
            }
        }
    }
    return counts
}

private func tiles(_ pyramid: Pyramid, _ levels: some Sequence<Int>) -> Set<TileCoordinate> {
    var tiles: Set<TileCoordinate> = []
    for level in levels where pyramid.levels.contains(level) {
        let grid = pyramid.grid(ofLevel: level)
        for y in 0..<grid.height { for x in 0..<grid.width { tiles.insert(TileCoordinate(level: level, x: x, y: y)) } }
    }
    return tiles
}

@Suite("the walk over families")
struct FamilyWalkTests {
    @Test("every tile of every small slide is covered exactly once, whatever the families' level")
    func slides() throws {
        for width in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 40] {
            for height in [1, 2, 3, 5, 8, 13, 21, 34] {
                for tileSize in [1, 2, 3, 4] {
                    let size = GridSize(width: width, height: height)
                    let pyramid = try #require(Pyramid(deepZoom: size, tileSize: tileSize, overlap: 0))
                    for familyLevel in [nil] + pyramid.levels.map(Optional.some) {
                        let walk = FamilyWalk(pyramid: pyramid, familyLevel: familyLevel)
                        let counts = coverage(walk, pyramid)
                        let requests = Array(walk)
                        guard Set(counts.keys) == tiles(pyramid, pyramid.levels), counts.values.allSatisfy({ $0 == 1 }),
                            requests.count == walk.count().requests,
                            requests.count(where: { $0.levels == 3 }) == walk.count().families
                        else {
                            Issue.record(
                                "\(size), tiles of \(tileSize), families at \(familyLevel.map(String.init) ?? "none")"
                            )
                            return
                        }
                    }
                }
            }
        }
    }

    @Test("every tile of a map is covered once, from whatever level it starts")
    func maps() throws {
        for first in 0...4 {
            for last in first...6 {
                let pyramid = try #require(Pyramid(mapTileSize: 256, levels: first...last))
                for familyLevel in [nil, last - 2] {
                    let counts = coverage(FamilyWalk(pyramid: pyramid, familyLevel: familyLevel), pyramid)
                    #expect(Set(counts.keys) == tiles(pyramid, first...last))
                    #expect(counts.values.allSatisfy { $0 == 1 })
                }
            }
        }
    }

    @Test("a range of levels covers each of its tiles once, and nothing beyond the families that it touches")
    func levels() throws {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 300, height: 170), tileSize: 16, overlap: 0))
        for familyLevel in [nil, pyramid.maxLevel - 2, pyramid.maxLevel - 4] {
            for first in 0...12 {
                for last in first...12 {
                    let walk = FamilyWalk(pyramid: pyramid, familyLevel: familyLevel, levels: first...last)
                    let counts = coverage(walk, pyramid)
                    var wanted = Set(first...last)
                    if let familyLevel, !wanted.isDisjoint(with: familyLevel...familyLevel + 2) {
                        wanted.formUnion(familyLevel...familyLevel + 2)
                    }
                    #expect(Set(counts.keys) == tiles(pyramid, wanted) && counts.values.allSatisfy { $0 == 1 })
                    #expect(Array(walk).count == walk.count().requests)
                }
            }
        }
    }

    @Test("a walk resumes behind any of its requests")
    func resuming() throws {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 90, height: 61), tileSize: 8, overlap: 0))
        let familyLevel = pyramid.maxLevel - 2
        let all = Array(FamilyWalk(pyramid: pyramid, familyLevel: familyLevel))
        for (index, request) in all.enumerated() {
            let rest = Array(FamilyWalk(pyramid: pyramid, familyLevel: familyLevel, after: request.tile))
            #expect(rest == Array(all[(index + 1)...]))
        }
    }

    @Test("neighbours come one after the other: each tile follows its parent, and brothers are a subtree apart")
    func order() throws {
        let pyramid = try #require(Pyramid(mapTileSize: 256, levels: 0...2))
        let order = FamilyWalk(pyramid: pyramid, familyLevel: nil).prefix(8).map(\.tile.description)
        #expect(order == ["0/0/0", "1/0/0", "2/0/0", "2/1/0", "2/0/1", "2/1/1", "1/1/0", "2/2/0"])
    }

    @Test("the largest pyramids begin at once and count without a list")
    func large() throws {
        let side = 1 << 30
        let slide = try #require(Pyramid(deepZoom: GridSize(width: side, height: side), tileSize: 1, overlap: 0))
        var walk = FamilyWalk(pyramid: slide, familyLevel: slide.maxLevel - 2)
        #expect(walk.count().families == 1 << 56)
        for _ in 0..<1000 { #expect(walk.next() != nil) }
        let map = try #require(Pyramid(mapTileSize: 256, levels: 0...30))
        #expect(FamilyWalk(pyramid: map, familyLevel: nil).count().requests == ((1 << 62) - 1) / 3)
    }

    @Test("levels that a pyramid does not have name nothing")
    func outside() throws {
        let pyramid = try #require(Pyramid(mapTileSize: 256, levels: 3...5))
        for levels in [0...2, 6...30] {
            var walk = FamilyWalk(pyramid: pyramid, familyLevel: 3, levels: levels)
            #expect(walk.next() == nil && walk.count() == (0, 0))
        }
    }

    @Test(
        "groups cover each wanted tile exactly once, nothing else, and cost at most one request in twenty beside families"
    )
    func groups() throws {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 3000, height: 1700), tileSize: 16, overlap: 0))
        for familyLevel in [nil, pyramid.maxLevel - 2, pyramid.maxLevel - 5] {
            for levels in [nil, 0...12, 3...5, 4...4, 2...9] as [ClosedRange<Int>?] {
                let walk = FamilyWalk(pyramid: pyramid, familyLevel: familyLevel, levels: levels, isGrouped: true)
                let counts = coverage(walk, pyramid)
                var wanted = Set(levels ?? pyramid.levels)
                if let familyLevel, !wanted.isDisjoint(with: familyLevel...familyLevel + 2) {
                    wanted.formUnion(familyLevel...familyLevel + 2)
                }
                #expect(Set(counts.keys) == tiles(pyramid, wanted) && counts.values.allSatisfy { $0 == 1 })
                #expect(Array(walk).count == walk.count().requests)
            }
        }
        let count = FamilyWalk(pyramid: pyramid, familyLevel: pyramid.maxLevel - 2, isGrouped: true).count()
        #expect(Double(count.requests) <= 1.05 * Double(count.families) && count.families > 1000)
    }

    @Test("a region gets each tile that it touches once, and few that it does not")
    func regions() throws {
        var random = Seed.ofThisRun.generator()
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 1000, height: 630), tileSize: 16, overlap: 0))
        for round in 0..<40 {
            let rects = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                PixelRect(
                    x: .random(in: 0..<1000, using: &random),
                    y: .random(in: 0..<630, using: &random),
                    width: .random(in: 1...600, using: &random),
                    height: .random(in: 1...600, using: &random)
                )
            }
            let familyLevel = round % 2 == 0 ? nil : pyramid.maxLevel - 2
            let walk = FamilyWalk(
                pyramid: pyramid,
                familyLevel: familyLevel,
                isGrouped: round % 3 != 0,
                region: WarmRegion(rects)
            )
            let counts = coverage(walk, pyramid)
            #expect(counts.values.allSatisfy { $0 == 1 }, "\(rects)")
            let touched = tiles(pyramid, pyramid.levels).filter { tile in
                rects.contains { Self.touches($0, tile, pyramid) }
            }
            #expect(touched.isSubset(of: Set(counts.keys)), "\(rects)")
            // What else comes is of families that are touched.
            for tile in Set(counts.keys).subtracting(touched) {
                let level = try #require(familyLevel)
                #expect(tile.level > level, "\(tile) for \(rects)")
                let parent = tile.ancestor(tile.level - level)
                #expect(rects.contains { Self.touches($0, parent, pyramid) }, "\(tile) for \(rects)")
            }
            #expect(Array(walk).count == walk.count().requests, "\(rects)")
        }
    }

    private static func touches(_ rect: PixelRect, _ tile: TileCoordinate, _ pyramid: Pyramid) -> Bool {
        let side = pyramid.tileSize << (pyramid.maxLevel - tile.level)
        return rect.x < min((tile.x + 1) * side, pyramid.size.width) && tile.x * side < rect.x + rect.width
            && rect.y < min((tile.y + 1) * side, pyramid.size.height) && tile.y * side < rect.y + rect.height
    }

    @Test("the last pixel of a slide is in one tile of each level, and a region beyond the slide in none")
    func edges() throws {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 1001, height: 603), tileSize: 256, overlap: 0))
        let corner = WarmRegion([PixelRect(x: 1000, y: 602, width: 1, height: 1)])
        let found = Array(FamilyWalk(pyramid: pyramid, familyLevel: nil, region: corner)).map(\.tile)
        #expect(found.map(\.level) == Array(0...10) && found.last == TileCoordinate(level: 10, x: 3, y: 2))
        let beyond = WarmRegion([PixelRect(x: 1001, y: 0, width: 5, height: 5)])
        #expect(FamilyWalk(pyramid: pyramid, familyLevel: nil, region: beyond).count() == (0, 0))
    }

    @Test("a walk over a region resumes behind any of its requests")
    func resumingInARegion() throws {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 900, height: 610), tileSize: 16, overlap: 0))
        let region = WarmRegion([PixelRect(x: 100, y: 90, width: 333, height: 222)])
        func walk(after position: TileCoordinate?) -> FamilyWalk {
            FamilyWalk(
                pyramid: pyramid,
                familyLevel: pyramid.maxLevel - 2,
                isGrouped: true,
                region: region,
                after: position
            )
        }
        let all = Array(walk(after: nil))
        for (index, request) in all.enumerated() {
            #expect(Array(walk(after: request.tile)) == Array(all[(index + 1)...]))
        }
    }
}
