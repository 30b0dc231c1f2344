// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import TileCache

@Suite("A round of eviction, over entries in an array")
struct EvictionRoundTests {
    /// A table of entries; the hand passes at most `stride` places in one call.
    private struct Ground: EvictionGround {
        var entries: [EvictionEntry?]
        let stride: Int
        var firstUses = 0
        var hand = 0
        var longest = 0
        var samples = 0
        var evicted: [Int] = []
        var halved: [Int] = []
        var isSampling = false

        init(_ entries: [EvictionEntry], stride: Int = 64) {
            self.entries = entries
            self.stride = stride
        }

        private func bytes(hot: Bool) -> Int { entries.reduce(0) { $0 + ($1?.isHot == hot ? $1?.bytes ?? 0 : 0) } }
        var warmBytes: Int { bytes(hot: false) }
        var hotBytes: Int { bytes(hot: true) }
        var placeCount: Int { entries.count }

        mutating func sampleBegins() {
            samples += 1
            isSampling = true
        }
        mutating func sampleEnds() { isSampling = false }

        mutating func offerAgain(_ candidate: EvictionCandidate, to sample: inout EvictionSample) {
            offer(candidate.place, to: &sample)
        }

        mutating func collect(into sample: inout EvictionSample) -> Int {
            var passed = 0
            while !sample.isFull && passed < stride {
                offer(hand, to: &sample)
                hand = (hand + 1) % entries.count
                passed += 1
            }
            longest = max(longest, passed)
            return passed
        }

        private func offer(_ place: Int, to sample: inout EvictionSample) {
            guard let entry = entries[place], sample.wants(isHot: entry.isHot) else { return }
            sample.offer(entry, place: place, word: UInt64(place))
        }

        mutating func evict(_ candidate: EvictionCandidate, generation: UInt16) -> Int? {
            #expect(isSampling)
            guard let entry = entries[candidate.place] else { return nil }
            entries[candidate.place] = nil
            evicted.append(candidate.place)
            return entry.bytes
        }

        mutating func halve(_ candidate: EvictionCandidate, generation: UInt16) { halved.append(candidate.place) }
    }

    private func entry(hot: Bool = false, uses: Int = 1, bytes: Int = 1000, age: Int = 0, idle: Int = 0)
        -> EvictionEntry
    {
        EvictionEntry(isHot: hot, useCount: uses, bytes: bytes, cost: 1000, age: age, idle: idle)
    }

    @Test(
        "a round evicts what was asked for, by at most a sample more, and passes a bounded number of places at a time"
    )
    func bounded() {
        var ground = Ground((0..<2000).map { entry(age: $0) }, stride: 10)
        var round = EvictionRound(policy: .twoClass, budget: 2_000_000)
        #expect(round.evict(bytes: 20_000, entries: 0, from: &ground))
        #expect((20...24).contains(ground.evicted.count))
        #expect(ground.longest <= 10)
        let before = ground.evicted.count
        #expect(round.evict(bytes: 0, entries: 30, from: &ground))
        #expect((30...34).contains(ground.evicted.count - before))
    }

    @Test("where nothing can leave a round ends after one turn of the hand")
    func nothingToEvict() {
        var ground = Ground([entry()], stride: 7)
        ground.entries = Array(repeating: nil, count: 1000)
        var round = EvictionRound(policy: .twoClass, budget: 1_000_000)
        #expect(!round.evict(bytes: 1, entries: 0, from: &ground))
        #expect(ground.samples <= 1000 / 7 + 2)
    }

    @Test("the lowest scores of a sample and of what the last one left leave first")
    func order() {
        // The hand passes the oldest first, so each quarter that leaves is the oldest of what there is.
        var ground = Ground((0..<64).map { entry(age: 1000 - $0) }, stride: 64)
        var round = EvictionRound(policy: .twoClass, budget: 64_000)
        _ = round.evict(bytes: 8000, entries: 0, from: &ground)
        #expect(ground.evicted == Array(0..<8))
    }

    @Test("age-frequency drops the longest unused less ten seconds for each use, whatever the class and the size")
    func ageFrequencyOrder() {
        var entries = (0..<16).map { entry(hot: $0 % 2 == 0, uses: 5, bytes: 100 * ($0 + 1), idle: $0 * 1000) }
        entries[15].useCount = 20
        var ground = Ground(entries, stride: 16)
        var round = EvictionRound(policy: .ageFrequency, budget: 100_000)
        _ = round.evict(bytes: 0, entries: 4, from: &ground)
        #expect(ground.evicted == [14, 13, 12, 11])
        #expect(ground.halved.isEmpty)
    }

    @Test("hot gives only while warm has no more than its share, and what stays of it is halved")
    func classes() {
        let hot = (0..<190).map { entry(hot: true, uses: 2 + $0 % 9) }
        var ground = Ground(hot + (0..<40).map { entry(age: $0) })
        var round = EvictionRound(policy: .twoClass, budget: 230_000)
        _ = round.evict(bytes: 20_000, entries: 0, from: &ground)
        #expect(ground.evicted.allSatisfy { $0 >= 190 } && ground.halved.isEmpty)
        var small = Ground(hot + [entry()])
        _ = round.evict(bytes: 1000, entries: 0, from: &small)
        #expect(small.evicted.count == 1 && small.evicted[0] < 190)
        #expect(small.entries[small.evicted[0]] == nil && small.halved.count >= 15)
    }

    @Test("siblings get room as they are asked for, and a pre-warm that nobody asks for gets none")
    func siblings() {
        var ground = Ground((0..<4000).map { entry(uses: 0, age: $0) })
        var round = EvictionRound(policy: .twoClass, budget: 4_000_000)
        _ = round.evict(bytes: 800_000, entries: 0, from: &ground)
        #expect(round.warmShare < 0.06)
        ground.firstUses = 400
        _ = round.evict(bytes: 40_000, entries: 0, from: &ground)
        #expect(round.warmShare > 0.2)
        _ = round.evict(bytes: 3_000_000, entries: 0, from: &ground)
        #expect(round.warmShare < 0.1)
    }

    @Test("a generation ends when its bytes were evicted")
    func generations() {
        var tuning = EvictionTuning()
        tuning.generationBudgets = 0.1
        var ground = Ground((0..<1000).map { entry(age: $0) })
        var round = EvictionRound(policy: .twoClass, budget: 1_000_000, tuning: tuning)
        _ = round.evict(bytes: 99_000, entries: 0, from: &ground)
        #expect(round.generation == 0)
        _ = round.evict(bytes: 250_000, entries: 0, from: &ground)
        #expect((2...3).contains(round.generation))
    }
}
