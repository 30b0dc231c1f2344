// SPDX-License-Identifier: Apache-2.0

internal import LockFree
internal import Synchronization

/// The table as rounds of eviction see it. The keeper's thread alone uses it.
struct KeeperGround: EvictionGround {
    private let cache: TileCache
    private let participant: CacheParticipant
    private let policy: EvictionPolicy
    private var hand = 0

    init(cache: TileCache, participant: CacheParticipant) {
        self.cache = cache
        self.participant = participant
        policy = cache.configuration.policy
    }

    var entryCount: Int { cache.total(.warmEntries) + cache.total(.hotEntries) }
    var now: UInt32 { participant.time() &+ turns }
    /// The keeper's round publishes it (`TileCache.turns`).
    var turns: UInt32 = 0
    var usesEver: [Int] { cache.usesEver }
    var placeCount: Int { cache.table.bucketCount * BucketTable.slotsPerBucket }

    /// On-line from here: what slots hold stays readable.
    mutating func sampleBegins() { participant.goOnline() }

    mutating func sampleEnds() { participant.goOffline() }

    mutating func offerAgain(_ candidate: EvictionCandidate, to sample: inout EvictionSample) {
        // ORDERING: acquiring; pairs with BucketTable.publish(): the block's contents are visible.
        let word = unsafe cache.table.slot(candidate.place).pointee.load(ordering: .acquiring)
        // The same word may be another block at the same address meanwhile: it is scored as what it is now.
        if word == candidate.word { offer(word, at: candidate.place, to: &sample) }
    }

    mutating func collect(into sample: inout EvictionSample) -> Int {
        var buckets = 0
        while !sample.isFull && buckets < TileCache.bucketsPerStep {
            for position in hand * 8..<hand * 8 + BucketTable.slotsPerBucket {
                // ORDERING: acquiring; pairs with BucketTable.publish(): the block's contents are visible.
                let word = unsafe cache.table.slot(position).pointee.load(ordering: .acquiring)
                if word != 0 { offer(word, at: position, to: &sample) }
            }
            hand = cache.table.bucket(after: hand)
            buckets += 1
        }
        return buckets * BucketTable.slotsPerBucket
    }

    private func offer(_ word: UInt64, at position: BucketTable.Position, to sample: inout EvictionSample) {
        let block = BucketTable.block(word)
        let use = UseWord(bits: unsafe block.use.pointee.load(ordering: .relaxed))
        let entry = EvictionEntry(
            useCount: Int(use.count),
            isAsked: use.isAsked,
            bytes: block.pooledBytes,
            cost: Int(block.cost),
            idle: KeeperRound.elapsed(unsafe block.lastUse.pointee.load(ordering: .relaxed), participant.now &+ turns)
        )
        sample.offer(entry, place: position, word: word)
    }

    mutating func evict(_ candidate: EvictionCandidate, generation: UInt16) -> Int? {
        let block = BucketTable.block(candidate.word)
        let hash = block.mixedKey
        let use = UseWord(bits: unsafe block.use.pointee.load(ordering: .relaxed))
        guard cache.table.clear(candidate.place, candidate.word, hash: hash) else { return nil }
        if policy.learns { cache.ghosts.remember(hash, uses: Int(use.count), generation: generation) }
        return cache.didUnlink(block, .pressure, participant)
    }

    mutating func fade(_ candidate: EvictionCandidate, generation: UInt16) {
        let block = BucketTable.block(candidate.word)
        let use = unsafe block.use.pointee.load(ordering: .relaxed)
        let faded = policy.faded(use, generation: generation)
        guard faded != use else { return }
        // Where a reader counts at the same moment, that was a use, and the count may stay.
        _ = unsafe block.use.pointee.compareExchange(expected: use, desired: faded, ordering: .relaxed)
    }
}
