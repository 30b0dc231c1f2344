// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree
import Telemetry
import TileCache
package import TileModel
import TileSources

extension TilePipeline {
    /// What a purge took away.
    package struct Purged: Equatable, Sendable {
        /// Tiles that were in memory.
        package var memoryTiles = 0
        /// Families that the tiers behind memory were told to forget.
        package var families = 0
        /// Whether every tier forgot all of them, as far as it can tell.
        package var isComplete = true
    }

    /// Takes tiles of an open tileset out of memory and out of the tiers. When it returns, every answer to a request that
    /// comes from now on is made from what the source holds: what was being made from an older state when this was called
    /// is waited for, and taken out as well.
    ///
    /// Blocks, on tiers and on jobs under way; one thread at a time, never a reactor. Requests go on meanwhile.
    ///
    /// - Parameters:
    ///   - isMeant: whether a tile is to go.
    ///   - families: the rendered families that hold tiles to go.
    package func purge(
        _ tileset: OpenTileset,
        families: some Sequence<Family>,
        where isMeant: (TileCoordinate) -> Bool
    ) -> Purged {
        let participant = cache.makeParticipant()
        var purged = Purged()
        // What was read before and waits to be written is dropped; what is found in a tier from the deletes on is new.
        tiers?.beginPurge(of: tileset.edition)
        for family in families {
            forget(family, of: tileset, where: isMeant, &purged)
            purged.families += 1
        }
        // What is under way may be made of something older. A job takes milliseconds; a tier that stands still has time-outs
        // of its own.
        let rendering = board.withLock { $0.board.runningJobs(ordinal: tileset.ordinal) }
        let fetching = tiers?.board.withLock { $0.runningJobs(ordinal: tileset.ordinal) } ?? []
        while board.withLock({ $0.board.isRunning(anyOf: rendering) })
            || tiers?.board.withLock({ $0.isRunning(anyOf: fetching) }) ?? false
        {
            usleep(1000)
        }
        tiers?.waitForRestore()
        purged.memoryTiles = cache.removeAll(ordinal: tileset.ordinal, by: participant, where: isMeant)
        return purged
    }

    /// Has the tiers forget what is meant of a family, in all formats and forms.
    private func forget(
        _ family: Family,
        of tileset: OpenTileset,
        where isMeant: (TileCoordinate) -> Bool,
        _ purged: inout Purged
    ) {
        guard let tiers, !tiers.isEmpty else { return }
        let edition = tileset.edition
        var keys: [TierKey] = []
        for member in family.members {
            let tile = family.coordinate(ofMember: member)
            guard isMeant(tile) else { continue }
            for format in [TileFormat.jpeg, .png] {
                for isPadded in [false, true] {
                    guard let key = tileset.key(of: tile, format: format, padded: isPadded) else { continue }
                    let name = TierKey(key, of: edition)
                    if !keys.contains(name) { keys.append(name) }
                }
            }
        }
        guard !keys.isEmpty else { return }
        if !tiers.delete(keys, of: TierFamilyKey(edition: edition, parent: family.parent)) { purged.isComplete = false }
    }
}
