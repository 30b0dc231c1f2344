// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree
import TestSupport
import Testing

@testable import TileCache

@Suite("The block pool")
struct BlockPoolTests {
    @Test("blocks do not overlap, are charged in whole pages, and discarding gives everything back")
    func roundTrip() throws {
        let seed = Seed.ofThisRun
        print(seed)
        var random = seed.generator()
        let budget = Budget(limit: 16 << 20)
        let pool = BlockPool(budget: budget, stripes: 2, poisons: true)
        var live: [(pointer: UnsafeMutableRawPointer, bytes: Int, mark: UInt8)] = unsafe []
        var used = 0
        for step in 0..<20_000 {
            if unsafe live.isEmpty || Bool.random(using: &random) {
                let bytes = Int.random(in: 1...[100, 5000, 40_000, 400_000][step % 4], using: &random)
                guard let block = pool.allocate(bytes: bytes) else {
                    #expect(budget.limit - budget.chargedBytes < 800_000)
                    if let last = unsafe live.popLast() { unsafe pool.free(last.pointer) }
                    continue
                }
                let mark = UInt8(truncatingIfNeeded: step)
                unsafe block.pointer.initializeMemory(as: UInt8.self, repeating: mark, count: bytes)
                unsafe live.append((block.pointer, bytes, mark))
                used += bytes
            } else {
                unsafe live.swapAt(live.indices.randomElement(using: &random)!, live.count - 1)
                let (pointer, bytes, mark) = unsafe live.removeLast()
                let isIntact =
                    unsafe memcmp(pointer, pointer + 1, bytes - 1) == 0 && pointer.load(as: UInt8.self) == mark
                if !isIntact { Issue.record("a live block changed") }
                unsafe pool.free(pointer)
            }
            if budget.chargedBytes > budget.limit { Issue.record("over the budget") }
            if step % 500 == 0 { _ = pool.discard(atLeast: Int.random(in: 0...1 << 20, using: &random)) }
        }
        while let block = unsafe live.popLast() {
            #expect(unsafe block.pointer.load(as: UInt8.self) == block.mark)
            unsafe pool.free(block.pointer)
        }
        #expect(pool.liveBlockCount == 0)
        #expect(pool.usage.liveBytes == 0)
        _ = pool.discard(atLeast: .max)
        #expect(budget.chargedBytes == 0)
        #expect(used > 0)
    }

    @Test("a pool full of small free blocks makes room for large ones")
    func changeOfSizes() {
        let budget = Budget(limit: 8 << 20)
        let pool = BlockPool(budget: budget, stripes: 1, poisons: false)
        var small: [UInt] = []
        while let block = pool.allocate(bytes: 600) { unsafe small.append(UInt(bitPattern: block.pointer)) }
        #expect(small.count * 600 > 7 << 20)
        // Every tenth stays: no chunk becomes empty by itself.
        for (index, address) in small.enumerated() where index % 10 != 0 { free(address, in: pool) }
        #expect(pool.allocate(bytes: 100_000) == nil)
        let vacating = pool.beginVacating(2 << 20)
        #expect(!vacating.isEmpty)
        let chunks = Set(vacating.map(\.chunk.address))
        for (index, address) in small.enumerated() where index % 10 == 0 {
            if chunks.contains(address & ~UInt(Chunk.bytes - 1)) { free(address, in: pool) }
        }
        #expect(pool.discard(atLeast: 1 << 20) >= 1 << 20)
        pool.endVacating(vacating)
        #expect(pool.allocate(bytes: 100_000) != nil)
    }

