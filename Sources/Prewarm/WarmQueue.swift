// SPDX-License-Identifier: Apache-2.0

/// The requests of several tilesets, one walk after the other. Holds one walk's coordinate, never a list of requests.
struct WarmQueue: IteratorProtocol, Sendable {
    /// A request and the tileset that it is for.
    struct Item: Sendable {
        let tileset: WarmTileset
        let request: WarmRequest
    }

    /// Requests in all, and those that stand for families.
    let total: Int
    let families: Int
    private let tilesets: [WarmTileset]
    private let levels: ClosedRange<Int>?
    private var index = 0
    private var walk: FamilyWalk?

    init(_ tilesets: [WarmTileset], levels: ClosedRange<Int>?) {
        self.tilesets = tilesets
        self.levels = levels
        // Saturating: 2^60 tiles of one map are possible, several such maps would overflow.
        var total = 0
        var families = 0
        for tileset in tilesets {
            let walk = tileset.walk(levels: levels)
            total = Self.sum(total, walk.requestCount)
            families = Self.sum(families, walk.familyCount)
        }
        self.total = total
        self.families = families
    }

    mutating func next() -> Item? {
        while index < tilesets.count {
            var current = walk ?? tilesets[index].walk(levels: levels)
            if let request = current.next() {
                walk = current
                return Item(tileset: tilesets[index], request: request)
            }
            walk = nil
            index += 1
        }
        return nil
    }

    private static func sum(_ first: Int, _ second: Int) -> Int {
        let (sum, overflow) = first.addingReportingOverflow(second)
        return overflow ? .max : sum
    }
}
