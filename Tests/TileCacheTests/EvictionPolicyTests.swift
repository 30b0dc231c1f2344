// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TileCache

@Suite("Who leaves first")
struct EvictionPolicyTests {
    private func entry(
        hot: Bool = true,
        uses: Int = 1,
        bytes: Int = 16_000,
        cost: Int = 1000,
        age: Int = 1000,
        idle: Int = 1000
    ) -> EvictionEntry {
        EvictionEntry(isHot: hot, useCount: uses, bytes: bytes, cost: cost, age: age, idle: idle)
    }

    @Test("age-frequency is seconds since last use minus ten times the count, negated")
    func ageFrequency() {
        let policy = EvictionPolicy.ageFrequency
        #expect(policy.evictionScore(entry(uses: 3, age: 9_999_999, idle: 100_000)) == -(100 - 30))
        #expect(policy.evictionScore(entry(uses: 0, idle: 50_000)) < policy.evictionScore(entry(uses: 5, idle: 60_000)))
        #expect(policy.evictionScore(entry(uses: 50, idle: 0)) > policy.evictionScore(entry(uses: 0, idle: 0)))
    }

    @Test("of warm entries of one size two-class lets the oldest go first, whatever it cost")
    func warmGoesByAge() {
        let policy = EvictionPolicy.twoClass
        let old = policy.evictionScore(entry(hot: false, uses: 1, cost: 1_000_000, age: 2000))
        #expect(old < policy.evictionScore(entry(hot: false, uses: 1, cost: 1, age: 1999)))
    }

    @Test("a warm entry goes earlier where it is larger, and where nobody has asked for it")
    func warmGoesBySizeAndUse() {
        let policy = EvictionPolicy.twoClass
        let score = policy.evictionScore(entry(hot: false, uses: 1))
        #expect(policy.evictionScore(entry(hot: false, uses: 1, bytes: 32_000)) < score)
        #expect(policy.evictionScore(entry(hot: false, uses: 0)) < score)
        #expect(policy.evictionScore(entry(hot: false, uses: 0, age: 240)) > score)
        #expect(policy.evictionScore(entry(hot: false, uses: 0, age: 0)) < 0)
    }

    @Test("two-class keeps the hot entry that is used more, is smaller, or cost more")
    func hotIsScored() {
        let policy = EvictionPolicy.twoClass
        let score = policy.evictionScore(entry())
        #expect(policy.evictionScore(entry(uses: 2)) > score)
        #expect(policy.evictionScore(entry(bytes: 8000)) > score)
        #expect(policy.evictionScore(entry(cost: 2000)) > score)
        #expect(policy.evictionScore(entry(age: 50, idle: 60_000)) == score)
    }

    @Test("warm gives until it is down to its share, then hot does")
    func share() {
        let policy = EvictionPolicy.twoClass
        #expect(policy.takesWarm(warmBytes: 26, hotBytes: 74, warmShare: 0.25))
        #expect(!policy.takesWarm(warmBytes: 25, hotBytes: 75, warmShare: 0.25))
        #expect(policy.takesWarm(warmBytes: 1, hotBytes: 0, warmShare: 0.25))
        #expect(!policy.takesWarm(warmBytes: 0, hotBytes: 1, warmShare: 0.25))
        #expect(EvictionPolicy.ageFrequency.takesWarm(warmBytes: 0, hotBytes: 100, warmShare: 0.25))
    }

    @Test("what comes back soon after it was dropped goes on counting where it was")
    func usesOfTwoLives() {
        func use(_ arrival: TileArrival, _ dropped: Int?) -> (count: Int, isHot: Bool) {
            let use = EvictionPolicy.twoClass.initialUse(arrival, droppedUses: dropped, generation: 3)
            return (EvictionPolicy.count(use), EvictionPolicy.isHot(use))
        }
        #expect(use(.requested, nil) == (1, false))
        #expect(use(.requested, 0) == (1, false))
        #expect(use(.requested, 1) == (2, true))
        #expect(use(.requested, 7) == (8, true))
        #expect(use(.speculative, nil) == (0, false))
        #expect(use(.speculative, 1) == (1, false))
        #expect(use(.speculative, 2) == (2, true))
        #expect(use(.restored, nil) == (2, true))
    }

