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
    /// The further of two that racing publications of one key had made visible.
    case duplicate
    /// A newer tile of its key came in its place.
    case replaced
}

extension TileCache {
    /// Takes a key out. False where it was not there. The participant may be off-line.
    @discardableResult
    package func remove(_ key: TileKey, by participant: CacheParticipant) -> Bool {
        let hash = KeyHash.of(key)
        return participant.withGuard {
            // Another turn where the tile was replaced in this moment.
            while true {
                let places = table.places(of: key, hash: hash)
                // The further ones first: what was replaced must not be seen again.
                for place in places.further.reversed() { unlinkAlone(place, hash, .duplicate, participant) }
                guard let nearest = places.nearest else { return false }
                if unlinkAlone(nearest, hash, .removed, participant) { return true }
            }
        }
    }

    /// Takes out all tiles of a tileset that stays open. Returns how many. What is being made meanwhile may come in.
    ///
    /// One pass over the table, in pieces, so that reclamation goes on meanwhile; not for a reactor.
    @discardableResult
    package func removeAll(ordinal: UInt32, by participant: CacheParticipant) -> Int {
        removeAll(by: participant) { (block: Block) in block.ordinal == ordinal }
    }

    /// The same for those of its tiles that `isMeant` names.
    @discardableResult
    package func removeAll(
        ordinal: UInt32,
        by participant: CacheParticipant,
        where isMeant: (TileCoordinate) -> Bool
    ) -> Int {
        removeAll(by: participant) { (block: Block) in block.ordinal == ordinal && isMeant(block.tile) }
    }

    /// The same for tiles of several tilesets that stay open, in one pass.
    ///
    /// - Parameter leaves: says by a tile's ordinal and its stored headers whether it goes. The headers are borrowed for
    ///   the call.
    @discardableResult
    package func removeAll(
        by participant: CacheParticipant,
        where leaves: (_ ordinal: UInt32, _ headers: UnsafeRawBufferPointer) -> Bool
    ) -> Int {
        // SAFETY: the block is in the table and the participant on-line, so its headers are alive.
        removeAll(by: participant) { (block: Block) in unsafe leaves(block.ordinal, block.storedHeaders) }
    }

    private func removeAll(by participant: CacheParticipant, where leaves: (Block) -> Bool) -> Int {
        precondition(!participant.isOnline, "a pass over the table would hold up reclamation")
        var removed = 0
        for first in stride(from: 0, to: table.bucketCount, by: Self.bucketsPerStep) {
            removed += participant.withGuard {
                unlink(
                    in: first..<min(first + Self.bucketsPerStep, table.bucketCount),
                    .removed,
                    participant,
                    where: leaves
                )
            }
        }
        collector.reclaim()
        return removed
    }

    /// Takes out all tiles of a tileset (or of an old version of it) for good, as one operation: when it returns, none is
    /// there, and what a worker that is late inserts for the ordinal is refused as `.closed`. Returns how many there were.
    ///
    /// Ordinals are never used again. The same pass as `removeAll`, after the ordinal was entered among the closed ones.
    @discardableResult
    package func close(ordinal: UInt32, by participant: CacheParticipant) -> Int {
        precondition(!participant.isOnline, "a pass over the table would hold up reclamation")
        closed.insert(ordinal, collector)
        return removeAll(ordinal: ordinal, by: participant)
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
                // ORDERING: sequentially consistent; pairs with the swap in BucketTable.publish(), in the one order of all
                // with ClosedOrdinals (a late insert is seen here, or sees itself closed), and acquires.
                let word = unsafe table.slot(position).pointee.load(ordering: .sequentiallyConsistent)
                guard word != 0 else { continue }
                let block = BucketTable.block(word)
                guard leaves(block) else { continue }
                let hash = block.mixedKey
                if table.clear(position, word, hash: hash) {
                    didUnlink(block, reason, participant)
                    count += 1
                } else if reason == .removed {
                    // A second block of the key lies behind, or the first was replaced in this moment.
                    count += unlinkAll(likeBlockAt: position, word, hash, participant)
                }
            }
        }
        return count
    }

    /// Takes out every block of the key that a word is of, until none is there. Returns how many.
    private func unlinkAll(
        likeBlockAt position: BucketTable.Position,
        _ word: UInt64,
        _ hash: UInt64,
        _ participant: CacheParticipant
    ) -> Int {
        var count = 0
        while true {
            let places = table.places(like: BucketTable.block(word), hash: hash)
            guard let nearest = places.nearest else { return count }
            for place in places.further.reversed() where unlinkAlone(place, hash, .removed, participant) { count += 1 }
            if unlinkAlone(nearest, hash, .removed, participant) { count += 1 }
        }
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
        points.reached(.unlinked)
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
        case .replaced: .evictedReplaced
        }
    }
}
