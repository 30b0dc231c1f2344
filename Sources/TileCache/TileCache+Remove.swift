// SPDX-License-Identifier: Apache-2.0

internal import LockFree
internal import Synchronization
package import TileModel

/// Why an entry left memory. The raw values are labels of `orizuru_evictions_total`.
package enum DepartureReason: String, Sendable, CaseIterable {
    /// The keeper needed its bytes or its slot.
    case pressure
    /// Warm for longer than its time to live.
    case expired
    /// Removed by key or with its tileset.
    case removed
    /// It lay in a chunk whose memory was needed for blocks of another size.
    case compaction
    /// The further of two that racing inserts of one key had published.
    case duplicate
}

extension TileCache {
    /// Takes a key out. False where it was not there. The participant may be off-line.
    @discardableResult
    package func remove(_ key: TileKey, by participant: CacheParticipant) -> Bool {
        let hash = KeyHash.of(key)
        return participant.withGuard {
            var removed = false
            for place in table.places(of: key, hash: hash) where table.clear(place.position, place.word, hash: hash) {
                didUnlink(BucketTable.block(place.word), .removed, participant)
                removed = true
            }
            return removed
        }
    }

    /// Takes out all tiles of a closed tileset. Returns how many.
    ///
    /// One pass over the table, in pieces, so that reclamation goes on meanwhile; not for a reactor. What a worker inserts
    /// for the ordinal after the pass came by stays until the keeper drops it: nobody can ask for it any more, because
    /// ordinals are never used again.
    @discardableResult
    package func removeAll(ordinal: UInt32, by participant: CacheParticipant) -> Int {
        precondition(!participant.isOnline, "a pass over the table would hold up reclamation")
        var removed = 0
        for first in stride(from: 0, to: table.bucketCount, by: Self.bucketsPerStep) {
            removed += participant.withGuard {
                unlink(in: first..<min(first + Self.bucketsPerStep, table.bucketCount), .removed, participant) {
                    $0.ordinal == ordinal
                }
            }
        }
        collector.reclaim()
        return removed
    }

    /// Buckets that are looked at in one go, while on-line: some ten microseconds.
    static let bucketsPerStep = 512

    /// Unlinks what `leaves` says of the blocks in these buckets. The participant is on-line.
    func unlink(
        in buckets: Range<Int>,
        _ reason: DepartureReason,
        _ participant: CacheParticipant,
        where leaves: (Block) -> Bool
    ) -> Int {
        var count = 0
        for bucket in buckets {
            for position in bucket * 8..<bucket * 8 + BucketTable.slotsPerBucket {
                // ORDERING: acquiring; pairs with BucketTable.publish(): the block's contents are visible.
                let word = unsafe table.slot(position).pointee.load(ordering: .acquiring)
                guard word != 0 else { continue }
                let block = BucketTable.block(word)
                if leaves(block), table.clear(position, word, hash: block.mixedKey) {
                    didUnlink(block, reason, participant)
                    count += 1
                }
            }
        }
        return count
    }

    /// Accounts for a block that this thread has just unlinked, and hands it to the collector. Returns its bytes.
    @discardableResult
    func didUnlink(_ block: Block, _ reason: DepartureReason, _ participant: CacheParticipant) -> Int {
        // From here on no reader counts a use, so the class that is read here is the one that was counted.
        let use = UseWord(
            bits: unsafe block.use.pointee.bitwiseOr(UseWord.unlinkedBit, ordering: .relaxed).oldValue
        )
        let bytes = block.pooledBytes
        participant.count(use.isHot ? .hotEntries : .warmEntries, -1)
        participant.count(use.isHot ? .hotBytes : .warmBytes, -bytes)
        participant.count(reason.counter)
        if reason == .pressure || reason == .compaction {
            participant.count(.evictedBytes, bytes)
            if !use.isHot && use.count == 0 { participant.count(.evictedUnused) }
        }
        // SAFETY: unlinked by this thread alone, so the cache's reference is this thread's to hand over.
        unsafe collector.retire(block.base, bytes: bytes) { unsafe dropReference(Block($0)) }
        return bytes
    }
}

extension DepartureReason {
    var counter: CacheCounter {
        switch self {
        case .pressure: .evictedPressure
        case .expired: .evictedExpired
        case .removed: .evictedRemoved
        case .compaction: .evictedCompaction
        case .duplicate: .evictedDuplicate
        }
    }
}
