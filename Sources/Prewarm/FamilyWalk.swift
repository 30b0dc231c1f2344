// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// One request of a pre-warm: a tile, and how many levels from its own on are to be warm below it.
package struct WarmRequest: Equatable, Hashable, Sendable {
    /// The tile to ask for; for a family, its parent.
    package let tile: TileCoordinate
    /// 1: the tile alone. 2 or 3: the tile, its children, and its grandchildren.
    package let levels: Int

    package init(tile: TileCoordinate, levels: Int) {
        self.tile = tile
        self.levels = levels
    }
}

/// Walks a pyramid depth-first and names each request that warms it: a family once, every other tile once, alone or in a
/// group with those below it.
///
/// Neighbours come one after the other (the quadtree in pre-order), so that what a family shares with the next one is
/// still at hand. The walk holds no list: its whole state is one coordinate, from which the next one is computed, so a
/// pyramid of any size costs the same memory, and a walk resumes from the last coordinate that was done.
///
/// The families of a pyramid have their parents on one level, `familyLevel`, and span that level and the two below; a
/// family is asked for when any of its three levels is wanted. Stored tiles of other levels are asked for in groups of
/// up to three wanted levels where the server can do that and the region wants all of a group, else one by one.
///
/// Complexity: O(1) amortised per request; levels above the wanted ones cost a third of a step per tile at most, and the
/// border of a region as many steps as it has tiles.
package struct FamilyWalk: Sequence, IteratorProtocol, Sendable {
    private let pyramid: Pyramid
    /// The grid of each level from 0, those above the pyramid's own levels too: the quadtree's trunk.
    private let grids: [GridSize]
    /// The level of the families' parents; nil where each tile is stored as it is.
    private let familyLevel: Int?
    /// For each level the first level of its group, and how many levels that has; nil where it is not asked for.
    private let groups: [Group?]
    private let region: WarmRegion?
    /// No request lies below it.
    private let deepest: Int
    /// The coordinate visited last; nil before the first.
    private var last: TileCoordinate?
    private var isFinished: Bool

    private struct Group: Equatable, Sendable {
        let top: Int
        let count: Int
    }

    /// - Parameters:
    ///   - familyLevel: the parents' level; nil, or with less than two levels below it, there are no families.
    ///   - levels: the levels that are wanted; nil: all.
    ///   - isGrouped: whether the server warms stored tiles in groups.
    ///   - region: what is wanted of each level; nil: all.
    ///   - position: the request after which to begin; nil: from the start.
    package init(
        pyramid: Pyramid,
        familyLevel: Int?,
        levels: ClosedRange<Int>? = nil,
        isGrouped: Bool = false,
        region: WarmRegion? = nil,
        after position: TileCoordinate? = nil
    ) {
        self.pyramid = pyramid
        self.region = region
        let wanted = levels ?? pyramid.levels
        let familyLevel = familyLevel.flatMap { level in
            level >= pyramid.minLevel && level <= pyramid.maxLevel - 2 ? level : nil
        }
        self.familyLevel = familyLevel
        let groups = Self.groups(pyramid, familyLevel, wanted, isGrouped)
        self.groups = groups
        deepest = groups.compactMap { $0?.top }.max() ?? -1
        grids = Self.trunk(of: pyramid)
        last = position
        isFinished = deepest < 0
    }

    /// The next request, or nil when all have been named.
    package mutating func next() -> WarmRequest? {
        while let tile = advance() {
            if let request = request(at: tile) { return request }
        }
        return nil
    }

    /// The coordinate from which a walk goes on behind the last request; nil before the first.
    package var position: TileCoordinate? { last }

    /// How many requests a walk from the start names, and how many of them stand for families.
    ///
    /// Complexity: O(levels), and where there is a region, O(tiles at its border).
    package func count() -> (requests: Int, families: Int) {
        guard region != nil else { return count(below: nil) }
        var sum = (requests: 0, families: 0)
        var walk = self
        walk.last = nil
        while let tile = walk.advance() {
            if let group = groups[tile.level], group.top == tile.level, isWhole(tile) {
                let below = count(below: tile)
                sum = (sum.requests.saturatingSum(below.requests), sum.families.saturatingSum(below.families))
                walk.skipsBelow = true
            } else if let request = request(at: tile) {
                sum.requests += 1
                if request.levels == 3, tile.level == familyLevel { sum.families += 1 }
            }
        }
        return sum
    }

    /// Whether the next step leaves out what is below the last one.
    private var skipsBelow = false

    /// The requests of a whole subtree, or of everything, by arithmetic.
    private func count(below tile: TileCoordinate?) -> (requests: Int, families: Int) {
        var sum = (requests: 0, families: 0)
        for (level, group) in groups.enumerated() where group?.top == level && level >= tile?.level ?? 0 {
            let number: Int
            if let tile {
                let shift = level - tile.level
                let columns = Swift.min((tile.x + 1) << shift, grids[level].width) - tile.x << shift
                let rows = Swift.min((tile.y + 1) << shift, grids[level].height) - tile.y << shift
                number = columns * rows
            } else {
                number = grids[level].area
            }
            sum.requests = sum.requests.saturatingSum(number)
            if level == familyLevel { sum.families = number }
        }
        return sum
    }

    // MARK: Levels

    private static func groups(
        _ pyramid: Pyramid,
        _ familyLevel: Int?,
        _ wanted: ClosedRange<Int>,
        _ isGrouped: Bool
    ) -> [Group?] {
        var groups = [Group?](repeating: nil, count: pyramid.maxLevel + 1)
        func form(_ levels: ClosedRange<Int>) {
            let first = Swift.max(levels.lowerBound, wanted.lowerBound)
            var last = Swift.min(levels.upperBound, wanted.upperBound)
            while last >= first {
                let count = isGrouped ? Swift.min(3, last - first + 1) : 1
                for level in (last - count + 1)...last { groups[level] = Group(top: last - count + 1, count: count) }
                last -= count
            }
        }
        guard let familyLevel else {
            form(pyramid.levels)
            return groups
        }
        if familyLevel > pyramid.minLevel { form(pyramid.minLevel...familyLevel - 1) }
        if familyLevel + 2 < pyramid.maxLevel { form(familyLevel + 3...pyramid.maxLevel) }
        if wanted.overlaps(familyLevel...familyLevel + 2) {
            for level in familyLevel...familyLevel + 2 { groups[level] = Group(top: familyLevel, count: 3) }
        }
        return groups
    }

    /// The request that a coordinate stands for; nil where it is not wanted, or comes with another one.
    private func request(at tile: TileCoordinate) -> WarmRequest? {
        guard let group = groups[tile.level] else { return nil }
        let top = tile.ancestor(tile.level - group.top)
        if group.top == familyLevel || isWhole(top) {
            return tile.level == group.top ? WarmRequest(tile: tile, levels: group.count) : nil
        }
        return WarmRequest(tile: tile, levels: 1)
    }

    /// Whether all of a tile is wanted: what is below it then goes in groups.
    private func isWhole(_ tile: TileCoordinate) -> Bool { region?.contains(box(of: tile)) ?? true }

    private func box(of tile: TileCoordinate) -> PixelBox { PixelBox(of: tile, in: pyramid) }

    // MARK: Order

    /// The deepest level that is visited: below the groups' tops only where a region may cut a group.
    private var deepestVisited: Int {
        guard region != nil, let group = groups[deepest], group.top != familyLevel else { return deepest }
        return deepest + group.count - 1
    }

    /// The next coordinate in pre-order that the region touches.
    private mutating func advance() -> TileCoordinate? {
        while let tile = step() {
            guard let region, !region.touches(box(of: tile)) else { return tile }
            skipsBelow = true
        }
        return nil
    }

    /// The next coordinate in pre-order: the first child, else the next brother, else the next of an ancestor.
    private mutating func step() -> TileCoordinate? {
        guard !isFinished else { return nil }
        guard let tile = last else {
            last = TileCoordinate(level: 0, x: 0, y: 0)
            return last
        }
        if tile.level < deepestVisited, !skipsBelow {
            // Every tile has a first child: levels halve rounding up, and maps double.
            last = TileCoordinate(level: tile.level + 1, x: tile.x << 1, y: tile.y << 1)
            return last
        }
        skipsBelow = false
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
