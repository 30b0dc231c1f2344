// SPDX-License-Identifier: Apache-2.0

import HTTPFrontend
import LockFree
import Telemetry
import TileCache
import TileModel
import TilePipeline

/// Opens the catalog again while it is being served. Any thread; one reload after the other. Blocks on the file system.
final class CatalogReload: Sendable {
    private let state: ServiceState
    private let opening: CatalogOpening
    private let caching: CachePolicies
    private let accessLog: AccessLog?
    private let logger: Logger
    private let turn = Lock(())

    init(
        _ state: ServiceState,
        _ opening: CatalogOpening,
        caching: CachePolicies,
        accessLog: AccessLog?,
        logger: Logger
    ) {
        self.state = state
        self.opening = opening
        self.caching = caching
        self.accessLog = accessLog
        self.logger = logger
    }

    /// Searches the paths again (and opens the access log again, for who rotates it) and serves what is there now, from each
    /// reactor's next turn on. A tileset whose files are as they were keeps its rendered tiles in memory; tiles that lie in
    /// files of their own, and all of a tileset that changed or went away, leave it. Requests under way are answered from
    /// what they were asked of.
    ///
    /// - Parameter touched: ordinals of tilesets that are opened again even where their version is the same.
    /// - Returns: how many tilesets stayed as they were, and how many are new or changed.
    @discardableResult
    func perform(touched: Set<UInt32> = []) -> (kept: Int, opened: Int) {
        turn.withLock { _ in performAlone(touched) }
    }

    private func performAlone(_ touched: Set<UInt32>) -> (kept: Int, opened: Int) {
        do { try accessLog?.reopen() } catch { logger.log(.error, "\(error)") }
        let older = state.catalog.current.0
        let tilesets = opening.open(after: older, touched: touched)
        state.catalog.replace(by: ServedCatalog(tilesets, caching: caching, after: older))
        let ordinals = Set(tilesets.map(\.ordinal))
        let gone = older.entries.map(\.tileset.ordinal).filter { !ordinals.contains($0) }
        let participant = state.cache.makeParticipant()
        for ordinal in gone { state.cache.close(ordinal: ordinal, by: participant) }
        // The version does not tell whether a tile in a file of its own was written over: it is read again.
        unsafe state.cache.removeAll(by: participant) { ordinal, headers in
            unsafe ordinals.contains(ordinal) && !StoredTile.isOfVersion(headers)
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
