// SPDX-License-Identifier: Apache-2.0

import LockFree
import TestSupport
import Testing
import TileModel

@testable import TileCache

@Suite("Replacing, closing and looking up together")
struct ReplaceTests {
    @Test("a replaced tile has the new bytes, its class and its count, and the old block is freed after the readers")
    func replace() throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        cache.put(1, bytes: 500, by: thread)
        _ = cache.get(1, by: thread)
        thread.goOnline()
        let old = try #require(cache.find(key(1), by: thread))
        #expect(old.tier == .hot)
        let writer = cache.makeParticipant()
        guard case .replaced(let pin?) = cache.swap(1, body: 7, bytes: 900, pinned: true, by: writer) else {
            Issue.record("not replaced")
            return
        }
        #expect(unsafe Array(pin.body) == body(7, bytes: 900))
        pin.release()
        // The old bytes are the borrower's as long as it stays on-line.
        #expect(unsafe Array(old.body) == body(1, bytes: 500))
        let new = try #require(cache.find(key(1), by: thread))
        #expect(unsafe Array(new.body) == body(7, bytes: 900))
        #expect(new.tier == .hot)
        thread.goOffline()
        cache.collector.reclaim()
        let statistics = cache.statistics
        #expect(statistics.entries == 1 && statistics.liveBlocks == 1 && statistics.hotEntries == 1)
        #expect(statistics.departed[.replaced] == 1)
        expectConsistent(cache)
    }

    @Test("replacing what is not there inserts it")
    func replaceNothing() throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        guard case .inserted(nil) = cache.swap(1, body: 1, bytes: 100, by: thread) else {
            Issue.record("not inserted")
            return
        }
        #expect(cache.get(1, by: thread)?.body == body(1, bytes: 100))
        guard case .refused(.tooLarge) = cache.swap(1, body: 1, bytes: 700_000, by: thread) else {
            Issue.record("not refused")
            return
        }
        #expect(cache.get(1, by: thread)?.body == body(1, bytes: 100), "what was there is still served")
        expectConsistent(cache)
    }

    @Test("a conditional replacement or removal happens only to the very tile that was found")
    func conditional() throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        cache.put(1, bytes: 10, by: thread)
        thread.goOnline()
        let first = try #require(cache.find(key(1), by: thread))
        #expect(cache.swap(1, ifStill: first, body: 2, bytes: 20, by: thread).isReplaced)
        #expect(!cache.swap(1, ifStill: first, body: 3, bytes: 30, by: thread).isReplaced)
        #expect(!cache.remove(key(1), ifStill: first, by: thread))
        let second = try #require(cache.find(key(1), by: thread))
        #expect(unsafe Array(second.body) == body(2, bytes: 20))
        #expect(cache.remove(key(1), ifStill: second, by: thread))
        #expect(!cache.swap(1, ifStill: second, body: 3, bytes: 30, by: thread).isReplaced)
        #expect(cache.find(key(1), by: thread) == nil)
        thread.goOffline()
        cache.collector.reclaim()
        #expect(cache.statistics.liveBlocks == 0)
        expectConsistent(cache)
    }

    @Test("of threads that each add one to a counter by conditional replacement, none is lost")
    func counting() throws {
        let cache = try TileCache.make()
        let first = cache.makeParticipant()
        _ = cache.swap(1, body: 0, bytes: 8, by: first)
        let each = 2000
        let barrier = Barrier(count: 4)
        let threads = try (0..<4).map { _ in
            try OSThread(name: "adder") {
                let thread = cache.makeParticipant()
                barrier.wait()
                var done = 0
                while done < each {
                    thread.goOnline()
                    if let tile = cache.find(key(1), by: thread) {
                        var next = unsafe tile.body.loadUnaligned(as: Int.self) + 1
                        let outcome = unsafe withUnsafeBytes(of: &next) { bytes in
                            unsafe cache.replace(
                                key(1),
                                ifStill: tile,
                                headers: UnsafeRawBufferPointer(start: nil, count: 0),
                                body: bytes,
                                cost: 1,
                                by: thread
                            )
                        }
                        if outcome.isReplaced { done += 1 }
                    }
                    thread.goOffline()
                    cache.collector.reclaim()
                }
            }
        }
        let start = try #require(cache.get(1, by: first)).body
        threads.forEach { $0.join() }
        let end = try #require(cache.get(1, by: first)).body
        func number(_ bytes: [UInt8]) -> Int { bytes.reversed().reduce(0) { $0 &<< 8 | Int($1) } }
        let begin = number(body(0, bytes: 8))
        #expect(number(start) >= begin && number(end) == begin &+ 4 * each)
        expectConsistent(cache)
    }

    @Test("an insert that finds its key taken after copying frees its block at once")
    func loserFreed() throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        let other = cache.makeParticipant()
        other.goOnline()
        // The patience of nobody: a reader that is on-line holds up whatever is retired.
        cache.put(1, bytes: 100, by: thread)
        #expect(cache.put(1, bytes: 100, by: thread).isAlreadyThere)
        #expect(cache.statistics.liveBlocks == 1 && cache.statistics.retiredBytes == 0)
        other.goOffline()
    }

    @Test("of a closed tileset nothing is there and nothing comes in, of others all")
    func closed() throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        for ordinal in [5, 7, 6, 9, 1] as [UInt32] {
            for number in 0..<20 { cache.put(number, bytes: 100, ordinal: ordinal, by: thread) }
            #expect(cache.close(ordinal: ordinal, by: thread) == 20)
            #expect(cache.put(3, bytes: 100, ordinal: ordinal, pinned: true, by: thread).refusal == .closed)
        }
        for ordinal in 0...12 as ClosedRange<UInt32> {
            let isClosed = [1, 5, 6, 7, 9].contains(ordinal)
            #expect(cache.put(1, bytes: 100, ordinal: ordinal, by: thread).isInserted != isClosed)
            #expect(cache.contains(key(1, ordinal: ordinal), by: thread) != isClosed)
        }
        #expect(cache.close(ordinal: 5, by: thread) == 0)
        #expect(cache.statistics.refused[.closed] == 10)
        cache.collector.reclaim()
        #expect(cache.statistics.liveBlocks == cache.statistics.entries)
        expectConsistent(cache)
    }

    @Test("while workers insert for a tileset, closing it leaves nothing behind")
    func closingRaces() throws {
        let cache = try TileCache.make(budget: 64 << 20)
        let barrier = Barrier(count: 4)
        let rounds = 200
        let writers = try (0..<3).map { number in
            try OSThread(name: "late") {
                let thread = cache.makeParticipant()
                for round in 1...rounds {
                    barrier.wait()
                    for tile in 0..<20 { cache.put(tile * 3 + number, bytes: 64, ordinal: UInt32(round), by: thread) }
                    barrier.wait()
                }
            }
        }
        let thread = cache.makeParticipant()
        var left = 0
        for round in 1...rounds {
            barrier.wait()
            cache.close(ordinal: UInt32(round), by: thread)
            barrier.wait()
            left += cache.statistics.entries
        }
        writers.forEach { $0.join() }
        #expect(left == 0)
        cache.collector.reclaim()
        #expect(cache.statistics.liveBlocks == 0)
        expectConsistent(cache)
    }

    @Test("a batch has the same answers and counts as single look-ups", arguments: [0, 1, 31, 32, 33, 100])
    func batch(count: Int) throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        for number in 0..<count where number % 3 != 0 { cache.put(number, bytes: 50 + number, by: thread) }
        let keys = (0..<count).map { key($0) }
        var found: [Int?] = []
        thread.withGuard {
            cache.find(keys.span, by: thread) { index, tile in
                #expect(index == found.count)
                found.append(tile.map { unsafe $0.body.count })
            }
        }
        #expect(found == (0..<count).map { $0 % 3 == 0 ? nil : 50 + $0 })
        let statistics = cache.statistics
        let present = (0..<count).filter { $0 % 3 != 0 }.count
        #expect(statistics.hits == present && statistics.misses == count - present)
        #expect(statistics.hotEntries == present)
    }
}

extension TileCache {
    /// Replaces a key's tile by one with the body of `body`.
    func swap(
        _ number: Int,
        ifStill current: CachedTile? = nil,
        body other: Int,
        bytes: Int,
        pinned: Bool = false,
        by participant: CacheParticipant
    ) -> ReplaceOutcome {
        let headers = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        return unsafe body(other, bytes: bytes).withUnsafeBytes { body in
            guard let current else {
                return unsafe replace(
                    key(number),
                    headers: headers,
                    body: body,
                    cost: 1,
                    arrival: .requested,
                    pinned: pinned,
                    by: participant
                )
            }
            return unsafe replace(
                key(number),
                ifStill: current,
                headers: headers,
                body: body,
                cost: 1,
                pinned: pinned,
                by: participant
            )
        }
    }
}

extension ReplaceOutcome {
    var isReplaced: Bool {
        if case .replaced = self { return true }
        return false
    }
}
