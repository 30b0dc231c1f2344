// SPDX-License-Identifier: Apache-2.0

import LockFree
import TestSupport
import Testing
import TileModel

@testable import TileCache

@Suite("The keeper, on one thread")
struct KeeperTests {
    @Test("a round brings memory from above the high watermark to the low one, oldest warm first")
    func watermarks() throws {
        let clock = ManualClock()
        let cache = try TileCache.make(clock: clock)
        let thread = cache.makeParticipant()
        var round = KeeperRound(cache: cache)
        var count = 0
        while cache.put(count, bytes: 8000, arrival: .speculative, by: thread).isInserted {
            clock.advance(seconds: 0.1)
            count += 1
        }
        let budget = Double(cache.statistics.budgetBytes)
        round.run(demand: 0)
        let used = Double(cache.reservedBytes - cache.pool.usage.freeBytes)
        print("used \(used / budget) of the budget after a round")
        let low = budget * cache.configuration.lowWatermark
        #expect(used <= low && used > low - budget * 0.05)
        let statistics = cache.statistics
        #expect(statistics.departed[.pressure] == count - statistics.entries)
        #expect(statistics.evictedUnused == count - statistics.entries)
        // First in, first out, as far as samples of 32 can tell: nothing of the younger half has left.
        for number in count / 2..<count { #expect(cache.contains(key(number), by: thread)) }
        expectConsistent(cache)
        #expect(cache.put(100_000, bytes: 8000, by: thread).isInserted)
    }

    @Test("below the high watermark a round evicts nothing")
    func noPressure() throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        var round = KeeperRound(cache: cache)
        for number in 0..<100 { cache.put(number, bytes: 8000, by: thread) }
        for _ in 0..<5 { round.run(demand: 0) }
        #expect(cache.statistics.entries == 100)
    }

    /// Inserts, with a round whenever room runs out; returns how many were refused in spite of that.
    private func fill(
        _ cache: TileCache,
        _ numbers: Range<Int>,
        bytes: Int,
        arrival: TileArrival = .requested,
        _ round: inout KeeperRound,
        _ thread: CacheParticipant,
        each: (Int) -> Void = { _ in }
    ) -> Int {
        var refused = 0
        for number in numbers {
            if cache.put(number, bytes: bytes, arrival: arrival, by: thread).refusal == .noRoom {
                round.run(demand: bytes + 400)
                // A vacated chunk is given back one round later.
                round.run(demand: bytes + 400)
                if cache.put(number, bytes: bytes, arrival: arrival, by: thread).refusal != nil { refused += 1 }
            } else if cache.pool.approximateLiveBytes > cache.wakeLevel {
                round.run(demand: 0)
            }
            each(number)
        }
        return refused
    }

    @Test("a scan of five times the cache leaves the tiles that people look at", arguments: [1, 2, 3])
    func scan(stream: Int) throws {
        let seed = Seed.ofThisRun
        print(seed)
        var random = seed.generator(stream: stream)
        let clock = ManualClock()
        let cache = try TileCache.make(budget: 8 << 20, clock: clock)
        let thread = cache.makeParticipant()
        var round = KeeperRound(cache: cache)
        let watched = 0..<200
        #expect(fill(cache, watched, bytes: 15_000, &round, thread) == 0)
        for number in watched { _ = cache.get(number, by: thread) }
        var hits = 0
        var looks = 0
        let scanned = 5 * (8 << 20) / 15_000
        let refused = fill(cache, 1000..<1000 + scanned, bytes: 15_000, arrival: .speculative, &round, thread) {
            number in
            clock.advance(seconds: 0.01)
            looks += 1
            let watchedNumber = Int.random(in: watched, using: &random)
            if cache.get(watchedNumber, by: thread) != nil {
                hits += 1
            } else {
                cache.put(watchedNumber, bytes: 15_000, by: thread)
            }
        }
        #expect(refused == 0)
        print("scan: \(hits) of \(looks) looks hit")
        #expect(Double(hits) > 0.95 * Double(looks))
        expectConsistent(cache)
    }

    @Test("when the size of tiles changes, memory follows: nothing is refused and the budget is used")
    func sizesChange() throws {
        let clock = ManualClock()
        let cache = try TileCache.make(budget: 8 << 20, clock: clock) { $0.expectedEntryBytes = 1000 }
        let thread = cache.makeParticipant()
        var round = KeeperRound(cache: cache)
        var first = 0
        for bytes in [1500, 15_000, 1500, 100_000, 3_000] {
            let count = 2 * (8 << 20) / bytes
            let refused = fill(cache, first..<first + count, bytes: bytes, &round, thread) { number in
                clock.advance(seconds: 0.01)
                // Some are hot and stay among those that leave, so that no chunk becomes empty by itself.
                if number % 7 == 0 { _ = cache.get(number, by: thread) }
            }
            #expect(refused <= count / 100, "of \(bytes) bytes")
            first += count
            let usage = cache.pool.usage
            print("tiles of \(bytes) bytes: live \(usage.liveBytes >> 10) KiB, free \(usage.freeBytes >> 10) KiB,")
            print("  charged \(cache.reservedBytes >> 10) KiB, compacted \(cache.statistics.departed[.compaction]!)")
            #expect(Double(usage.liveBytes) > 0.7 * Double(cache.statistics.budgetBytes))
            expectConsistent(cache)
        }
    }

