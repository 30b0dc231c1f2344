// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import LockFree

/// The chunks of one size class and stripe; guarded by the lock that `BlockPool` keeps it in.
struct PoolShard {
    /// All chunks of the shard.
    var chunks: [Chunk] = []
    /// Those that have resident free blocks, or had when they were listed.
    private var resident: [Chunk] = []
    /// Those that have blocks to carve or discarded ones, or had.
    private(set) var fresh: [Chunk] = []
    private(set) var liveBlocks = 0
    private(set) var residentBlocks = 0
    /// What stayed resident of discarded blocks: parts of pages that they share with their neighbours.
    private(set) var residueBytes = 0
    /// What huge chunks are charged for and have not carved.
    private(set) var uncarvedBytes = 0
    /// Chunks without a live block.
    private var emptyChunks = 0
    private var unfolded = 0
    /// Live bytes that come together before the pool's sum is touched.
    private let foldStep: Int

    init(foldStep: Int) { self.foldStep = foldStep }

    @safe
    struct Taken {
        let pointer: UnsafeMutableRawPointer
        /// Whether the block was given out before and its pages not discarded since.
        let wasUsed: Bool
        /// What to add to the pool's folded live bytes.
        let fold: Int
    }

    mutating func adopt(_ chunk: Chunk) {
        chunks.append(chunk)
        emptyChunks += 1
        uncarvedBytes += chunk.uncarvedBytes
        chunk.isListedFresh = true
        fresh.append(chunk)
    }

    /// A free block whose pages are resident: costs nothing of the budget.
    mutating func takeResident() -> Taken? {
        while let chunk = resident.last {
            if chunk.residentCount > 0 && !chunk.isVacating {
                let index = chunk.popResident()
                residentBlocks -= 1
                return unsafe gave(chunk, chunk.block(index), wasUsed: true)
            }
            chunk.isListedResident = false
            resident.removeLast()
        }
        return nil
    }

    /// A block that has to be charged: a new one, or one whose pages were discarded. Nil without room.
    mutating func takeFresh(_ budget: Budget) -> Taken? {
        while let chunk = fresh.last {
            if !chunk.isVacating {
                if chunk.discardedCount > 0 {
                    let index = chunk.popDiscarded()
                    let bytes = chunk.innerPages(index).count
                    guard budget.charge(bytes) else {
                        chunk.pushDiscarded(index)
                        return takeUncarved()
                    }
                    chunk.discardedBytes -= bytes
                    residueBytes -= chunk.blockBytes - bytes
                    return unsafe gave(chunk, chunk.block(index), wasUsed: false)
                }
                if chunk.carved < chunk.capacity {
                    let end = chunk.blocksOffset + (chunk.carved + 1) * chunk.blockBytes
                    let more = max(Chunk.roundedToPages(end) - chunk.touchedBytes, 0)
                    guard budget.charge(more) else { return takeUncarved() }
                    chunk.touchedBytes += more
                    return carve(chunk)
                }
            }
            chunk.isListedFresh = false
            fresh.removeLast()
        }
        return nil
    }

    /// A new block of a huge chunk, which is charged already.
    mutating func takeUncarved() -> Taken? {
        guard uncarvedBytes > 0 else { return nil }
        return fresh.last { $0.uncarvedBytes > 0 && !$0.isVacating }.map { carve($0) }
    }

    private mutating func carve(_ chunk: Chunk) -> Taken {
        if chunk.isHuge { uncarvedBytes -= chunk.blockBytes }
        chunk.carved += 1
        return unsafe gave(chunk, chunk.block(chunk.carved - 1), wasUsed: false)
    }

    /// Returns what to add to the pool's folded live bytes.
    mutating func takeBack(_ pointer: UnsafeMutableRawPointer, _ chunk: Chunk) -> Int {
        unsafe chunk.pushResident(chunk.index(of: pointer))
        chunk.live -= 1
        if chunk.live == 0 { emptyChunks += 1 }
        liveBlocks -= 1
        residentBlocks += 1
        listResident(chunk)
        return fold(-chunk.blockBytes)
    }

    /// Discards chunks without a live block, whole. They leave the shard, into `emptied`.
    mutating func giveEmptyChunks(_ target: Int, _ budget: Budget, _ emptied: inout [Chunk]) -> Int {
        var given = 0
        var index = 0
        while emptyChunks > 0 && given < target {
            let chunk = chunks[index]
            guard chunk.live == 0 else {
                index += 1
                continue
            }
            emptyChunks -= 1
            uncarvedBytes -= chunk.uncarvedBytes
            residentBlocks -= chunk.residentCount
            residueBytes -= chunk.discardedCount * chunk.blockBytes - chunk.discardedBytes
            resident.removeAll { $0 == chunk }
            fresh.removeAll { $0 == chunk }
            chunks.swapAt(index, chunks.count - 1)
            chunks.removeLast()
            let bytes = chunk.chargedBytes
            chunk.discardAll()
            budget.refund(bytes)
            given += bytes
            emptied.append(chunk)
        }
        return given
    }

