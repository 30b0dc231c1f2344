// SPDX-License-Identifier: Apache-2.0

/// One parent tile (level n), its 4 children (n + 1) and its 16 grandchildren (n + 2), clipped at the image's edge:
/// what is rendered as one job. (A metatile that spans three levels.)
///
/// Members are numbered 0...20: 0 the parent, 1...4 the children row by row, 5...20 the grandchildren row by row.
/// `present` says which of them exist.
public struct Family: Hashable, Sendable {
    /// The parent's place; level n.
    public let parent: TileCoordinate
    /// Bit i is set where member i exists; bit 0 always.
    public let present: UInt32

    /// The number of member positions, existing or not.
    public static let memberCount = 21

    /// The family below `parent`, which must be contained in `pyramid` and lie at least two levels above its finest.
    package init(parent: TileCoordinate, in pyramid: Pyramid) { self.init(parent: parent, levels: 3, in: pyramid) }

    /// The same of fewer levels: 1 the parent alone, 2 with its children, 3 with its grandchildren. The pyramid must have
    /// the levels.
    package init(parent: TileCoordinate, levels: Int, in pyramid: Pyramid) {
        precondition((1...3).contains(levels), "a family of \(levels) levels")
        precondition(
            pyramid.contains(parent) && parent.level + levels - 1 <= pyramid.maxLevel,
            "no family of \(levels) levels below \(parent)"
        )
        self.parent = parent
        var present: UInt32 = 1
        for depth in 1..<levels {
            let side = 1 << depth
            let grid = pyramid.grid(ofLevel: parent.level + depth)
            for row in 0..<side where parent.y << depth + row < grid.height {
                for column in 0..<side where parent.x << depth + column < grid.width {
                    present |= 1 << UInt32(Self.index(depth: depth, column: column, row: row))
                }
            }
        }
        self.present = present
    }

    /// The member number of the tile `depth` levels below the parent at `column`, `row` of the 2^depth grid.
    package static func index(depth: Int, column: Int, row: Int) -> Int {
        switch depth {
        case 0: 0
        case 1: 1 + row * 2 + column
        default: 5 + row * 4 + column
        }
    }

    /// How many levels below the parent a member is: 0, 1 or 2.
    package static func depth(ofMember member: Int) -> Int { member == 0 ? 0 : member < 5 ? 1 : 2 }

    /// The child that a member is, or is a quarter of: 1...4; nil for the parent.
    package static func child(ofMember member: Int) -> Int? {
        guard depth(ofMember: member) == 2 else { return member == 0 ? nil : member }
        return index(depth: 1, column: ((member - 5) & 3) >> 1, row: (member - 5) >> 3)
    }

    /// The place of a member. `member` is 0...20.
    package func coordinate(ofMember member: Int) -> TileCoordinate {
        precondition((0..<Self.memberCount).contains(member), "no member \(member)")
        let depth = Self.depth(ofMember: member)
        let first = depth == 0 ? 0 : depth == 1 ? 1 : 5
        let column = (member - first) & ((1 << depth) - 1)
        let row = (member - first) >> depth
        return TileCoordinate(level: parent.level + depth, x: parent.x << depth + column, y: parent.y << depth + row)
    }

    /// The member number of a tile, or nil where the tile is not of this family.
    package func member(at tile: TileCoordinate) -> Int? {
        let depth = tile.level - parent.level
        guard (0...2).contains(depth), tile.x >> depth == parent.x, tile.y >> depth == parent.y else { return nil }
        let mask = (1 << depth) - 1
        let index = Self.index(depth: depth, column: tile.x & mask, row: tile.y & mask)
        return contains(member: index) ? index : nil
    }

    /// Whether a member exists.
    package func contains(member: Int) -> Bool { present & (1 << UInt32(member)) != 0 }

    /// The existing members in ascending order.
    package var members: [Int] { (0..<Self.memberCount).filter(contains(member:)) }
}
