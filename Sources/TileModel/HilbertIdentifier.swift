// SPDX-License-Identifier: Apache-2.0

extension TileCoordinate {
    /// The tile's number in PMTiles: all coarser levels come first, and a level is numbered along a Hilbert curve, so
    /// that neighbours have near numbers. `(4^level - 1) / 3` plus the distance along the curve.
    ///
    /// The tile must be one of a map: a level in `0...Pyramid.maxMapLevel`, column and row below `2^level`.
    /// Complexity: O(level). Source: PMTiles 3, and the curve as Hilbert drew it (Warren, Hacker's Delight, 16).
    package var hilbertIdentifier: Int {
        precondition(
            (0...Pyramid.maxMapLevel).contains(level) && x >= 0 && y >= 0 && x < 1 << level && y < 1 << level,
            "\(self) is no tile of a map"
        )
        var column = x
        var row = y
        var distance = 0
        var side = (1 << level) >> 1
        while side > 0 {
            let right = column & side != 0
            let lower = row & side != 0
            distance += side * side * ((right ? 3 : 0) ^ (lower ? 1 : 0))
            if !lower {
                if right {
                    column = (side - 1) - (column & (side - 1))
                    row = (side - 1) - (row & (side - 1))
                }
                (column, row) = (row, column)
            }
            column &= side - 1
            row &= side - 1
            side >>= 1
        }
        return Self.firstHilbertIdentifier(ofLevel: level) + distance
    }

    /// The tile of a number; nil where it is negative or of a level beyond `Pyramid.maxMapLevel`.
    package init?(hilbertIdentifier identifier: Int) {
        guard identifier >= 0,
            let level = (0...Pyramid.maxMapLevel).first(where: {
                identifier < Self.firstHilbertIdentifier(ofLevel: $0 + 1)
            })
        else { return nil }
        var rest = identifier - Self.firstHilbertIdentifier(ofLevel: level)
        var x = 0
        var y = 0
        var side = 1
        while side < 1 << level {
            let right = (rest >> 1) & 1
            let lower = (rest ^ right) & 1
            if lower == 0 {
                if right == 1 {
                    x = side - 1 - x
                    y = side - 1 - y
                }
                (x, y) = (y, x)
            }
            x += side * right
            y += side * lower
            rest >>= 2
            side <<= 1
        }
        self.init(level: level, x: x, y: y)
    }

    /// How many tiles all coarser levels have together; `level` is at most one more than `Pyramid.maxMapLevel`.
    package static func firstHilbertIdentifier(ofLevel level: Int) -> Int { ((1 << (2 * level)) - 1) / 3 }
}
