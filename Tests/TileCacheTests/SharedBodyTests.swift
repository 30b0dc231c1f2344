// SPDX-License-Identifier: Apache-2.0

import LockFree
import TestSupport
import Testing
import TileModel

@testable import TileCache

@Suite("Equal small bodies")
struct SharedBodyTests {
    private func put(
        _ number: Int,
        _ body: [UInt8],
        _ cache: TileCache,
        _ thread: CacheParticipant,
        pinned: Bool = false
    ) -> InsertOutcome {
        unsafe Array("ETag: \"\(number)\"\r\n\r\n".utf8).withUnsafeBytes { headers in
            unsafe body.withUnsafeBytes { body in
                unsafe cache.insert(
                    key(number),
                    headers: headers,
                    body: body,
                    cost: 1,
                    arrival: .requested,
                    pinned: pinned,
                    by: thread
                )
            }
        }
    }

    @Test("are stored once from the second on, with headers of their own, and freed with the last tile")
    func shared() throws {
        let cache = try TileCache.make { $0.sharesEqualBodies = true }
        let thread = cache.makeParticipant()
        let blank = body(3, bytes: 900)
        for number in 0..<100 { #expect(put(number, blank, cache, thread).isInserted) }
        var statistics = cache.statistics
        #expect(statistics.sharedBodies == 1 && statistics.liveBlocks == 100)
        // The first has its own; each of the others one granule, and there is one body.
        #expect(statistics.warmBytes < 1100 + 99 * 128)
        thread.withGuard {
            for number in 0..<100 {
                let tile = cache.find(key(number), by: thread)
                #expect(tile.map { unsafe Array($0.body) } == blank)
                #expect(tile.map { unsafe Array($0.headers) } == Array("ETag: \"\(number)\"\r\n\r\n".utf8))
            }
        }
        expectConsistent(cache)
        let pin = try #require(put(50, blank, cache, thread, pinned: true).pin)
        #expect(cache.removeAll(ordinal: 1, by: thread) == 100)
        // The pinned tile keeps its body alive.
        #expect(cache.statistics.sharedBodies == 1)
        #expect(unsafe Array(pin.body) == blank)
        pin.release()
        statistics = cache.statistics
        #expect(statistics.sharedBodies == 0 && statistics.liveBlocks == 0 && cache.pool.liveBlockCount == 0)
    }

    @Test(
        "are told apart by every byte, and only within the limits",
        arguments: [0, 64, 65, 66, 71, 72, 73, 500, 2047, 2048, 2049, 5000]
    )
    func limits(bytes: Int) throws {
        let cache = try TileCache.make { $0.sharesEqualBodies = true }
        let thread = cache.makeParticipant()
        var other = body(9, bytes: bytes)
        if bytes > 0 { other[bytes - 1] ^= 1 }
        for number in 0..<6 {
            #expect(put(number, number < 3 ? body(9, bytes: bytes) : other, cache, thread).isInserted)
        }
        #expect(cache.statistics.sharedBodies == (SharedBodies.sizes.contains(bytes) ? 2 : 0))
        for number in 0..<6 {
            #expect(cache.get(number, by: thread)?.body == (number < 3 ? body(9, bytes: bytes) : other))
        }
        expectConsistent(cache)
    }

    @Test("come and go on four threads beside the keeper, and none is lost or left")
    func threads() throws {
        let seed = Seed.ofThisRun
        print(seed)
        let cache = try TileCache.make(budget: 4 << 20) {
            $0.expectedEntryBytes = 512
            $0.sharesEqualBodies = true
        }
        try cache.startKeeper()
        let barrier = Barrier(count: 4)
        let faults = StripedCounter()
        let threads = try (0..<4).map { number in
            try OSThread(name: "blank") {
                var random = seed.generator(stream: number)
                let thread = cache.makeParticipant()
                barrier.wait()
                for _ in 0..<5000 {
                    let tile = Int.random(in: 0..<8000, using: &random)
                    // Seven bodies, each of its own size.
                    let blank = body(tile % 7, bytes: 100 + tile % 7 * 250)
                    switch Int.random(in: 0..<10, using: &random) {
                    case 0..<6: _ = put(tile, blank, cache, thread)
                    case 6: cache.remove(key(tile), by: thread)
                    default: if let found = cache.get(tile, by: thread), found.body != blank { faults.add() }
                    }
                }
            }
        }
        threads.forEach { $0.join() }
        cache.stop()
        #expect(faults.sum() == 0)
        expectConsistent(cache)
        cache.removeAll(ordinal: 1, by: cache.makeParticipant())
        #expect(cache.statistics.sharedBodies == 0 && cache.pool.liveBlockCount == 0)
    }
}
