// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TileModel

@Suite("Tile numbers of PMTiles")
struct HilbertIdentifierTests {
    @Test(
        "the golden numbers of the format",
        arguments: [
            (0, 0, 0, 0), (1, 0, 0, 1), (1, 0, 1, 2), (1, 1, 1, 3), (1, 1, 0, 4), (2, 0, 0, 5),
            (12, 3423, 1763, 19_078_479),
        ]
    )
    func golden(level: Int, x: Int, y: Int, number: Int) {
        let tile = TileCoordinate(level: level, x: x, y: y)
        #expect(tile.hilbertIdentifier == number)
        #expect(TileCoordinate(hilbertIdentifier: number) == tile)
    }

    /// The curve as its definition draws it: four smaller ones, the first and the last one turned.
    private static func curve(_ level: Int) -> [(x: Int, y: Int)] {
        guard level > 0 else { return [(0, 0)] }
        let smaller = curve(level - 1)
        let side = 1 << (level - 1)
        return smaller.map { ($0.y, $0.x) } + smaller.map { ($0.x, $0.y + side) }
            + smaller.map { ($0.x + side, $0.y + side) } + smaller.map { (2 * side - 1 - $0.y, side - 1 - $0.x) }
    }

    @Test("every tile down to level 8 has the number of its place along the curve", arguments: 0...8)
    func wholeLevels(level: Int) {
        var number = (0..<level).reduce(0) { $0 + 1 << (2 * $1) }
        for place in Self.curve(level) {
            let tile = TileCoordinate(level: level, x: place.x, y: place.y)
            #expect(tile.hilbertIdentifier == number)
            #expect(TileCoordinate(hilbertIdentifier: number) == tile)
            number += 1
        }
        #expect(number == TileCoordinate.firstHilbertIdentifier(ofLevel: level + 1))
    }

    @Test("the corners of the finest level do not overflow, and what is no tile has no number")
    func ends() {
        let last = 1 << 30 - 1
        for (x, y) in [(0, 0), (last, 0), (0, last), (last, last)] {
            let tile = TileCoordinate(level: 30, x: x, y: y)
            #expect(TileCoordinate(hilbertIdentifier: tile.hilbertIdentifier) == tile)
        }
        #expect(TileCoordinate(hilbertIdentifier: -1) == nil)
        #expect(TileCoordinate(hilbertIdentifier: TileCoordinate.firstHilbertIdentifier(ofLevel: 31)) == nil)
        #expect(TileCoordinate(hilbertIdentifier: .max) == nil)
    }
}
