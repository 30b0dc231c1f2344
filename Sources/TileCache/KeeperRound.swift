// SPDX-License-Identifier: Apache-2.0

internal import LockFree
internal import Synchronization
internal import Telemetry

/// The keeper's work: one round at a time, each in small steps, on one thread.
///
/// A round reclaims, evicts from the high to the low watermark if there is need, restores the uncharged headroom, and
/// moves the expiry hand on. Who is evicted is `EvictionRound`'s decision.
struct KeeperRound {
    private let cache: TileCache
    private let participant: CacheParticipant
    private var eviction: EvictionRound
    private var ground: KeeperGround
    private var expiryHand = 0
    private var lastExpiry: UInt32
    /// What the collector had freed in all when it was looked at, and when that had last grown or little was retired.
    private var freedBytes = 0
    private var progressAt: UInt32
    private var vacating: [BlockPool.Vacating] = []
    private var vacatingRounds = 0

    /// Rounds that a chunk gets to become empty; pinned blocks may keep it longer than it is worth.
    private static let vacatingPatience = 8

    init(cache: TileCache) {
        self.cache = cache
        participant = cache.makeParticipant()
        lastExpiry = cache.configuration.clock()
        progressAt = lastExpiry
        eviction = EvictionRound(policy: cache.configuration.policy, budget: cache.budget.limit)
        ground = KeeperGround(cache: cache, participant: participant)
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
        let marks = EvictionWatermarks(
            cache.configuration,
            limit: limit,
            slots: cache.table.slotCount,
            room: room
        )
        var used = usedBytes()
        var count = entryCount()
        guard marks.arePassed(bytes: used, entries: count) else { return }
        // Small enough that waiting inserters get their room early, large enough to pay for the look at the usage.
        let step = max(limit / 256, 256 << 10)
        let stepCount = max(cache.table.slotCount / 256, 32)
        while used > marks.lowBytes || count > marks.lowCount {
            // What waits for a stalled reader cannot be sped up by evicting more.
            if cache.collector.retiredBytes > cache.retiredLimit { return }
            let excess = marks.excess(bytes: used, entries: count)
            let found = eviction.evict(
                bytes: min(excess.bytes, step),
                entries: min(excess.entries, stepCount),
                isUrgent: demand > 0,
                from: &ground
            )
            cache.generation.store(eviction.generation, ordering: .relaxed)
            cache.turns.store(ground.turns, ordering: .relaxed)
            guard found else { return }
            cache.collector.reclaim()
            cache.keeper.roundEnded()
            used = usedBytes()
            count = entryCount()
        }
    }

    /// Milliseconds since `then`; a time that is a little ahead of ours (another thread's clock) is now.
    static func elapsed(_ then: UInt32, _ now: UInt32) -> Int {
        let elapsed = now &- then
        return elapsed > UInt32.max - 60_000 ? 0 : Int(elapsed)
    }

    /// Keeps some of the budget uncharged, so that blocks of a size that has no free ones can be carved.
    private mutating func restoreHeadroom(demand: Int) {
        let target = max(cache.headroomTarget, demand + Chunk.page * 2)
        func missing() -> Int { target - (cache.budget.limit - cache.budget.chargedBytes) }
        // What is retired is about to come free, and may be all that is missing: nothing need leave for it a second time.
        func missingLater() -> Int { missing() - cache.collector.retiredBytes }
        if missing() > (demand > 0 ? 0 : target - cache.wakeHeadroom * 3 / 2) || !vacating.isEmpty {
            _ = cache.pool.discard(atLeast: max(missing(), 0))
        }
        if !vacating.isEmpty {
            vacatingRounds += 1
            guard missing() <= 0 || vacatingRounds > Self.vacatingPatience else { return }
            cache.pool.endVacating(vacating)
            vacating = []
        } else if demand > 0 && missingLater() > target / 2 && cache.collector.retiredBytes <= cache.stallLevel {
            // Somebody found no room, and what is left of free memory lies between live blocks of other sizes.
            vacate(missingLater())
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
