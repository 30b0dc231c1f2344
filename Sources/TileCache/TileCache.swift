// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import LockFree
internal import Synchronization
package import Telemetry
package import TileModel

/// The memory tier: tiles with their stored header blocks, found without a lock and without a shared write.
///
/// *What it guarantees.*
/// - A look-up is wait-free: it never waits for a writer, for the keeper or for another reader, and never retries.
/// - A hit on an entry that was counted often enough lately writes no memory that another thread reads: counters are per
///   thread, and a use is counted only up to the policy's limit (15), until the keeper halves the count.
/// - What the process holds for the cache never exceeds the byte budget: `Budget` charges before memory is touched. That
///   holds with huge pages, too, which the table and most chunks of a large cache are: they are charged as a whole.
/// - Whatever is evicted is evicted by the keeper, never by a request.
/// - A key's bytes change only by `replace`: another version of a tileset has another ordinal. A reader sees the old tile
///   or the new one, never none in between, and never the old one once the replacement has returned or was seen (two
///   writers that race for an absent key aside, until both have returned).
/// - A tileset that was closed leaves nothing behind, however late an insert comes.
///
/// *How.* `BucketTable` maps a key to a block; `Collector` (LockFree) frees unlinked blocks once no reader can hold them;
/// `BlockPool` has the memory; `Keeper` scores and evicts by an `EvictionPolicy`. A reader goes on-line once per turn of
/// its loop and borrows what it finds; a block that has to live longer is pinned by a counted reference. A body is written
/// past the processor's caches, so that what comes in does not push out what is asked for. The cache's own reference is
/// dropped only after the grace period, so whoever is on-line always finds a count of at least one.
///
/// *From where.* The bucket with tags and overflow counts follows F14 (Bronson, Shi, "Open-sourcing F14", 2019) made
/// concurrent; reclamation see `Collector`; eviction by learned hit density follows LHD (Beckmann, Chen, Cidon,
/// 2018) by a clock that turnover moves on, with ghosts that count on (see `ReuseTable`, `EvictionRound`).
///
/// *What it gives up.* The table never grows: its size is fixed by the budget and the expected entry size. Free memory
/// counts as used. Who leaves is guessed from samples; a crawler of several times a cache that already holds much costs viewers up
/// to four points of hit ratio (docs/decisions.md). A reader that stalls while on-line stops freeing: what is there stays and is served, but once the
/// budget is full inserts are refused (counted and logged) until it moves on.
///
/// @unchecked Sendable: the table is reached through atomics, everything else is immutable, atomic or behind a lock.
package final class TileCache: @unchecked Sendable {
    package let configuration: TileCacheConfiguration
    let table: BucketTable
    let ghosts: GhostList
    let budget: Budget
    let pool: BlockPool
    let collector = Collector()
    let closed = ClosedOrdinals()
    let keeper = KeeperState()
    let logger: Logger
    private let rows = CounterRows()
    private let tally: ReuseTally
    private let uncached = UncachedBlocks()
    /// Counts how often a generation's bytes were dropped (`EvictionTuning.generationBudgets`); the keeper writes it.
    let generation = Atomic<UInt16>(0)
    /// What the clock of uses is ahead of the time (`EvictionTuning.turnTicks`); the keeper writes it.
    let turns = Atomic<UInt32>(0)
    private let useLimit: UInt16
    private let tracksLastUse: Bool
    private let learns: Bool
    /// Live bytes above which an insert wakes the keeper.
    let wakeLevel: Int
    /// Uncharged bytes below which an insert wakes the keeper.
    let wakeHeadroom: Int
    /// Table and ghosts.
    let fixedBytes: Int
    let points = LabelledPoints()
    let stallFault = RepeatedFault(every: .seconds(10))

    /// Retired bytes past which the keeper evicts no more: they cannot be freed before a reader moves on.
    var retiredLimit: Int { budget.limit / 8 }

    /// Retired bytes that, where room is missing, are taken for its reason: twice what one eviction retires.
    var stallLevel: Int { budget.limit / 48 }

    /// The keeper aims at so much uncharged memory: what a change of the size mix draws on.
    var headroomTarget: Int { max(budget.limit / 50, 256 << 10) }

    /// Makes an empty cache; its keeper does not run yet.
    package init(configuration: TileCacheConfiguration, logger: Logger = .silent) throws(TileCacheError) {
        self.configuration = configuration
        self.logger = logger
        let limit = configuration.byteBudget
        let expected = max(configuration.expectedEntryBytes, 256)
        // Two thirds full at the expected size.
        let buckets = max(limit / expected * 3 / 2 / BucketTable.slotsPerBucket, 64)
        guard let table = BucketTable(bucketCount: buckets) else {
            throw .noMemory(bytes: buckets * BucketTable.bucketBytes)
        }
        // Of the table as it was asked for: whole huge pages may be more than twice that.
        guard let ghosts = GhostList(count: GhostList.count(slots: buckets * BucketTable.slotsPerBucket)) else {
            table.unmap()
            throw .noMemory(bytes: table.slotCount)
        }
        guard let tally = ReuseTally() else {
            table.unmap()
            ghosts.unmap()
            throw .noMemory(bytes: table.slotCount)
        }
        self.table = table
        self.ghosts = ghosts
        fixedBytes = table.bytes + ghosts.bytes
        budget = Budget(limit: limit)
        var stripes = 1
        // A stripe has its own partly filled chunks, so small caches have one.
        while stripes < min(OSThread.processorCount, 8) && limit >> 27 >= stripes { stripes *= 2 }
        pool = BlockPool(budget: budget, stripes: stripes, poisons: configuration.poisonsFreedBlocks)
        useLimit = UInt16(configuration.policy.useLimit)
        tracksLastUse = configuration.policy.tracksLastUse
        learns = configuration.policy.learns
        self.tally = tally
        wakeLevel = Int(Double(limit) * configuration.highWatermark) - fixedBytes
        wakeHeadroom = max(limit / 100, 128 << 10)
        // Everything is set by now: `deinit` frees it.
        guard budget.charge(fixedBytes) else { throw .noMemory(bytes: fixedBytes) }
    }

    /// Frees everything. The keeper must have been stopped and every participant be off-line. Blocks that somebody has
    /// pinned stay until they are released; their pool's memory is then kept to the end of the process.
    deinit {
        for position in table.positions {
            // SAFETY: a position of the table, which is unmapped below; a word that is taken out here is a block whose
            // reference is the table's.
            let word = unsafe table.slot(position).pointee.exchange(0, ordering: .relaxed)
            if word != 0 { dropReference(BucketTable.block(word)) }
        }
        collector.drain()
        table.unmap()
        ghosts.unmap()
        // SAFETY: blocks that are pinned reach their pool without a reference to it, so it is never let go.
        if pool.liveBlockCount > 0 { _ = unsafe Unmanaged.passRetained(pool) }
    }

    /// A way in for one more thread; see `CacheParticipant`. Takes a lock.
    package func makeParticipant() -> CacheParticipant {
        CacheParticipant(epochs: collector.register(), rows: rows, tally: tally, clock: configuration.clock)
    }

    /// The tile of a key, and one request more on its count. The participant must be on-line.
    ///
    /// Complexity: O(1), two cache lines of the cache's own as a rule, at most 16 buckets.
    package func find(_ key: TileKey, by participant: CacheParticipant) -> CachedTile? {
        find(key, hash: KeyHash.of(key), by: participant)
    }

    @inline(__always)
    func find(_ key: TileKey, hash: UInt64, by participant: CacheParticipant) -> CachedTile? {
        assert(participant.isOnline, "a look-up off-line")
        guard let block = table.find(key, hash: hash) else {
            participant.count(.misses)
            return nil
        }
        points.reached(.loaded)
        // SAFETY (here, in peek, countUse, noteUse and noteTime): the block was found on-line, so its header stays mapped until the
        // participant goes off-line; the words are atomics of their own in it (the table in Block).
        let use = UseWord(bits: unsafe block.use.pointee.load(ordering: .relaxed))
        if use.count < useLimit { countUse(block, participant) }
        if tracksLastUse { noteTime(block, participant.now) }
        participant.count(use.isHot ? .hotHits : .warmHits)
        return CachedTile(block: block, tier: use.isHot ? .hot : .warm)
    }

    /// The tile of a key without counting anything: for probes of the miss path and for HEAD-like questions. The
    /// participant must be on-line.
    package func peek(_ key: TileKey, by participant: CacheParticipant) -> CachedTile? {
        assert(participant.isOnline, "a look-up off-line")
        guard let block = table.find(key, hash: KeyHash.of(key)) else { return nil }
        let use = UseWord(bits: unsafe block.use.pointee.load(ordering: .relaxed))
        return CachedTile(block: block, tier: use.isHot ? .hot : .warm)
    }

    /// Whether a key is there, without counting anything. The participant may be off-line.
    package func contains(_ key: TileKey, by participant: CacheParticipant) -> Bool {
        participant.withGuard { table.find(key, hash: KeyHash.of(key)) != nil }
    }

    /// A block outside the table and the budget, so that an answer can be sent although memory has no room for it.
    package func makeUncached(headers: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) -> PinnedTile {
        precondition(headers.count <= Block.maxStoredHeaderBytes && body.count <= Block.maxBodyBytes)
        // SAFETY: the caller's buffers, copied before this returns.
        return unsafe PinnedTile(block: uncached.make(headers: headers, body: body))
    }

    /// The sum of a counter over all threads.
    func total(_ counter: CacheCounter) -> Int { rows.sum(counter, rows: collector.indexLimit) }

    /// How often, ever, entries were used, by the cells of `ReuseTable`. Complexity: O(participants), some microseconds each.
    var usesEver: [Int] { tally.sums(rows: collector.indexLimit) }

    var uncachedBytes: Int { uncached.liveBytes }

    private func countUse(_ block: Block, _ participant: CacheParticipant) {
        var use = UseWord(bits: unsafe block.use.pointee.load(ordering: .relaxed))
        // Three tries: a count that others raise at the same time is right enough.
        for _ in 0..<3 {
            guard use.count < useLimit, !use.isUnlinked else { return }
            let next = use.incremented
            let (exchanged, original) = unsafe block.use.pointee.compareExchange(
                expected: use.bits,
                desired: next.bits,
                ordering: .relaxed
            )
            if exchanged {
                if learns { noteUse(block, use, participant) }
                if next.isHot && !use.isHot {
                    let bytes = block.pooledBytes
                    participant.count(.warmEntries, -1)
                    participant.count(.warmBytes, -bytes)
                    participant.count(.hotEntries)
                    participant.count(.hotBytes, bytes)
                }
                return
            }
            use = UseWord(bits: original)
        }
    }

    /// Notes how long the block was not used, and that it is now: in the line that was just written.
    private func noteUse(_ block: Block, _ use: UseWord, _ participant: CacheParticipant) {
        let now = participant.now &+ turns.load(ordering: .relaxed)
        let last = unsafe block.lastUse.pointee.load(ordering: .relaxed)
        participant.countUse(cell: EvictionPolicy.cell(use.bits, idle: KeeperRound.elapsed(last, now)))
        unsafe block.lastUse.pointee.store(now, ordering: .relaxed)
    }

    private func noteTime(_ block: Block, _ now: UInt32) {
        let last = unsafe block.lastUse.pointee.load(ordering: .relaxed)
        // A second: the policy's unit. A time ahead of ours (another thread's newer clock) is left alone.
        if Int32(truncatingIfNeeded: now &- last) >= 1000 {
            unsafe block.lastUse.pointee.store(now, ordering: .relaxed)
        }
    }
}
