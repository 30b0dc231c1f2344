// SPDX-License-Identifier: Apache-2.0

internal import LockFree
internal import Synchronization
internal import Telemetry

/// The keeper's work: one round at a time, each in small steps, on one thread.
///
/// A round reclaims, evicts from the high to the low watermark if there is need, restores the uncharged headroom, and
/// moves the expiry hand on. While it evicts it goes over the table like a clock's hand: a sample is the next 32
/// entries of the class that has to give, of which the quarter with the lowest scores leaves; the others have their
/// counts halved, once per generation. The hand follows the hash, so a sample is random and every entry is visited
/// equally often.
struct KeeperRound {
    private let cache: TileCache
    private let participant: CacheParticipant
    private var hand = 0
    private var expiryHand = 0
    private var lastExpiry: UInt32
    /// What the collector had freed in all when it was looked at, and when that had last grown or little was retired.
    private var freedBytes = 0
    private var progressAt: UInt32
    private var bytesSinceGeneration = 0
    private var vacating: [BlockPool.Vacating] = []
    private var vacatingRounds = 0
    private var candidates: [Candidate] = []

    /// Entries of one sample.
    private static let sampleSize = 32
    /// One in this many of a sample leaves.
    private static let samplePart = 4
    /// Rounds that a chunk gets to become empty; pinned blocks may keep it longer than it is worth.
    private static let vacatingPatience = 8
    /// Share of the slots above which the keeper evicts for their number, and where it stops.
    private static let highFill = 0.78
    private static let lowFill = 0.74

    private struct Candidate {
        let score: Double
        let position: BucketTable.Position
        let word: UInt64
    }

    init(cache: TileCache) {
        self.cache = cache
        participant = cache.makeParticipant()
        lastExpiry = cache.configuration.clock()
        progressAt = lastExpiry
        candidates.reserveCapacity(Self.sampleSize)
    }

    /// How long the keeper may sleep without being woken.
    var period: Duration {
        if !vacating.isEmpty || cache.collector.retiredBytes > 0 { return .milliseconds(5) }
        guard let timeToLive = cache.configuration.warmTimeToLive else { return .seconds(1) }
        return min(.seconds(1), max(timeToLive / 16, .milliseconds(10)))
    }

    /// One round. `demand` is the size of a block that found no room, or 0.
    mutating func run(demand: Int) {
        cache.collector.reclaim()
        relieve(demand: demand)
        restoreHeadroom(demand: demand)
        expire()
        reportStall()
    }

    /// Leaves nothing half done.
    mutating func finish() {
        cache.pool.endVacating(vacating)
        vacating = []
        cache.collector.reclaim()
    }

    /// What has to fit into the budget: everything charged but what is free or about to be.
    private func usedBytes() -> Int {
        cache.budget.chargedBytes - cache.pool.usage.freeBytes - cache.collector.retiredBytes
    }

    private func entryCount() -> Int { cache.total(.warmEntries) + cache.total(.hotEntries) }

    /// Evicts down to the low watermark where the high one is passed, by bytes or by number.
    private mutating func relieve(demand: Int) {
        let limit = cache.budget.limit
        let room = demand > 0 ? limit - demand - cache.headroomTarget : limit
        let high = min(Int(Double(limit) * cache.configuration.highWatermark), room)
        let low = min(Int(Double(limit) * cache.configuration.lowWatermark), room)
        let highCount = Int(Double(cache.table.slotCount) * Self.highFill)
        let lowCount = Int(Double(cache.table.slotCount) * Self.lowFill)
        var used = usedBytes()
        var count = entryCount()
        guard used > high || count > highCount || demand > 0 && used > room else { return }
        // Small enough that waiting inserters get their room early, large enough to pay for the look at the usage.
        let step = max(limit / 256, 256 << 10)
        let stepCount = max(cache.table.slotCount / 256, 32)
        while used > low || count > lowCount {
            // What waits for a stalled reader cannot be sped up by evicting more.
            if cache.collector.retiredBytes > cache.retiredLimit { return }
            guard evict(bytes: min(max(used - low, 0), step), entries: min(max(count - lowCount, 0), stepCount)) else {
                return
            }
            cache.collector.reclaim()
            cache.keeper.roundEnded()
            used = usedBytes()
            count = entryCount()
        }
    }

