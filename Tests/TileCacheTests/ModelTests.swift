// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization
import TestSupport
import Testing
import TileModel

@testable import TileCache

@Suite("The memory cache against a model")
struct ModelTests {
    @Test("random histories on one thread agree with a dictionary at every step", arguments: 0..<8)
    func oneThread(stream: Int) throws {
        let seed = Seed.ofThisRun
        print(seed, "stream \(stream)")
        var random = seed.generator(stream: stream)
        let clock = ManualClock()
        let policy: EvictionPolicy = stream % 2 == 0 ? .hitDensity : .ageFrequency
        let cache = try TileCache.make(policy: policy, clock: clock) {
            // 64 buckets: probes run into each other.
            $0.expectedEntryBytes = stream % 4 < 2 ? 1 << 20 : 8192
            $0.warmTimeToLive = stream % 3 == 0 ? .seconds(60) : nil
        }
        let thread = cache.makeParticipant()
        var round = KeeperRound(cache: cache)
        /// Key number to body length and requests so far.
        var model: [Int: (bytes: Int, requests: Int)] = [:]
        var pins: [(number: Int, bytes: Int, pin: PinnedTile)] = []

        /// After the keeper worked: what left must have been counted.
        func reconcile() {
            let left = model.keys.filter { !cache.contains(key($0), by: thread) }
            for number in left { model[number] = nil }
        }

        for step in 0..<6000 {
            let number = Int.random(in: 0..<400, using: &random)
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<45:
                let bytes = Int.random(in: 0...20_000, using: &random)
                let arrival: TileArrival = Bool.random(using: &random) ? .requested : .speculative
                let wantsPin = Int.random(in: 0..<20, using: &random) == 0
                switch cache.put(number, bytes: bytes, arrival: arrival, pinned: wantsPin, by: thread) {
                case .inserted(let pin):
                    #expect(model[number] == nil)
                    model[number] = (bytes, arrival == .requested ? 1 : 0)
                    if let pin { pins.append((number, bytes, pin)) }
                case .alreadyThere(let pin):
                    let bytes = try #require(model[number]).bytes
                    if let pin { pins.append((number, bytes, pin)) }
                case .refused(let reason):
                    #expect(model[number] == nil && (reason == .noRoom || reason == .tableFull))
                    round.run(demand: bytes)
                    reconcile()
                }
            case 45..<85:
                let found = cache.get(number, by: thread)
                #expect((found == nil) == (model[number] == nil))
                if let found, let known = model[number] {
                    if found.body.count != known.bytes || found.body.last != body(number, bytes: known.bytes).last {
                        Issue.record("step \(step): wrong body of \(number)")
                    }
                    model[number]!.requests += 1
                }
            case 85..<92:
                #expect(cache.remove(key(number), by: thread) == (model.removeValue(forKey: number) != nil))
            case 92..<94:
                clock.advance(seconds: Double.random(in: 0...20, using: &random))
            case 94..<97:
                round.run(demand: 0)
                reconcile()
            case 97..<99:
                if let index = pins.indices.randomElement(using: &random) {
                    let (number, bytes, pin) = pins.remove(at: index)
                    #expect(unsafe pin.body.count == bytes)
                    #expect(unsafe pin.body.last == body(number, bytes: bytes).last)
                    pin.release()
                }
            default:
                if step % 7 == 0 {
                    #expect(cache.removeAll(ordinal: 1, by: thread) == model.count)
                    model = [:]
                }
            }
            #expect(cache.reservedBytes <= cache.statistics.budgetBytes)
            if step % 250 == 0 {
                #expect(cache.statistics.entries == model.count)
                expectConsistent(cache)
            }
        }
        for pin in pins { pin.pin.release() }
        cache.removeAll(ordinal: 1, by: thread)
        #expect(cache.statistics.liveBlocks == 0 && cache.statistics.retiredBytes == 0)
    }

    @Test(
        "a key written by one thread is seen by all as it was written last, whoever else works beside it",
        arguments: [64, 512]
    )
    func owners(buckets: Int) throws {
        let seed = Seed.ofThisRun
        print(seed)
        let cache = try TileCache.make(budget: 64 << 20) { $0.expectedEntryBytes = (64 << 20) * 3 / 2 / 7 / buckets }
        try cache.startKeeper()
        let threads = 4
        let perThread = 60
        let barrier = Barrier(count: threads)
        let faults = StripedCounter()
        let running = try (0..<threads).map { number in
            try OSThread(name: "owner") {
                var random = seed.generator(stream: number)
                let thread = cache.makeParticipant()
                var present = Set<Int>()
                barrier.wait()
                for _ in 0..<8000 {
                    // Own keys are written, all are read.
                    let own = number + threads * Int.random(in: 0..<perThread, using: &random)
                    switch Int.random(in: 0..<10, using: &random) {
                    case 0..<3:
                        let outcome = cache.put(own, bytes: own, by: thread)
                        if outcome.isInserted == present.contains(own) { faults.add() }
                        present.insert(own)
                    case 3..<5:
                        if cache.remove(key(own), by: thread) != (present.remove(own) != nil) { faults.add() }
                    case 5..<7:
                        if cache.contains(key(own), by: thread) != present.contains(own) { faults.add() }
                    default:
                        let any = Int.random(in: 0..<threads * perThread, using: &random)
                        if let found = cache.get(any, by: thread), found.body != body(any, bytes: any) { faults.add() }
                    }
                }
                for own in stride(from: number, to: threads * perThread, by: threads) {
                    if cache.contains(key(own), by: thread) != present.contains(own) { faults.add() }
                }
            }
        }
        running.forEach { $0.join() }
        cache.stop()
        #expect(faults.sum() == 0)
        expectConsistent(cache)
    }

    @Test("of inserts of one key that race, one is inserted for good and all get the same bytes")
    func racingInserts() throws {
        let cache = try TileCache.make(budget: 64 << 20) { $0.expectedEntryBytes = 1 << 18 }
        let threads = 4
        let keys = 400
        let barrier = Barrier(count: threads)
        let faults = StripedCounter()
        let running = try (0..<threads).map { _ in
            try OSThread(name: "racer") {
                let thread = cache.makeParticipant()
                barrier.wait()
                for number in 0..<keys {
                    if number % 40 == 0 { barrier.wait() }
                    let outcome = cache.put(number, bytes: 300, pinned: true, by: thread)
                    guard let pin = outcome.pin else {
                        faults.add()
                        continue
                    }
                    if unsafe Array(pin.body) != body(number, bytes: 300) { faults.add() }
                    pin.release()
                }
            }
        }
        running.forEach { $0.join() }
        #expect(faults.sum() == 0)
        cache.collector.reclaim()
        let statistics = cache.statistics
        #expect(statistics.entries == keys && statistics.liveBlocks == keys)
        expectConsistent(cache)
        let thread = cache.makeParticipant()
        thread.withGuard {
            for number in 0..<keys {
                let places = cache.table.places(of: key(number), hash: KeyHash.of(key(number)))
                #expect(places.nearest != nil && places.further.isEmpty)
            }
        }
    }

    @Test("eight writers insert ten times the budget beside eight readers and never exceed it")
    func budget() throws {
        let seed = Seed.ofThisRun
        print(seed)
        // Readers that were taken off the processor while on-line hold up reclamation, hence the patience.
        let cache = try TileCache.make(budget: 8 << 20) { $0.insertPatience = .seconds(1) }
        try cache.startKeeper()
        let budget = cache.statistics.budgetBytes
        let barrier = Barrier(count: 17)
        let faults = StripedCounter()
        let over = StripedCounter()
        let each = 10 * budget / 12_000 / 8
        let threads = EndedThreads()
        let writers = try (0..<8).map { number in
            try OSThread(name: "writer") {
                var random = seed.generator(stream: number)
                let thread = cache.makeParticipant()
                barrier.wait()
                for step in 0..<each {
                    cache.put(step * 8 + number, bytes: Int.random(in: 1000...23_000, using: &random), by: thread)
                }
                threads.end()
            }
        }
        let readers = try (0..<8).map { number in
            try OSThread(name: "reader") {
                var random = seed.generator(stream: 100 + number)
                let thread = cache.makeParticipant()
                barrier.wait()
                while threads.ended < 8 {
                    thread.goOnline()
                    for _ in 0..<50 {
                        let wanted = Int.random(in: 0..<each * 8, using: &random)
                        guard let tile = cache.find(key(wanted), by: thread) else { continue }
                        let bytes = unsafe tile.body
                        let last = UInt8(truncatingIfNeeded: wanted &* 31 &+ (bytes.count - 1) &* 7)
                        if unsafe bytes.first != UInt8(truncatingIfNeeded: wanted &* 31) || bytes.last != last {
                            faults.add()
                        }
                    }
                    thread.goOffline()
                }
            }
        }
        let watcher = try OSThread(name: "watcher") {
            barrier.wait()
            while threads.ended < 8 { if cache.reservedBytes > budget { over.add() } }
        }
        (writers + readers + [watcher]).forEach { $0.join() }
        cache.stop()
        let statistics = cache.statistics
        print("inserted \(statistics.inserted), waits \(statistics.waits), refused \(statistics.refused)")
        print("evicted \(statistics.departed), highest \(statistics.highestReservedBytes) of \(budget)")
        #expect(faults.sum() == 0 && over.sum() == 0)
        #expect(statistics.highestReservedBytes <= budget)
        #expect(statistics.inserted > each * 8 / 2)
        expectConsistent(cache)
        let thread = cache.makeParticipant()
        cache.removeAll(ordinal: 1, by: thread)
        #expect(cache.statistics.liveBlocks == 0)
    }
}

/// Counts threads that have ended.
private final class EndedThreads: Sendable {
    private let count = Atomic<Int>(0)
    var ended: Int { count.load(ordering: .relaxed) }
    func end() { count.wrappingAdd(1, ordering: .relaxed) }
}
