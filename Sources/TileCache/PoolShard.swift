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
                        return nil
                    }
                    chunk.discardedBytes -= bytes
                    residueBytes -= chunk.blockBytes - bytes
                    return unsafe gave(chunk, chunk.block(index), wasUsed: false)
                }
                if chunk.carved < chunk.capacity {
                    let end = chunk.blocksOffset + (chunk.carved + 1) * chunk.blockBytes
                    let more = max(Chunk.roundedToPages(end) - chunk.touchedBytes, 0)
                    guard budget.charge(more) else { return nil }
                    chunk.touchedBytes += more
                    chunk.carved += 1
                    return unsafe gave(chunk, chunk.block(chunk.carved - 1), wasUsed: false)
                }
            }
            chunk.isListedFresh = false
            fresh.removeLast()
        }
        return nil
    }

    /// Returns what to add to the pool's folded live bytes.
    mutating func takeBack(_ pointer: UnsafeMutableRawPointer, _ chunk: Chunk) -> Int {
        unsafe chunk.pushResident(chunk.index(of: pointer))
        chunk.live -= 1
        liveBlocks -= 1
        residentBlocks += 1
        listResident(chunk)
        return fold(-chunk.blockBytes)
    }

    /// Discards chunks without a live block, whole. They leave the shard, into `emptied`.
    mutating func giveEmptyChunks(_ target: Int, _ budget: Budget, _ emptied: inout [Chunk]) -> Int {
        var given = 0
        var index = 0
        while index < chunks.count && given < target {
            let chunk = chunks[index]
            guard chunk.live == 0 else {
                index += 1
                continue
            }
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

    /// Discards the whole pages inside free blocks.
    mutating func discardBlocks(_ target: Int, _ budget: Budget) -> Int {
        var given = 0
        for chunk in resident where given < target {
            // From the bottom of the stack: the top was freed last and may still be in the processor's caches.
            var kept: [Int] = []
            while chunk.residentCount > 0 {
                let index = chunk.popResident()
                let pages = chunk.innerPages(index)
                if given < target && !pages.isEmpty && chunk.discard(pages) {
                    residentBlocks -= 1
                    chunk.pushDiscarded(index)
                    chunk.discardedBytes += pages.count
                    residueBytes += chunk.blockBytes - pages.count
                    budget.refund(pages.count)
                    given += pages.count
                } else {
                    kept.append(index)
                }
            }
            for index in kept.reversed() { chunk.pushResident(index) }
            if chunk.discardedCount > 0 { listFresh(chunk) }
        }
        return given
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
