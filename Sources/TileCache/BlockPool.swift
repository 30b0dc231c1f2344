// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Glibc
internal import LockFree
internal import Synchronization

/// Blocks of memory by size class, whose resident size never exceeds the budget.
///
/// *What it guarantees.* Everything that can be resident is charged to the budget before it is touched: carved blocks,
/// live or free, chunk headers, large mappings. So the process stays within the budget whatever the mix of sizes was
/// and becomes; free memory of the wrong size is given back by `discard(atLeast:)`, and what cannot be given back
/// because live blocks lie around it, by emptying chunks (`beginVacating(_:)`).
///
/// *How.* Chunks of 2 MiB of addresses, each for one class (Bonwick's slabs, 1994; jemalloc's runs). Each class has
/// stripes, so that writers of one tile size do not meet at one lock; an allocation tries its thread's stripe first and
/// takes another where that one is busy. malloc is no alternative here: it dominated inserts of many threads, and its
/// resident size after churn is nobody's promise. Once a shard has some chunks, further ones may be huge pages, charged as a whole:
/// look-ups are bound by address translation otherwise.
///
/// *What it gives up.* Rounding to classes (5 % on average) and up to 8 % of the budget in free blocks just after an
/// eviction; both count as charged.
final class BlockPool: Sendable {
    let budget: Budget
    let sharedBodies = SharedBodies()
    let shards: [Lock<PoolShard>]
    let stripes: Int
    let freeChunks = Lock<[Chunk]>([])
    private let poisons: Bool
    /// The first chunks of a shard are charged page by page: what is charged and not used is then a small part of a shard.
    private static let smallChunks = 4
    /// A huge chunk is not made of the last of the budget, which other sizes may need in pages.
    private var hugeReserve: Int { budget.limit / 16 + Chunk.bytes }
    /// Blocks given out and not yet returned, large ones included: for the leak check.
    private let liveBlocks = Atomic<Int>(0)
    let largeBytes = Atomic<Int>(0)
    /// Live bytes, folded from the shards in steps: what inserters compare with the high watermark.
    private let foldedLive = Atomic<Int>(0)

    init(budget: Budget, stripes: Int, poisons: Bool) {
        self.budget = budget
        self.stripes = stripes
        self.poisons = poisons
        // A share of the budget, so that all shards' remainders together are no more than a few percent of it.
        let foldStep = min(max(budget.limit >> 13, 1 << 10), 64 << 10)
        shards = (0..<SizeClass.count * stripes).map { _ in Lock(PoolShard(foldStep: foldStep)) }
    }

    deinit {
        // A cache that is dropped while somebody still has a block keeps its pool alive, so nothing is live here.
        for shard in shards {
            shard.withLock { shard in
                for chunk in shard.chunks { chunk.unmap() }
                shard.chunks = []
            }
        }
        freeChunks.withLock { chunks in
            for chunk in chunks { chunk.unmap() }
            chunks = []
        }
    }

    /// Blocks given out and not returned.
    var liveBlockCount: Int {
        // ORDERING: acquiring; pairs with the subtraction in noteFreed(): at zero, whoever freed is done with the pool's memory.
        liveBlocks.load(ordering: .acquiring)
    }

    /// Bytes of live blocks, to within a few percent of the budget: cheap enough for every insert.
    var approximateLiveBytes: Int {
        foldedLive.load(ordering: .relaxed) + largeBytes.load(ordering: .relaxed)
    }

    /// A block of at least `bytes`, aligned to 64, or nil where the budget has no room for it now.
    ///
    /// Never waits for the keeper; may wait for another thread's few instructions in a shard. Any thread.
    func allocate(bytes: Int) -> Memory? {
        guard bytes <= SizeClass.largestPooled else { return allocateLarge(bytes) }
        let first = SizeClass.index(forBytes: bytes)
        if let pointer = unsafe allocate(ofClass: first, mayTouchNew: true) {
            return unsafe Memory(
                pointer: pointer,
                granules: UInt16(SizeClass.bytes(ofIndex: first) / SizeClass.granule)
            )
        }
        // No room for new pages: a free block that is a little too large is better than none.
        for index in first + 1..<min(first + 4, SizeClass.count) {
            if let pointer = unsafe allocate(ofClass: index, mayTouchNew: false) {
                return unsafe Memory(
                    pointer: pointer,
                    granules: UInt16(SizeClass.bytes(ofIndex: index) / SizeClass.granule)
                )
            }
        }
        return nil
    }

    /// Takes a block back. Any thread; nobody else may hold it.
    func free(_ pointer: UnsafeMutableRawPointer) {
        let chunk = unsafe Chunk(ofBlockAt: pointer)
        if chunk.classIndex == Chunk.ownMapping {
            let bytes = chunk.mappingBytes
            chunk.unmap()
            budget.refund(bytes)
            largeBytes.wrappingSubtract(bytes, ordering: .relaxed)
            noteFreed()
            return
        }
        if poisons { unsafe fill(pointer, chunk.blockBytes) }
        unsafe platform_poison(pointer, chunk.blockBytes)
        let fold = shards[Int(chunk.classIndex) * stripes + chunk.stripe].withLock { shard in
            unsafe shard.takeBack(pointer, chunk)
        }
        if fold != 0 { foldedLive.wrappingAdd(fold, ordering: .relaxed) }
        noteFreed()
    }

    /// The last thing that `free` does: whoever then reads a count of zero may let go of the pool.
    private func noteFreed() {
        // ORDERING: releasing; pairs with the load in TileCache.deinit: this thread is done with the pool's memory.
        liveBlocks.wrappingSubtract(1, ordering: .releasing)
    }

