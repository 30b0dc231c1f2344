// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
package import TileModel

/// A tile that somebody asked for, and how it is doing.
package struct UsedTile: Hashable, Sendable {
    package let key: TileKey
    package let isHot: Bool
    /// The cache's clock when it was last asked for, in milliseconds.
    package let lastUse: UInt32
    /// Requests, as far as they are counted.
    package let uses: UInt16
}

extension TileCache {
    /// The tiles that somebody has asked for, the hottest first, at most `limit`: what should be in memory again after a
    /// restart. One pass over the table, in pieces, so that reclamation goes on meanwhile; not for a reactor.
    package func usedTiles(limit: Int, by participant: CacheParticipant) -> [UsedTile] {
        precondition(!participant.isOnline, "a pass over the table would hold up reclamation")
        var tiles: [UsedTile] = []
        for first in stride(from: 0, to: table.bucketCount, by: Self.bucketsPerStep) {
            participant.withGuard {
                for bucket in first..<min(first + Self.bucketsPerStep, table.bucketCount) {
                    for position in bucket * 8..<bucket * 8 + BucketTable.slotsPerBucket {
                        // ORDERING: acquiring; pairs with the publication of the block in `place`: its contents are there.
                        let word = unsafe table.slot(position).pointee.load(ordering: .acquiring)
                        guard word != 0 else { continue }
                        let block = BucketTable.block(word)
                        let use = UseWord(bits: unsafe block.use.pointee.load(ordering: .relaxed))
                        guard use.count > 0 || use.isHot, !use.isUnlinked, let key = Self.key(of: block) else {
                            continue
                        }
                        tiles.append(
                            UsedTile(
                                key: key,
                                isHot: use.isHot,
                                lastUse: unsafe block.lastUse.pointee.load(ordering: .relaxed),
                                uses: use.count
                            )
                        )
                    }
                }
            }
        }
        let now = configuration.clock() &+ turns.load(ordering: .relaxed)
        // The clock wraps, so ages are compared, not times.
        tiles.sort { ($0.isHot ? 0 : 1, now &- $0.lastUse) < ($1.isHot ? 0 : 1, now &- $1.lastUse) }
        if tiles.count > limit { tiles.removeLast(tiles.count - limit) }
        return tiles
    }

    /// The key that a block carries, by the fields of `TileKey`.
    private static func key(of block: Block) -> TileKey? {
        // SAFETY: a published block; the key's first word is its first 8 bytes.
        let high = unsafe block.base.load(as: UInt64.self)
        guard let format = TileFormat(rawValue: UInt8(high >> 16 & 0xF)) else { return nil }
        return TileKey(
            ordinal: block.ordinal,
            tile: block.tile,
            variant: TileVariant(format: format, isPadded: high & 0x10_0000 != 0)
        )
    }
}

extension TileCache {
    /// Whether tiles may come in that nobody waits for, without others having to leave.
    package var hasRoomToRestore: Bool {
        (total(.warmBytes) + total(.hotBytes) + fixedBytes) * 10 < configuration.byteBudget * 8
    }
}
