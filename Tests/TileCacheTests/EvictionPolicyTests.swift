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

    @Test("two-class lets the oldest warm entry go first, whatever its size and cost")
    func warmIsFirstInFirstOut() {
        let policy = EvictionPolicy.twoClass
        let old = policy.evictionScore(entry(hot: false, uses: 1, bytes: 1, cost: 1_000_000, age: 2000))
        #expect(old < policy.evictionScore(entry(hot: false, uses: 0, bytes: 1 << 20, cost: 1, age: 1999)))
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
        #expect(policy.takesWarm(warmBytes: 26, hotBytes: 74))
        #expect(!policy.takesWarm(warmBytes: 25, hotBytes: 75))
        #expect(policy.takesWarm(warmBytes: 1, hotBytes: 0))
        #expect(!policy.takesWarm(warmBytes: 0, hotBytes: 1))
        #expect(EvictionPolicy.ageFrequency.takesWarm(warmBytes: 0, hotBytes: 100))
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

    @Test("a ghost is remembered for two generations and once")
    func ghosts() throws {
        let ghosts = try #require(GhostList(count: 1000))
        defer { ghosts.unmap() }
        let hash: UInt64 = 0x1234_5678_9ABC_DEF0
        #expect(!ghosts.take(hash, generation: 0))
        ghosts.remember(hash, generation: 255)
        #expect(!ghosts.take(hash ^ 0x1000, generation: 255))
        #expect(ghosts.take(hash, generation: 257))
        #expect(!ghosts.take(hash, generation: 257))
        ghosts.remember(hash, generation: 255)
        #expect(!ghosts.take(hash, generation: 258))
    }
}