    /// The same without touching a new page: nil where no block of just the right class is free.
    func allocateResident(bytes: Int) -> Memory? {
        guard bytes <= SizeClass.largestPooled else { return nil }
        let index = SizeClass.index(forBytes: bytes)
        guard let pointer = unsafe allocate(ofClass: index, mayTouchNew: false) else { return nil }
        return unsafe Memory(pointer: pointer, granules: UInt16(SizeClass.bytes(ofIndex: index) / SizeClass.granule))
    }

    private func allocate(ofClass index: Int, mayTouchNew: Bool) -> UnsafeMutableRawPointer? {
        let own = Int(platform_thread_number()) & (stripes - 1)
        let first = index * stripes
        // Resident free blocks of all stripes first, whoever holds a lock being left alone: new pages cost a fault now,
        // and later the keeper's discarding of others.
        for offset in 0..<stripes {
            let taken = shards[first + (own ^ offset)].withLockIfAvailable { $0.takeResident() } ?? nil
            if let taken { return unsafe give(taken, index) }
        }
        if mayTouchNew {
            let taken = shards[first + own].withLock { shard in
                shard.takeResident() ?? shard.takeFresh(budget) ?? takeFromNewChunk(&shard, index, own)
            }
            if let taken { return unsafe give(taken, index) }
        }
        // Another stripe's last free block is better than a refusal.
        for offset in 0..<stripes {
            let taken = shards[first + (own ^ offset)].withLock { shard in
                shard.takeResident() ?? (mayTouchNew ? shard.takeFresh(budget) : shard.takeUncarved())
            }
            if let taken { return unsafe give(taken, index) }
        }
        return nil
    }

    private func give(_ taken: PoolShard.Taken, _ index: Int) -> UnsafeMutableRawPointer {
        if taken.fold != 0 { foldedLive.wrappingAdd(taken.fold, ordering: .relaxed) }
        liveBlocks.wrappingAdd(1, ordering: .relaxed)
        let bytes = SizeClass.bytes(ofIndex: index)
        unsafe platform_unpoison(taken.pointer, bytes)
        if poisons && taken.wasUsed { unsafe checkFill(taken.pointer, bytes) }
        return unsafe taken.pointer
    }

    private func takeFromNewChunk(_ shard: inout PoolShard, _ index: Int, _ stripe: Int) -> PoolShard.Taken? {
        let mayBeHuge = shard.chunks.count >= Self.smallChunks
        guard shard.fresh.isEmpty, let chunk = makeChunk(index, stripe, mayBeHuge: mayBeHuge) else { return nil }
        shard.adopt(chunk)
        return shard.takeFresh(budget)
    }

    /// A chunk without a carved block, its header charged, or all of it where it is huge; nil where budget or kernel
    /// refuse.
    private func makeChunk(_ index: Int, _ stripe: Int, mayBeHuge: Bool) -> Chunk? {
        let blockBytes = SizeClass.bytes(ofIndex: index)
        let (offset, capacity) = Chunk.layout(blockBytes: blockBytes)
        let isHuge =
            mayBeHuge && Chunk.canBeHuge && budget.limit - budget.chargedBytes > hugeReserve
            && budget.charge(Chunk.bytes)
        let touched = isHuge ? Chunk.bytes : Chunk.roundedToPages(offset)
        guard isHuge || budget.charge(touched) else { return nil }
        let reused = freeChunks.withLock { $0.popLast() }
        guard let chunk = unsafe reused ?? platform_map_aligned(Chunk.bytes, Chunk.bytes).map({ unsafe Chunk($0) })
        else {
            budget.refund(touched)
            return nil
        }
        // Where the kernel refuses huge pages, the charge is too much rather than too little. A reused chunk may have been the
        // other kind: where it stays so, its charge would be too little, and its addresses are given back.
        if isHuge {
            _ = chunk.useHugePages()
        } else if reused != nil, !chunk.useSmallPages() {
            unsafe platform_unmap(chunk.base, Chunk.bytes)
            budget.refund(touched)
            return nil
        }
        unsafe chunk.pool = Unmanaged.passUnretained(self)
        chunk.blockBytes = blockBytes
        chunk.classIndex = UInt16(index)
        chunk.stripe = stripe
        chunk.blocksOffset = offset
        chunk.capacity = capacity
        chunk.reset(touchedBytes: touched)
        chunk.isHuge = isHuge
        // SAFETY: the blocks lie behind the header, inside the chunk.
        unsafe platform_poison(chunk.base + offset, capacity * blockBytes)
        return chunk
    }

    private func allocateLarge(_ bytes: Int) -> Memory? {
        let mapping = Chunk.roundedToPages(bytes + SizeClass.granule)
        guard budget.charge(mapping) else { return nil }
        guard let base = unsafe platform_map_aligned(mapping, Chunk.bytes) else {
            budget.refund(mapping)
            return nil
        }
        let chunk = unsafe Chunk(base)
        unsafe chunk.pool = Unmanaged.passUnretained(self)
        chunk.classIndex = Chunk.ownMapping
        chunk.mappingBytes = mapping
        liveBlocks.wrappingAdd(1, ordering: .relaxed)
        largeBytes.wrappingAdd(mapping, ordering: .relaxed)
        return unsafe Memory(pointer: base + SizeClass.granule, granules: 0)
    }

    private func fill(_ pointer: UnsafeMutableRawPointer, _ bytes: Int) {
        unsafe pointer.initializeMemory(as: UInt8.self, repeating: 0xDB, count: bytes)
    }

    private func checkFill(_ pointer: UnsafeMutableRawPointer, _ bytes: Int) {
        // Every byte equals the one before it, and the first is the pattern's.
        let isIntact = unsafe pointer.load(as: UInt8.self) == 0xDB && memcmp(pointer, pointer + 1, bytes - 1) == 0
        precondition(isIntact, "a freed block of \(bytes) bytes was written to")
    }
}
