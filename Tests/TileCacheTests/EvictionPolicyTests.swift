// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TileCache

@Suite("Who leaves first")
struct EvictionPolicyTests {
    private func entry(
        uses: Int = 1,
        isAsked: Bool = true,
        bytes: Int = 16_000,
        cost: Int = 1000,
        idle: Int = 1000
    ) -> EvictionEntry {
        EvictionEntry(useCount: uses, isAsked: isAsked, bytes: bytes, cost: cost, idle: idle)
    }

    @Test("age-frequency is seconds since last use minus ten times the count, negated")
    func ageFrequency() {
        func score(_ entry: EvictionEntry) -> Double {
            EvictionPolicy.ageFrequency.evictionScore(entry, density: .random(in: 0...1))
        }
        #expect(score(entry(uses: 3, idle: 100_000)) == -(100 - 30))
        #expect(score(entry(uses: 0, idle: 50_000)) < score(entry(uses: 5, idle: 60_000)))
        #expect(score(entry(uses: 50, idle: 0)) > score(entry(uses: 0, idle: 0)))
    }

    @Test("hit-density keeps what will be asked for more, is smaller, or cost more")
    func hitDensity() {
        let policy = EvictionPolicy.hitDensity
        let score = policy.evictionScore(entry(), density: 0.5)
        #expect(policy.evictionScore(entry(), density: 0.6) > score)
        #expect(policy.evictionScore(entry(bytes: 8000), density: 0.5) > score)
        #expect(policy.evictionScore(entry(cost: 2000), density: 0.5) > score)
        // Half as likely needs two fifths of the size.
        #expect(policy.evictionScore(entry(bytes: 6500), density: 0.25) < score)
        #expect(policy.evictionScore(entry(bytes: 6200), density: 0.25) > score)
    }

    @Test("where room is missing for entries and not for bytes, size plays no role")
    func byNumber() {
        let policy = EvictionPolicy.hitDensity
        func score(_ bytes: Int) -> Double {
            policy.evictionScore(entry(bytes: bytes), density: 0.5, isByNumber: true)
        }
        #expect(score(100) == score(1_000_000))
    }

    @Test("what comes back soon after it was dropped goes on counting where it was")
    func usesOfTwoLives() {
        func use(_ arrival: TileArrival, _ dropped: Int?) -> (count: Int, isHot: Bool) {
            let use = EvictionPolicy.hitDensity.initialUse(arrival, droppedUses: dropped, generation: 3)
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
        // Below the limit, so that the first use in this life is noted.
        #expect(use(.speculative, 15) == (14, true) && use(.requested, 15) == (15, true))
        for arrival in [TileArrival.requested, .speculative, .restored] {
            let use = EvictionPolicy.hitDensity.initialUse(arrival, droppedUses: 3, generation: 3)
            #expect(EvictionPolicy.isAsked(use) == (arrival == .requested))
            #expect(EvictionPolicy.isAsked(EvictionPolicy.hitDensity.counted(use)))
        }
    }

    @Test("age-frequency counts every use up to 255 and lets nothing fade; hit-density counts to 15")
    func limits() {
        for (policy, limit) in [(EvictionPolicy.ageFrequency, 255), (.hitDensity, 15)] {
            var use = policy.initialUse(.requested, droppedUses: nil, generation: 0)
            for uses in 1...300 {
                #expect(EvictionPolicy.count(use) == min(uses, limit))
                use = policy.counted(use)
            }
            #expect((policy.faded(use, generation: 1) == use) == (policy == .ageFrequency))
        }
    }

    @Test("a count is halved once in a generation, never to nothing, and one at the limit goes just below it")
    func fading() {
        let policy = EvictionPolicy.hitDensity
        let hot = UseWord(count: 9, isHot: true, isAsked: true, generation: 1).bits
        let once = policy.faded(hot, generation: 2)
        #expect(EvictionPolicy.count(once) == 4 && EvictionPolicy.isHot(once) && EvictionPolicy.isAsked(once))
        #expect(policy.faded(once, generation: 2) == once)
        let twice = policy.faded(policy.faded(once, generation: 3), generation: 4)
        #expect(EvictionPolicy.count(twice) == 1 && policy.faded(twice, generation: 5) == twice)
        let full = UseWord(count: 15, isHot: true, generation: 1).bits
        #expect(EvictionPolicy.count(policy.faded(full, generation: 1)) == 14)
        #expect(policy.faded(full | UseWord.unlinkedBit, generation: 2) == full | UseWord.unlinkedBit)
    }

    @Test("a use word counts up to hot, halves without losing it, and keeps the flags apart")
    func useWord() {
        let none = UseWord(count: 0, isHot: false)
        #expect(!none.incremented.isHot && none.incremented.count == 1)
        let hot = none.incremented.incremented
        #expect(hot.isHot && hot.count == 2)
        #expect(!none.isAsked && hot.isAsked)
        #expect(
            hot.halved(in: 32 + 3).halved(in: 32 + 4) == UseWord(count: 0, isHot: true, isAsked: true, generation: 4)
        )
        #expect(UseWord(count: 255, isHot: true, generation: 31).count == 255)
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

    @Test("of ghosts of equal worth each new one takes another's place, so that none stays because it came first")
    func ghostsOfEqualWorth() throws {
        let ghosts = try #require(GhostList(count: 64))
        defer { ghosts.unmap() }
        // One set: the high bits are equal; the low ones tell the keys apart, those in between choose among equals.
        func hash(_ number: UInt64) -> UInt64 { (number % 4) << 20 | number << 7 | 0x40 }
        for number in 1...8 { ghosts.remember(hash(UInt64(number)), uses: 1, generation: 1) }
        for number in 1...4 { #expect(ghosts.take(hash(UInt64(number)), generation: 1) == nil) }
        for number in 5...8 { #expect(ghosts.take(hash(UInt64(number)), generation: 1) == 1) }
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
