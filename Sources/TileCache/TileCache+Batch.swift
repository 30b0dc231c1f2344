// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Synchronization
package import TileModel

extension TileCache {
    /// Looks up a family or a viewport at once, and calls `body` with each key's index and tile, in order.
    ///
    /// The same answers and counts as from `find` for each key, but the memory of all of them is fetched side by side:
    /// first all buckets, then all blocks. The participant must be on-line, and what `body` gets is valid as long as it
    /// stays so.
    package func find(_ keys: Span<TileKey>, by participant: CacheParticipant, _ body: (Int, CachedTile?) -> Void) {
        var first = 0
        while first < keys.count {
            let end = min(first + Self.batchSize, keys.count)
            find(keys, first..<end, by: participant, body)
            first = end
        }
    }

    /// Keys whose cache lines are fetched side by side: a family and its parent's neighbours; more gains nothing, because
    /// a processor has some dozens of misses under way at most.
    private static var batchSize: Int { 32 }

    private func find(
        _ keys: Span<TileKey>,
        _ range: Range<Int>,
        by participant: CacheParticipant,
        _ body: (Int, CachedTile?) -> Void
    ) {
        unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.batchSize) { hashes in
            for index in range {
                let hash = KeyHash.of(keys[index])
                // SAFETY: at most batchSize keys.
                unsafe hashes.initializeElement(at: index - range.lowerBound, to: hash)
                table.prefetchBucket(hash)
            }
            for index in range { unsafe table.prefetchBlock(hashes[index - range.lowerBound]) }
            for index in range {
                body(index, unsafe find(keys[index], hash: hashes[index - range.lowerBound], by: participant))
            }
        }
    }
}
