// SPDX-License-Identifier: Apache-2.0

import Testing
import TileModel

@testable import Prewarm

/// Every tile that a walk's requests cover, with how often.
private func coverage(_ walk: FamilyWalk, _ pyramid: Pyramid) -> [TileCoordinate: Int] {
    var counts: [TileCoordinate: Int] = [:]
    for request in walk {
        if request.isFamily {
            let family = Family(parent: request.tile, in: pyramid)
            for member in family.members { counts[family.coordinate(ofMember: member), default: 0] += 1 }
        } else {
            counts[request.tile, default: 0] += 1
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
                            requests.count == walk.requestCount,
                            requests.count(where: \.isFamily) == walk.familyCount
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
                    #expect(Array(walk).count == walk.requestCount)
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
        #expect(walk.familyCount == 1 << 56)
        for _ in 0..<1000 { #expect(walk.next() != nil) }
        let map = try #require(Pyramid(mapTileSize: 256, levels: 0...30))
        #expect(FamilyWalk(pyramid: map, familyLevel: nil).requestCount == ((1 << 62) - 1) / 3)
    }

    @Test("levels that a pyramid does not have name nothing")
    func outside() throws {
        let pyramid = try #require(Pyramid(mapTileSize: 256, levels: 3...5))
        for levels in [0...2, 6...30] {
            var walk = FamilyWalk(pyramid: pyramid, familyLevel: 3, levels: levels)
            #expect(walk.next() == nil && walk.requestCount == 0 && walk.familyCount == 0)
        }
    }
}