    /// Evicts about so many bytes and entries; false where one turn of the hand found nothing to evict.
    private mutating func evict(bytes: Int, entries: Int) -> Bool {
        let policy = cache.configuration.policy
        var evictedBytes = 0
        var evictedEntries = 0
        var fruitless = 0
        while evictedBytes < bytes || evictedEntries < entries {
            let takesWarm = policy.takesWarm(
                warmBytes: cache.total(.warmBytes),
                hotBytes: cache.total(.hotBytes)
            )
            let sample = participant.withGuard { evictFromSample(takesWarm: takesWarm, policy) }
            evictedBytes += sample.bytes
            evictedEntries += sample.entries
            fruitless = sample.entries > 0 ? 0 : fruitless + sample.buckets
            if fruitless > cache.table.bucketCount { return evictedEntries > 0 }
        }
        return true
    }

    /// Takes one sample and evicts its lowest part. Returns what left, and how many buckets the hand moved on.
    private mutating func evictFromSample(
        takesWarm: Bool,
        _ policy: EvictionPolicy
    ) -> (bytes: Int, entries: Int, buckets: Int) {
        let generation = cache.generation.load(ordering: .relaxed)
        candidates.removeAll(keepingCapacity: true)
        var buckets = 0
        while candidates.count < Self.sampleSize && buckets < TileCache.bucketsPerStep {
            collect(bucket: hand, takesWarm: takesWarm, policy)
            hand = cache.table.bucket(after: hand)
            buckets += 1
        }
        guard !candidates.isEmpty else { return (0, 0, buckets) }
        candidates.sort { $0.score < $1.score }
        let leaving = max(candidates.count / Self.samplePart, 1)
        var bytes = 0
        var entries = 0
        for (index, candidate) in candidates.enumerated() {
            let block = BucketTable.block(candidate.word)
            if index < leaving {
                let hash = block.mixedKey
                guard cache.table.clear(candidate.position, candidate.word, hash: hash) else { continue }
                if policy.hasClasses { cache.ghosts.remember(hash, generation: generation) }
                bytes += cache.didUnlink(block, .pressure, participant)
                entries += 1
            } else if policy.halvesCounts {
                halve(block, generation)
            }
        }
        bytesSinceGeneration += bytes
        if bytesSinceGeneration > cache.budget.limit / 2 {
            bytesSinceGeneration = 0
            cache.generation.store(generation &+ 1, ordering: .relaxed)
        }
        return (bytes, entries, buckets)
    }

    private mutating func collect(bucket: Int, takesWarm: Bool, _ policy: EvictionPolicy) {
        let now = participant.now
        for position in bucket * 8..<bucket * 8 + BucketTable.slotsPerBucket {
            // ORDERING: acquiring; pairs with BucketTable.publish(): the block's contents are visible.
            let word = unsafe cache.table.slot(position).pointee.load(ordering: .acquiring)
            guard word != 0 else { continue }
            let block = BucketTable.block(word)
            let use = UseWord(bits: unsafe block.use.pointee.load(ordering: .relaxed))
            guard !policy.hasClasses || use.isHot != takesWarm else { continue }
            let entry = EvictionEntry(
                isHot: use.isHot,
                useCount: Int(use.count),
                bytes: block.pooledBytes,
                cost: Int(block.cost),
                age: Self.elapsed(block.birth, now),
                idle: Self.elapsed(unsafe block.lastUse.pointee.load(ordering: .relaxed), now)
            )
            candidates.append(Candidate(score: policy.evictionScore(entry), position: position, word: word))
        }
    }

    /// Milliseconds since `then`; a time that is a little ahead of ours (another thread's clock) is now.
    private static func elapsed(_ then: UInt32, _ now: UInt32) -> Int {
        let elapsed = now &- then
        return elapsed > UInt32.max - 60_000 ? 0 : Int(elapsed)
    }