    @Test(
        "past its first chunks a shard has huge ones: charged whole, what is not carved is free and given back first",
        .enabled(if: Chunk.canBeHuge, "the kernel has no huge pages of 2 MiB")
    )
    func hugeChunks() {
        let budget = Budget(limit: 64 << 20)
        let pool = BlockPool(budget: budget, stripes: 1, poisons: true)
        var blocks: [UInt] = []
        var isHuge = false
        while !isHuge, let block = pool.allocate(bytes: 15_000) {
            unsafe blocks.append(UInt(bitPattern: block.pointer))
            isHuge = unsafe Chunk(ofBlockAt: block.pointer).isHuge
        }
        #expect(isHuge && blocks.count * 15_000 > 4 << 20)
        let last = blocks[blocks.count - 1]
        let charged = budget.chargedBytes
        #expect(pool.usage.freeBytes > Chunk.bytes * 3 / 4 && charged > blocks.count * 15_000 + Chunk.bytes * 3 / 4)
        // No block is lost, and the chunk goes on as an ordinary one.
        unsafe UnsafeMutableRawPointer(bitPattern: last)!.storeBytes(of: 7, as: UInt8.self)
        #expect(pool.discard(atLeast: 1) > Chunk.bytes * 3 / 4)
        #expect(pool.usage.freeBytes == 0)
        #expect(unsafe UnsafeMutableRawPointer(bitPattern: last)!.load(as: UInt8.self) == 7)
        for _ in 0..<300 {
            if let block = pool.allocate(bytes: 15_000) { unsafe blocks.append(UInt(bitPattern: block.pointer)) }
        }
        // Every other block goes: of ordinary chunks first, then of huge ones, which are split.
        for (index, address) in blocks.enumerated() where index % 2 == 0 { free(address, in: pool) }
        let free = pool.usage.freeBytes
        let before = budget.chargedBytes
        let given = pool.discard(atLeast: .max)
        #expect(given > free / 2 && budget.chargedBytes == before - given)
        for (index, address) in blocks.enumerated() where index % 2 == 1 { self.free(address, in: pool) }
        _ = pool.discard(atLeast: .max)
        #expect(budget.chargedBytes == 0 && pool.liveBlockCount == 0)
    }

    @Test(
        "the last of the budget is carved page by page, so that it is there for blocks of any size",
        .enabled(if: Chunk.canBeHuge, "the kernel has no huge pages of 2 MiB")
    )
    func hugeChunksLeaveTheRest() throws {
        let budget = Budget(limit: 64 << 20)
        let pool = BlockPool(budget: budget, stripes: 1, poisons: false)
        var last: Chunk?
        var count = 0
        while let block = pool.allocate(bytes: 15_000) {
            last = unsafe Chunk(ofBlockAt: block.pointer)
            count += 1
        }
        #expect(try #require(last).isHuge == false && budget.chargedBytes <= budget.limit)
        #expect(count * 15_000 > budget.limit * 9 / 10)
    }

    private func free(_ address: UInt, in pool: BlockPool) {
        unsafe pool.free(UnsafeMutableRawPointer(bitPattern: address)!)
    }

    @Test("threads that allocate and free each other's blocks lose none and stay within the budget")
    func threads() throws {
        let seed = Seed.ofThisRun
        print(seed)
        let budget = Budget(limit: 8 << 20)
        let pool = BlockPool(budget: budget, stripes: 2, poisons: true)
        // Blocks on their way to another thread: each thread leaves one and takes whichever lay there.
        let places = (0..<64).map { _ in Lock<UInt?>(nil) }
        let barrier = Barrier(count: 4)
        let threads = try (0..<4).map { number in
            try OSThread(name: "pool") {
                var random = seed.generator(stream: number)
                barrier.wait()
                for step in 0..<20_000 {
                    if let block = pool.allocate(bytes: Int.random(in: 1...20_000, using: &random)) {
                        let address = unsafe UInt(bitPattern: block.pointer)
                        let former = places.randomElement(using: &random)?.withLock { place in
                            defer { place = address }
                            return place
                        }
                        if let former { free(former, in: pool) }
                    }
                    if number == 0 && step % 100 == 0 { _ = pool.discard(atLeast: 256 << 10) }
                }
            }
        }
        threads.forEach { $0.join() }
        for address in places.compactMap({ $0.withLock { $0 } }) { free(address, in: pool) }
        #expect(pool.liveBlockCount == 0)
        #expect(budget.highestBytes <= budget.limit)
        _ = pool.discard(atLeast: .max)
        #expect(budget.chargedBytes == 0)
    }
}