    @Test("warm tiles expire after their time to live, hot ones do not")
    func expiry() throws {
        let clock = ManualClock()
        let cache = try TileCache.make(clock: clock) { $0.warmTimeToLive = .seconds(300) }
        let thread = cache.makeParticipant()
        var round = KeeperRound(cache: cache)
        for number in 0..<100 { cache.put(number, by: thread) }
        for number in 0..<10 { _ = cache.get(number, by: thread) }
        clock.advance(seconds: 299)
        round.run(demand: 0)
        for _ in 0..<4 { round.run(demand: 0) }
        #expect(cache.statistics.entries == 100)
        clock.advance(seconds: 2)
        round.run(demand: 0)
        clock.advance(seconds: 80)
        round.run(demand: 0)
        #expect(cache.statistics.departed[.expired] == 90)
        #expect(cache.statistics.hotEntries == 10 && cache.statistics.entries == 10)
        expectConsistent(cache)
    }

    @Test("a tile dropped and soon asked for again enters hot, one that nobody asked for does not")
    func ghosts() throws {
        let clock = ManualClock()
        let cache = try TileCache.make(clock: clock)
        let thread = cache.makeParticipant()
        var round = KeeperRound(cache: cache)
        // Two thirds more than there is room for: the first third is dropped.
        let count = 850
        #expect(fill(cache, 0..<count, bytes: 8000, &round, thread) { _ in clock.advance(seconds: 0.1) } == 0)
        let dropped = (0..<count).filter { !cache.contains(key($0), by: thread) }
        #expect(dropped.count > 100)
        let again = dropped.suffix(20)
        for number in again {
            cache.put(number, bytes: 100, arrival: number % 2 == 0 ? .requested : .speculative, by: thread)
        }
        #expect(cache.statistics.ghostHits == again.count { $0 % 2 == 0 })
        #expect(cache.statistics.hotEntries == cache.statistics.ghostHits)
        expectConsistent(cache)
    }

    @Test("age-frequency drops what was not used for long and keeps what was used often")
    func ageFrequency() throws {
        let clock = ManualClock()
        let cache = try TileCache.make(policy: .ageFrequency, clock: clock)
        let thread = cache.makeParticipant()
        var round = KeeperRound(cache: cache)
        let favourites = 0..<50
        _ = fill(cache, favourites, bytes: 8000, &round, thread)
        _ = fill(cache, 1000..<2500, bytes: 8000, &round, thread) { number in
            clock.advance(seconds: 1)
            _ = cache.get(number % 50, by: thread)
        }
        for number in favourites { #expect(cache.contains(key(number), by: thread)) }
        #expect(!cache.contains(key(1000), by: thread))
        expectConsistent(cache)
    }

    @Test("while a reader stalls the keeper stops evicting and inserts are refused, and both go on when it moves on")
    func stalledReader() throws {
        let clock = ManualClock()
        let cache = try TileCache.make(clock: clock)
        let thread = cache.makeParticipant()
        let stalled = cache.makeParticipant()
        var round = KeeperRound(cache: cache)
        stalled.goOnline()
        var refusals: [InsertRefusal: Int] = [:]
        for number in 0..<2000 {
            if let reason = cache.put(number, bytes: 8000, by: thread).refusal { refusals[reason, default: 0] += 1 }
            round.run(demand: 0)
            #expect(cache.reservedBytes <= cache.statistics.budgetBytes)
        }
        #expect(refusals[.readerStalled, default: 0] > 1000)
        #expect(cache.statistics.retiredBytes < cache.retiredLimit + cache.retiredLimit / 2)
        #expect(cache.statistics.entries > 300, "what is there stays")
        stalled.goOffline()
        round.run(demand: 0)
        #expect(cache.statistics.retiredBytes == 0)
        #expect(cache.put(10_000, bytes: 8000, by: thread).isInserted)
        expectConsistent(cache)
    }

    @Test("hits on entries that were counted out write neither table nor blocks: both are mapped read-only meanwhile")
    func hitsWriteNothing() throws {
        for policy in EvictionPolicy.allCases {
            let clock = ManualClock()
            let cache = try TileCache.make(policy: policy, clock: clock)
            let thread = cache.makeParticipant()
            for number in 0..<100 { cache.put(number, by: thread) }
            for _ in 0..<policy.useLimit {
                for number in 0..<100 { _ = cache.get(number, by: thread) }
            }
            #expect(cache.table.protect(writable: false) && cache.pool.protect(writable: false))
            var hits = 0
            for _ in 0..<10 {
                thread.goOnline()
                for number in 0..<100 where cache.find(key(number), by: thread) != nil { hits += 1 }
                thread.goOffline()
            }
            #expect(cache.table.protect(writable: true) && cache.pool.protect(writable: true))
            #expect(hits == 1000)
        }
    }

    @Test("the keeper's thread makes room for an insert that waits, stops, and starts again")
    func thread() throws {
        let cache = try TileCache.make(clock: ManualClock()) { $0.insertPatience = .seconds(60) }
        let thread = cache.makeParticipant()
        for start in [0, 2000] {
            try cache.startKeeper()
            for number in start..<start + 2000 {
                #expect(cache.put(number, bytes: 8000, by: thread).isInserted)
            }
            cache.stop()
        }
        expectConsistent(cache)
        let departed = cache.statistics.departed
        // What leaves with a page that is emptied counts apart.
        #expect(departed[.pressure, default: 0] + departed[.compaction, default: 0] > 3000, "\(departed)")
    }

    @Test("an insert on-line does not wait: it could be waiting for itself")
    func onlineDoesNotWait() throws {
        let cache = try TileCache.make(clock: ManualClock()) { $0.insertPatience = .seconds(3600) }
        let thread = cache.makeParticipant()
        thread.goOnline()
        var number = 0
        while cache.put(number, bytes: 8000, by: thread).isInserted { number += 1 }
        #expect(cache.put(number, bytes: 8000, by: thread).refusal == .noRoom)
        thread.goOffline()
    }
}