    @Test("age-frequency counts every use up to 255 and never halves; two-class counts to 15")
    func limits() {
        for (policy, limit) in [(EvictionPolicy.ageFrequency, 255), (.twoClass, 15)] {
            var use = policy.initialUse(.requested, droppedUses: nil, generation: 0)
            for uses in 1...300 {
                #expect(EvictionPolicy.count(use) == min(uses, limit))
                use = policy.counted(use)
            }
        }
        #expect(!EvictionPolicy.ageFrequency.halvesCounts && EvictionPolicy.twoClass.halvesCounts)
    }

    @Test("a count is halved once in a generation, and a warm one never")
    func halving() {
        let hot = UseWord(count: 9, isHot: true, generation: 1).bits
        let once = EvictionPolicy.halved(hot, generation: 2)
        #expect(EvictionPolicy.count(once) == 4 && EvictionPolicy.isHot(once))
        #expect(EvictionPolicy.halved(once, generation: 2) == once)
        #expect(EvictionPolicy.count(EvictionPolicy.halved(once, generation: 3)) == 2)
        let warm = UseWord(count: 1, isHot: false, generation: 1).bits
        #expect(EvictionPolicy.halved(warm, generation: 2) == warm)
    }

    @Test("a use word counts up to hot, halves without losing it, and keeps the flags apart")
    func useWord() {
        let none = UseWord(count: 0, isHot: false)
        #expect(!none.incremented.isHot && none.incremented.count == 1)
        let hot = none.incremented.incremented
        #expect(hot.isHot && hot.count == 2)
        #expect(hot.halved(in: 64 + 3).halved(in: 64 + 4) == UseWord(count: 0, isHot: true, generation: 4))
        #expect(UseWord(count: 255, isHot: true, generation: 63).count == 255)
        #expect(UseWord(bits: hot.bits | UseWord.unlinkedBit).isUnlinked && !hot.isUnlinked)
    }

    @Test("a cost is kept to within a thousandth in sixteen bits")
    func packedCost() {
        for cost: UInt32 in [0, 1, 999, 2047, 2048, 5000, 123_456, 9_999_999, .max] {
            let kept = PackedCost(microseconds: cost).microseconds
            #expect(kept <= cost && Double(cost - kept) <= Double(cost) / 1000)
        }
    }

    @Test("a ghost is remembered with its uses, halved for each generation, for three of them, and once")
    func ghosts() throws {
        let ghosts = try #require(GhostList(count: 1000))
        defer { ghosts.unmap() }
        let hash: UInt64 = 0x1234_5678_9ABC_DEF0
        #expect(ghosts.take(hash, generation: 0) == nil)
        // 255 and 256: the generation's three bits wrap.
        for (uses, kept) in [(1, 1), (5, 4), (7, 6), (15, 15), (255, 15)] {
            ghosts.remember(hash, uses: uses, generation: 255)
            #expect(ghosts.take(hash ^ 0x1000, generation: 255) == nil)
            #expect(ghosts.take(hash, generation: 255) == kept)
            #expect(ghosts.take(hash, generation: 255) == nil)
            ghosts.remember(hash, uses: uses, generation: 255)
            #expect(ghosts.take(hash, generation: 256) == (kept > 1 ? kept / 2 : nil))
        }
        ghosts.remember(hash, uses: 15, generation: 255)
        #expect(ghosts.take(hash, generation: 255 + 4) == nil)
        ghosts.remember(hash, uses: 0, generation: 255)
        #expect(ghosts.take(hash, generation: 255) == nil, "what nobody asked for is not remembered")
    }

    @Test("where five ghosts meet in a set of four, the one of fewest uses goes, the older counting less")
    func ghostRotation() throws {
        let ghosts = try #require(GhostList(count: 64))
        defer { ghosts.unmap() }
        func hash(_ number: UInt64) -> UInt64 { number << 10 | 0x40 }
        for (number, uses) in [(1, 8), (2, 3), (3, 6), (4, 4)] {
            ghosts.remember(hash(UInt64(number)), uses: uses, generation: 1)
        }
        ghosts.remember(hash(5), uses: 1, generation: 1)
        #expect(ghosts.take(hash(2), generation: 1) == nil)
        #expect(ghosts.take(hash(5), generation: 1) == 1)
        // Free again, then full: 4 uses of the last generation are worth less than 3 of this one.
        ghosts.remember(hash(6), uses: 3, generation: 2)
        ghosts.remember(hash(7), uses: 3, generation: 2)
        #expect(ghosts.take(hash(4), generation: 2) == nil)
        #expect(ghosts.take(hash(1), generation: 2) == 4 && ghosts.take(hash(3), generation: 2) == 3)
    }
}