    /// Gives back what huge chunks have not carved, where that is worth their hugeness.
    mutating func giveUncarved(_ target: Int, _ budget: Budget) -> Int {
        var given = 0
        for chunk in fresh where chunk.uncarvedBytes >= Chunk.bytes / 8 && given < target {
            let end = Chunk.roundedToPages(chunk.blocksOffset + chunk.carved * chunk.blockBytes)
            guard end < Chunk.bytes, split(chunk), chunk.discard(end..<Chunk.bytes) else { continue }
            chunk.touchedBytes = end
            budget.refund(Chunk.bytes - end)
            given += Chunk.bytes - end
        }
        return given
    }

    /// Discards the whole pages inside free blocks of ordinary chunks or of huge ones, which they then are no longer.
    mutating func discardBlocks(_ target: Int, _ budget: Budget, ofHugeChunks huge: Bool) -> Int {
        var given = 0
        // Blocks smaller than a page have no whole page inside; and the fewer chunks, the fewer of them are split.
        let chosen = resident.filter { $0.isHuge == huge && $0.blockBytes >= Chunk.page }
            .sorted { $0.residentCount > $1.residentCount }
        for chunk in chosen where given < target {
            guard split(chunk) else { continue }
            var free: [Int] = []
            while chunk.residentCount > 0 { free.append(chunk.popResident()) }
            // From the bottom of the stack: the top was freed last and may still be in the processor's caches.
            for index in free.reversed() {
                let pages = chunk.innerPages(index)
                if given < target && !pages.isEmpty && chunk.discard(pages) {
                    residentBlocks -= 1
                    chunk.pushDiscarded(index)
                    chunk.discardedBytes += pages.count
                    residueBytes += chunk.blockBytes - pages.count
                    budget.refund(pages.count)
                    given += pages.count
                } else {
                    chunk.pushResident(index)
                }
            }
            if chunk.discardedCount > 0 { listFresh(chunk) }
        }
        return given
    }

    /// A huge chunk becomes an ordinary one: what is discarded of it must not come back with the next touch of a
    /// neighbour. False where the kernel refuses.
    private mutating func split(_ chunk: Chunk) -> Bool {
        guard chunk.isHuge else { return true }
        guard chunk.useSmallPages() else { return false }
        uncarvedBytes -= chunk.uncarvedBytes
        chunk.isHuge = false
        return true
    }

    mutating func setVacating(_ chunk: Chunk, _ value: Bool) {
        // The chunk may have been discarded and given away meanwhile.
        guard chunks.contains(chunk) else { return }
        chunk.isVacating = value
        if !value {
            if chunk.residentCount > 0 { listResident(chunk) }
            if chunk.discardedCount > 0 || chunk.carved < chunk.capacity { listFresh(chunk) }
        }
    }

    private mutating func listResident(_ chunk: Chunk) {
        guard !chunk.isListedResident else { return }
        chunk.isListedResident = true
        resident.append(chunk)
    }

    private mutating func listFresh(_ chunk: Chunk) {
        guard !chunk.isListedFresh else { return }
        chunk.isListedFresh = true
        fresh.append(chunk)
    }

    private mutating func gave(_ chunk: Chunk, _ pointer: UnsafeMutableRawPointer, wasUsed: Bool) -> Taken {
        if chunk.live == 0 { emptyChunks -= 1 }
        chunk.live += 1
        liveBlocks += 1
        return unsafe Taken(pointer: pointer, wasUsed: wasUsed, fold: fold(chunk.blockBytes))
    }

    private mutating func fold(_ bytes: Int) -> Int {
        unfolded += bytes
        guard abs(unfolded) >= foldStep else { return 0 }
        defer { unfolded = 0 }
        return unfolded
    }
}

/// What needs the kernel.
extension Chunk {
    /// An empty chunk of what its constants say.
    func reset(touchedBytes touched: Int) {
        carved = 0
        residentCount = 0
        discardedCount = 0
        live = 0
        touchedBytes = touched
        discardedBytes = 0
        isListedResident = false
        isListedFresh = false
        isVacating = false
    }

    /// For a chunk without a touched page: whether the kernel may make it one huge page. False where it refuses.
    func useHugePages() -> Bool { unsafe platform_use_huge_pages(base, Self.bytes) == 0 }

    /// From now on, pages are resident one by one. False where the kernel refuses.
    func useSmallPages() -> Bool { unsafe platform_use_small_pages(base, Self.bytes) == 0 }

    /// Gives pages back; the addresses stay. False where the kernel refuses.
    func discard(_ pages: Range<Int>) -> Bool {
        // SAFETY: whole pages inside one free block of this chunk.
        unsafe platform_discard_pages(base + pages.lowerBound, pages.count) == 0
    }

    /// Gives all pages back, the header's too.
    func discardAll() {
        // SAFETY: no block of the chunk is live, and no list has it any more.
        unsafe platform_unpoison(base, Self.bytes)
        _ = unsafe platform_discard_pages(base, Self.bytes)
    }

    /// Gives the addresses back as well.
    func unmap() {
        let bytes = classIndex == Self.ownMapping ? mappingBytes : Self.bytes
        // SAFETY: nobody has a block of it; it was mapped with this size.
        unsafe platform_unpoison(base, bytes)
        unsafe platform_unmap(base, bytes)
    }
}
