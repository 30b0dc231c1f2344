// SPDX-License-Identifier: Apache-2.0

internal import TileModel

/// What a run would do (`--dry-run`): counts, and estimates that say what they assume. Pure.
package struct WarmPlan: Equatable, Sendable {
    package struct Row: Equatable, Sendable {
        package let tileset: String
        package let requests: Int
        package let families: Int
        /// Tiles that would be warm in the end, at most: requests count each level that they cover.
        package let tiles: Int
        /// Bytes that these tiles take in memory, by `bytesPerTile`.
        package let bytes: Int
    }

    package let rows: [Row]
    /// How long it takes at the rate that was asked for, or at what one rendering core does; a server with more workers
    /// takes accordingly less.
    package let duration: Duration
    /// Whether `duration` follows from a rate that was asked for.
    package let isPaced: Bool

    /// A 256-pixel JPEG tile of tissue at quality 90, and what goes with the square of its side.
    package static let bytesPerTile = 15_000
    /// What one family and one stored tile take a rendering core, in milliseconds.
    package static let millisecondsPerFamily = 5.0
    package static let millisecondsPerStoredTile = 0.1

    init(_ tilesets: [WarmTileset], _ options: PrewarmOptions) {
        var milliseconds = 0.0
        var requests = 0
        rows = tilesets.map { tileset in
            let count = tileset.walk(options.part).count()
            let stored = count.requests - count.families
            let perStored = tileset.warmLevels == 3 ? 21 : 1
            let tiles = Self.product(count.families, 21, plus: Self.product(stored, perStored))
            let side = Double(tileset.pyramid.tileSize) / 256
            milliseconds += Double(count.families) * Self.millisecondsPerFamily * side * side
            milliseconds += Double(stored) * Double(perStored) * Self.millisecondsPerStoredTile
            requests = requests.saturatingSum(count.requests)
            let bytes = Double(tiles) * Double(Self.bytesPerTile) * side * side
            return Row(
                tileset: tileset.id,
                requests: count.requests,
                families: count.families,
                tiles: tiles,
                bytes: bytes < 9e18 ? Int(bytes) : .max
            )
        }
        isPaced = options.rate != nil
        let seconds = options.rate.map { Double(requests) / $0 } ?? milliseconds / 1000
        duration = .seconds(min(seconds, 1e12))
    }

    private static func product(_ first: Int, _ second: Int, plus rest: Int = 0) -> Int {
        let (product, overflow) = first.multipliedReportingOverflow(by: second)
        return overflow ? .max : product.saturatingSum(rest)
    }
}
