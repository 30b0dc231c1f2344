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
        var usesEver = [Int](repeating: 0, count: ReuseTable.cellCount)
        var now: UInt32 = 0
        var turns: UInt32 = 0
        var hand = 0
        var longest = 0
        var samples = 0
        var evicted: [Int] = []
        var faded: [Int] = []
        var isSampling = false

        init(_ entries: [EvictionEntry], stride: Int = 64) {
            self.entries = entries
            self.stride = stride
        }

        var entryCount: Int { entries.count { $0 != nil } }
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
            guard let entry = entries[place] else { return }
            sample.offer(entry, place: place, word: UInt64(place))
        }

        mutating func evict(_ candidate: EvictionCandidate, generation: UInt16) -> Int? {
            #expect(isSampling)
            guard let entry = entries[candidate.place] else { return nil }
            entries[candidate.place] = nil
            evicted.append(candidate.place)
            return entry.bytes
        }

        mutating func fade(_ candidate: EvictionCandidate, generation: UInt16) { faded.append(candidate.place) }
    }

    private func entry(uses: Int = 1, isAsked: Bool = true, bytes: Int = 1000, idle: Int = 0) -> EvictionEntry {
        EvictionEntry(useCount: uses, isAsked: isAsked, bytes: bytes, cost: 1000, idle: idle)
    }

    @Test(
        "a round evicts what was asked for, by at most a sample more, and passes a bounded number of places at a time"
    )
    func bounded() {
        var ground = Ground((0..<2000).map { entry(idle: $0) }, stride: 10)
        var round = EvictionRound(policy: .hitDensity, budget: 2_000_000)
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
        var round = EvictionRound(policy: .hitDensity, budget: 1_000_000)
        #expect(!round.evict(bytes: 1, entries: 0, from: &ground))
        #expect(ground.samples <= 1000 / 7 + 2)
    }

    @Test("the lowest scores of a sample and of what the last one left leave first")
    func order() {
        // The hand passes the largest first, so what leaves of each sixteen is among the largest of what there is.
        var ground = Ground((0..<64).map { entry(bytes: 10_000 - 100 * $0) }, stride: 64)
        var round = EvictionRound(policy: .hitDensity, budget: 640_000)
        _ = round.evict(bytes: 0, entries: 4, from: &ground)
        #expect(ground.evicted == Array(0..<4))
        #expect(ground.faded.count >= 60)
    }

    @Test("age-frequency drops the longest unused less ten seconds for each use, whatever the class and the size")
    func ageFrequencyOrder() {
        var entries = (0..<16).map { entry(uses: 5, bytes: 100 * ($0 + 1), idle: $0 * 1000) }
        entries[15].useCount = 20
        var ground = Ground(entries, stride: 16)
        var round = EvictionRound(policy: .ageFrequency, budget: 100_000)
        _ = round.evict(bytes: 0, entries: 4, from: &ground)
        #expect(ground.evicted == [14, 13, 12, 11])
        #expect(ground.faded.isEmpty)
    }

    @Test("room for entries is made of those that will be asked for least, whatever their size")
    func byNumber() {
        let small = (0..<16).map { _ in entry(uses: 0, isAsked: false, bytes: 100) }
        var ground = Ground((0..<16).map { _ in entry(uses: 9, bytes: 100_000) } + small, stride: 32)
        var round = EvictionRound(policy: .hitDensity, budget: 2_000_000)
        _ = round.evict(bytes: 0, entries: 10, from: &ground)
        #expect(ground.evicted.count == 10 && ground.evicted.suffix(9).allSatisfy { $0 >= 16 })
    }

    @Test("siblings that are asked for stay before tiles that are not, and leave first where it is the other way round")
    func learning() {
        for areSiblingsUsed in [true, false] {
            // A lesson every hundred entries.
            var tuning = EvictionTuning()
            tuning.lessonEntries = 100
            tuning.lessonShare = 0
            let kinds = [entry(uses: 0, isAsked: false, idle: 3000), entry(uses: 1, idle: 3000)]
            var ground = Ground((0..<4000).map { kinds[$0 % 2] })
            var round = EvictionRound(policy: .hitDensity, budget: 4_000_000, tuning: tuning)
            let used = kinds[areSiblingsUsed ? 0 : 1]
            let cell = ReuseTable.cell(uses: used.useCount, isAsked: used.isAsked, idle: used.idle)
            for _ in 0..<30 {
                _ = round.evict(bytes: 0, entries: 20, from: &ground)
                ground.now &+= 100
                ground.usesEver[cell] += 200
            }
            let before = ground.evicted.count
            _ = round.evict(bytes: 0, entries: 500, from: &ground)
            let siblings = ground.evicted[before...].count { $0 % 2 == 0 }
            #expect(areSiblingsUsed ? siblings < 50 : siblings > 450, "\(siblings) siblings left")
        }
    }

    @Test("a turnover of the budget moves the clock of uses on by a second, and that of age-frequency not at all")
    func turns() {
        for policy in EvictionPolicy.allCases {
            var ground = Ground((0..<1000).map { entry(idle: $0) })
            var round = EvictionRound(policy: policy, budget: 1_000_000)
            for _ in 0..<50 { _ = round.evict(bytes: 10_000, entries: 0, from: &ground) }
            #expect(policy == .hitDensity ? (500...540).contains(ground.turns) : ground.turns == 0)
        }
    }

    @Test("a generation ends when its bytes were evicted")
    func generations() {
        var tuning = EvictionTuning()
        tuning.generationBudgets = 0.1
        var ground = Ground((0..<1000).map { entry(idle: $0) })
        var round = EvictionRound(policy: .hitDensity, budget: 1_000_000, tuning: tuning)
        _ = round.evict(bytes: 99_000, entries: 0, from: &ground)
        #expect(round.generation == 0)
        _ = round.evict(bytes: 250_000, entries: 0, from: &ground)
        #expect((2...3).contains(round.generation))
    }
}
