// SPDX-License-Identifier: Apache-2.0

import LockFree
import Telemetry
import TileCache
import TilePipeline

/// Opens the catalog again and puts what is there now in the place of what was: for SIGHUP, for a changed file, for the
/// admin listener.
///
/// Thread rule: any thread but a reactor; one reload at a time, others wait for it.
final class CatalogReloader: Sendable {
    private let opening: CatalogOpening
    private let state: ServiceState
    private let caching: CachePolicies
    private let logger: Logger
    private let turn = Lock(())

    init(opening: CatalogOpening, state: ServiceState, caching: CachePolicies, logger: Logger) {
        self.opening = opening
        self.state = state
        self.caching = caching
        self.logger = logger
    }

    /// The tilesets that are served.
    var tilesets: [OpenTileset] { state.catalog.current.0.entries.map(\.tileset) }

    /// Searches the paths again and serves what is there now, from each reactor's next turn on. A tileset whose files are
    /// as they were keeps its place in memory; the tiles of one that changed or went away leave it. Requests under way
    /// are answered from what they were asked of. Blocks on the file system.
    ///
    /// - Parameter touched: ordinals of tilesets that are opened again even where their version is the same.
    /// - Returns: how many tilesets stayed as they were, and how many are new or changed.
    @discardableResult
    func reload(touched: Set<UInt32> = []) -> (kept: Int, opened: Int) {
        turn.withLock { _ in
            let older = state.catalog.current.0
            let tilesets = opening.open(after: older, touched: touched)
            state.catalog.replace(by: ServedCatalog(tilesets, caching: caching, after: older))
            let ordinals = Set(tilesets.map(\.ordinal))
            let gone = older.entries.map(\.tileset.ordinal).filter { !ordinals.contains($0) }
            if !gone.isEmpty {
                let participant = state.cache.makeParticipant()
                for ordinal in gone { state.cache.removeAll(ordinal: ordinal, by: participant) }
            }
            let kept = older.entries.count - gone.count
            logger.log(
                .info,
                "opened the catalog again",
                [
                    "kept": .integer(kept), "opened": .integer(tilesets.count - kept), "gone": .integer(gone.count),
                ]
            )
            return (kept, tilesets.count - kept)
        }
    }
}
