// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TileModel

@Suite("Families of tiles")
struct FamilyTests {
    @Test("the families of every small image hold each tile of the three finest levels exactly once")
    func familiesPartition() throws {
        for width in 3...36 {
            for height in stride(from: 3, through: 36, by: 3) {
                let size = GridSize(width: width, height: height)
                let pyramid = try #require(Pyramid(deepZoom: size, tileSize: 4, overlap: 0))
                let parentLevel = pyramid.maxLevel - 2
                var seen: [TileCoordinate: Int] = [:]
                let parents = pyramid.grid(ofLevel: parentLevel)
                for y in 0..<parents.height {
                    for x in 0..<parents.width {
                        let parent = TileCoordinate(level: parentLevel, x: x, y: y)
                        let family = Family(parent: parent, in: pyramid)
                        for member in family.members {
                            let tile = family.coordinate(ofMember: member)
                            seen[tile, default: 0] += 1
                            guard pyramid.contains(tile), family.member(at: tile) == member else {
                                Issue.record("member \(member) of \(parent) in \(size)")
                                return
                            }
                            guard tile.ancestor(Family.depth(ofMember: member)) == parent else {
                                Issue.record("the ancestor of \(tile) is not \(parent)")
                                return
                            }
                        }
                    }
                }
                let expected = (parentLevel...pyramid.maxLevel).reduce(0) { $0 + pyramid.grid(ofLevel: $1).area }
                guard seen.count == expected, seen.values.allSatisfy({ $0 == 1 }) else {
                    Issue.record("\(size): \(seen.count) tiles of \(expected)")
                    return
                }
            }
        }
    }

    @Test("a family inside the image has all 21 members, and one at its corner only those that exist")
    func edges() throws {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 2220, height: 2967), tileSize: 256, overlap: 0))
        let inner = Family(parent: TileCoordinate(level: 10, x: 0, y: 0), in: pyramid)
        #expect(inner.present == 0x1F_FFFF)
        // 2220 x 2967 has 9 x 12 tiles, 5 x 6 above them, 3 x 3 above those: the last family is one column wide.
        let corner = Family(parent: TileCoordinate(level: 10, x: 2, y: 2), in: pyramid)
        #expect(corner.members == [0, 1, 3, 5, 9, 13, 17])
        #expect(corner.coordinate(ofMember: 3) == TileCoordinate(level: 11, x: 4, y: 5))
        #expect(corner.coordinate(ofMember: 17) == TileCoordinate(level: 12, x: 8, y: 11))
        #expect(corner.member(at: TileCoordinate(level: 12, x: 9, y: 8)) == nil)
        #expect(corner.member(at: TileCoordinate(level: 9, x: 1, y: 1)) == nil)
        #expect(corner.member(at: TileCoordinate(level: 13, x: 8, y: 8)) == nil)
        #expect(corner.member(at: TileCoordinate(level: 11, x: 3, y: 4)) == nil)
    }

    @Test("members are numbered row by row: parent 0, children 1...4, grandchildren 5...20")
    func numbering() {
        #expect(Family.index(depth: 0, column: 0, row: 0) == 0)
        #expect(Family.index(depth: 1, column: 1, row: 0) == 2)
        #expect(Family.index(depth: 1, column: 0, row: 1) == 3)
        #expect(Family.index(depth: 2, column: 3, row: 0) == 8)
        #expect(Family.index(depth: 2, column: 0, row: 3) == 17)
        #expect(
            (0..<Family.memberCount).map(Family.depth(ofMember:)) == [0] + .init(repeating: 1, count: 4)
                + .init(repeating: 2, count: 16)
        )
    }
}
