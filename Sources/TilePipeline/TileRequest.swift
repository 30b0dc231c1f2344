// SPDX-License-Identifier: Apache-2.0

package import TileCache
package import TileModel

/// How a request for a tile ended.
package enum TileOutcome: Sendable {
    /// The tile, and where it came from: memory, where it was there after all, or `render`. For a family: `render`
    /// where any of it had to be made. The receiver owns the reference and releases it.
    case tile(PinnedTile, TileTier)
    /// The tile where it lies in a file: memory had no room for it, or does not keep it, or not yet.
    case file(FileTile, TileTier)
    /// The geometry has the tile, but the source has nothing to make it from.
    case missing
    /// It could not be made; the reason is in the log.
    case failed
    /// The tileset's file is being changed: ask again when it has been opened anew.
    case changing
    /// No tier had it, and too many jobs wait to be rendered: 503, and try again in a while.
    case overloaded
    /// The pipeline is shutting down.
    case stopped
}

/// Who is told how a request ended: a reactor's mailbox, a test.
package protocol TileReceiver: AnyObject, Sendable {
    /// Called once for each accepted request that was not withdrawn, on a worker's thread, or with `.stopped` on the
    /// thread that stops the pipeline; must not block.
    func receive(_ outcome: TileOutcome, for ticket: UInt64)
}

/// What is asked of the pipeline.
package struct TileRequest: Sendable {
    /// How much of a family is wanted.
    package enum Scope: Sendable {
        /// The tile alone, and siblings where workers are idle.
        case tile
        /// The tile's whole family in all its forms, or the tile with the stored ones below it, so many levels together
        /// (1...3); at pre-warm priority, answered when it is in memory.
        case family(levels: Int)

        var isTile: Bool {
            if case .tile = self { return true }
            return false
        }
    }

    package let tileset: OpenTileset
    package let key: TileKey
    package let scope: Scope
    /// Whether it tells where somebody looks; a tile for a picture that is put together does not.
    package let isOfViewer: Bool

    package init(tileset: OpenTileset, key: TileKey, scope: Scope = .tile, isOfViewer: Bool = true) {
        self.tileset = tileset
        self.key = key
        self.scope = scope
        self.isOfViewer = isOfViewer
    }

    /// What the tile is asked for as.
    var format: TileFormat { key.format ?? tileset.format }
}
