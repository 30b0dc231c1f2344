// SPDX-License-Identifier: Apache-2.0

internal import TileModel

/// The requests of several tilesets, one walk after the other. Holds one walk's coordinate, never a list of requests.
struct WarmQueue: Sequence, IteratorProtocol, Sendable {
    /// A request and the tileset that it is for.
    struct Item: Equatable, Sendable {
        let tileset: WarmTileset
        let request: WarmRequest
    }

    /// Where a queue goes on.
    struct Position: Equatable, Sendable {
        /// The tileset that is being walked, and the last coordinate of its walk; nil before the first.
        var tileset = 0
        var tile: TileCoordinate?
    }

    /// Requests in all, and those that stand for families, from the very start.
    let total: Int
    let families: Int
    private let tilesets: [WarmTileset]
    private let part: WarmPart
    /// What comes before the walk goes on.
    private(set) var first: ArraySlice<Item>
    private(set) var position: Position
    private var walk: FamilyWalk?

    /// - Parameters:
    ///   - position: where the walk goes on.
    ///   - first: what comes before that.
    init(_ tilesets: [WarmTileset], _ part: WarmPart, after position: Position = Position(), first: [Item] = []) {
        self.tilesets = tilesets
        self.part = part
        self.position = position
        self.first = first[...]
        // Saturating: 2^60 tiles of one map are possible, several such maps would overflow.
        var total = 0
        var families = 0
        for tileset in tilesets {
            let count = tileset.walk(part).count()
            total = total.saturatingSum(count.requests)
            families = families.saturatingSum(count.families)
        }
        self.total = total
        self.families = families
    }

    /// These requests and no others.
    init(_ items: [Item]) {
        tilesets = []
        part = WarmPart()
        position = Position()
        first = items[...]
        total = items.count
        families = items.count { $0.request.tile.level == $0.tileset.familyLevel }
    }

    mutating func next() -> Item? {
        if let item = first.popFirst() { return item }
        while position.tileset < tilesets.count {
            let tileset = tilesets[position.tileset]
            var current = walk ?? tileset.walk(part, after: position.tile)
            let request = current.next()
            walk = current
            position.tile = current.position
            if let request { return Item(tileset: tileset, request: request) }
            walk = nil
            position = Position(tileset: position.tileset + 1)
        }
        return nil
    }
}
