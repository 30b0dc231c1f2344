// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// One request of a pre-warm.
package struct WarmRequest: Equatable, Sendable {
    /// The tile to ask for; for a family, its parent.
    package let tile: TileCoordinate
    /// Whether the answer stands for the whole family below the tile.
    package let isFamily: Bool
}

/// Walks a pyramid depth-first and names each request that warms it: a family once, every other tile once.
///
/// Neighbours come one after the other (the quadtree in pre-order), so that what a family shares with the next one is
/// still at hand. The walk holds no list: its whole state is one coordinate, from which the next one is computed, so a
/// pyramid of any size costs the same memory, and a walk resumes from the last coordinate that was done.
///
/// The families of a pyramid have their parents on one level, `familyLevel`, and span that level and the two below; a
/// family is asked for when any of its three levels is wanted. Tiles of other levels are asked for one by one.
///
/// Complexity: O(1) amortised per request; levels above the wanted ones cost a third of a step per tile at most.
package struct FamilyWalk: Sequence, IteratorProtocol, Sendable {
    /// The grid of each level from 0, those above the pyramid's own levels too: the quadtree's trunk.
    private let grids: [GridSize]
    /// The level of the families' parents; nil where each tile is stored as it is.
    private let familyLevel: Int?
    /// The levels that are asked for, the two lower ones of families left out.
    private let requestLevels: [Bool]
    /// No request lies below it.
    private let deepest: Int
    /// The coordinate visited last; nil before the first.
    private var last: TileCoordinate?
    private var isFinished: Bool

    /// - Parameters:
    ///   - familyLevel: the parents' level; nil, or with less than two levels below it, there are no families.
    ///   - levels: the levels that are wanted; nil: all.
    ///   - position: the request after which to begin; nil: from the start.
    package init(
        pyramid: Pyramid,
        familyLevel: Int?,
        levels: ClosedRange<Int>? = nil,
        after position: TileCoordinate? = nil
    ) {
        let wanted = levels ?? pyramid.levels
        let familyLevel = familyLevel.flatMap { level in
            level >= pyramid.minLevel && level <= pyramid.maxLevel - 2 ? level : nil
        }
        self.familyLevel = familyLevel
        let requestLevels = (0...pyramid.maxLevel).map { level in
            guard pyramid.levels.contains(level) else { return false }
            guard let familyLevel, (familyLevel...familyLevel + 2).contains(level) else {
                return wanted.contains(level)
            }
            return level == familyLevel && wanted.overlaps(familyLevel...familyLevel + 2)
        }
        self.requestLevels = requestLevels
        deepest = requestLevels.lastIndex(of: true) ?? -1
        grids = Self.trunk(of: pyramid)
        last = position
        isFinished = deepest < 0
    }

    /// The next request, or nil when all have been named.
    package mutating func next() -> WarmRequest? {
        while let tile = advance() {
            if requestLevels[tile.level] { return WarmRequest(tile: tile, isFamily: tile.level == familyLevel) }
        }
        return nil
    }

    /// How many requests a walk from the start names. Complexity: O(levels).
    package var requestCount: Int {
        zip(requestLevels, grids).reduce(0) { $0 + ($1.0 ? $1.1.area : 0) }
    }

    /// How many of them stand for families.
    package var familyCount: Int {
        guard let familyLevel, requestLevels[familyLevel] else { return 0 }
        return grids[familyLevel].area
    }

    /// The next coordinate in pre-order: the first child, else the next brother, else the next of an ancestor.
    private mutating func advance() -> TileCoordinate? {
        guard !isFinished else { return nil }
        guard let tile = last else {
            last = TileCoordinate(level: 0, x: 0, y: 0)
            return last
        }
        if tile.level < deepest {
            // Every tile has a first child: levels halve rounding up, and maps double.
            last = TileCoordinate(level: tile.level + 1, x: tile.x << 1, y: tile.y << 1)
            return last
        }
        var node = tile
        while true {
            if let brother = brother(after: node) {
                last = brother
                return brother
            }
            guard node.level > 0 else { break }
            node = node.ancestor(1)
        }
        isFinished = true
        return nil
    }

    /// The next of the four below the same parent that exists; below the root, of the whole grid of level 0.
    private func brother(after node: TileCoordinate) -> TileCoordinate? {
        let grid = grids[node.level]
        if node.level == 0 {
            if node.x + 1 < grid.width { return TileCoordinate(level: 0, x: node.x + 1, y: node.y) }
            return node.y + 1 < grid.height ? TileCoordinate(level: 0, x: 0, y: node.y + 1) : nil
        }
        if node.x & 1 == 0, node.x + 1 < grid.width {
            return TileCoordinate(level: node.level, x: node.x + 1, y: node.y)
        }
        if node.y & 1 == 0, node.y + 1 < grid.height {
            return TileCoordinate(level: node.level, x: node.x & ~1, y: node.y + 1)
        }
        return nil
    }

    /// Levels coarser than the pyramid's coarsest are made by halving its grid, so that every walk has one trunk.
    private static func trunk(of pyramid: Pyramid) -> [GridSize] {
        var grids: [GridSize] = pyramid.levels.map { pyramid.grid(ofLevel: $0) }
        while grids.count <= pyramid.maxLevel, let first = grids.first {
            grids.insert(GridSize(width: (first.width + 1) / 2, height: (first.height + 1) / 2), at: 0)
        }
        return grids
    }
}