    private func halve(_ block: Block, _ generation: UInt16) {
        let use = UseWord(bits: unsafe block.use.pointee.load(ordering: .relaxed))
        guard use.isHot, use.count > 0, use.generation != generation & 0x3F, !use.isUnlinked else { return }
        // Where a reader counts at the same moment, that was a use, and the count may stay.
        _ = unsafe block.use.pointee.compareExchange(
            expected: use.bits,
            desired: use.halved(in: generation).bits,
            ordering: .relaxed
        )
    }

    /// Keeps some of the budget uncharged, so that blocks of a size that has no free ones can be carved.
    private mutating func restoreHeadroom(demand: Int) {
        let target = max(cache.headroomTarget, demand + Chunk.page * 2)
        func missing() -> Int { target - (cache.budget.limit - cache.budget.chargedBytes) }
        if missing() > (demand > 0 ? 0 : target - cache.wakeHeadroom * 3 / 2) || !vacating.isEmpty {
            _ = cache.pool.discard(atLeast: max(missing(), 0))
        }
        if !vacating.isEmpty {
            vacatingRounds += 1
            guard missing() <= 0 || vacatingRounds > Self.vacatingPatience else { return }
            cache.pool.endVacating(vacating)
            vacating = []
        } else if demand > 0 && missing() > target / 2 && cache.collector.retiredBytes <= cache.stallLevel {
            // Somebody found no room, and what is left of free memory lies between live blocks of other sizes.
            vacate(missing())
        }
    }

    /// Evicts what lies in some chunks, the sparsest first; they are discarded when the blocks are free.
    private mutating func vacate(_ target: Int) {
        vacating = cache.pool.beginVacating(target)
        guard !vacating.isEmpty else { return }
        vacatingRounds = 0
        let addresses = Set(vacating.map(\.chunk.address))
        for first in stride(from: 0, to: cache.table.bucketCount, by: TileCache.bucketsPerStep) {
            participant.withGuard {
                _ = cache.unlink(
                    in: first..<min(first + TileCache.bucketsPerStep, cache.table.bucketCount),
                    .compaction,
                    participant
                ) { block in unsafe addresses.contains(Chunk(ofBlockAt: block.base).address) }
            }
        }
        cache.collector.reclaim()
        _ = cache.pool.discard(atLeast: target)
    }

    /// Moves the expiry hand on by what the time since the last call calls for: a quarter of the time to live per turn.
    private mutating func expire() {
        guard let timeToLive = cache.configuration.warmTimeToLive else { return }
        let limit = max(Int(timeToLive / .milliseconds(1)), 1)
        let now = cache.configuration.clock()
        let elapsed = Self.elapsed(lastExpiry, now)
        lastExpiry = now
        let total = cache.table.bucketCount
        var left = min(total, Int(Double(total) * Double(elapsed) * 4 / Double(limit)) + 1)
        while left > 0 {
            let end = min(expiryHand + min(left, TileCache.bucketsPerStep), total)
            participant.withGuard {
                _ = cache.unlink(in: expiryHand..<end, .expired, participant) { block in
                    let use = UseWord(bits: unsafe block.use.pointee.load(ordering: .relaxed))
                    return !use.isHot && Self.elapsed(block.birth, now) > limit
                }
            }
            left -= end - expiryHand
            expiryHand = end == total ? 0 : end
        }
    }

    /// Says so when much is retired and nothing was freed for a second: some reader does not move on.
    private mutating func reportStall() {
        let retired = cache.collector.retiredBytes
        let freed = cache.collector.freedBytes
        let now = cache.configuration.clock()
        guard retired > cache.stallLevel, freed == freedBytes else {
            freedBytes = freed
            progressAt = now
            return
        }
        guard Self.elapsed(progressAt, now) > 1000 else { return }
        cache.logger.log(
            .warning,
            limitedBy: cache.stallFault,
            "a reader of the memory cache stalls: what was evicted cannot be freed, and new tiles are not taken in",
            [
                "retired_bytes": .integer(retired),
                "epochs_behind": .integer(Int(clamping: cache.collector.epochsBehind)),
            ]
        )
    }
}
