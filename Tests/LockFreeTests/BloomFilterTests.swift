// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization
import TestSupport
import Testing

@Suite("Bloom filters")
struct BloomFilterTests {
    /// Well mixed and all different: the finaliser is a bijection.
    private static func hash(_ index: Int, _ seed: Seed) -> UInt64 {
        var value = UInt64(truncatingIfNeeded: index) &+ seed.value &* 0x9E37_79B9_7F4A_7C15
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    @Test("what was inserted is found, and false positives stay within 1.3 times of theory")
    func falsePositives() {
        let seed = Seed.ofThisRun
        for (keys, lines) in [(100_000, 4096), (20_000, 1024), (100_000, 2500)] {
            let sizing = BloomSizing(lineCount: lines)
            let filter = BloomFilter(sizing)
            for index in 0..<keys { filter.insert(Self.hash(index, seed)) }
            #expect((0..<keys).allSatisfy { filter.contains(Self.hash($0, seed)) }, "\(seed)")
            let theory = sizing.falsePositives(afterKeys: keys)
            // Enough checks for a thousand false ones, so that chance has no part in it.
            let checks = min(4_000_000, Int(1000 / theory))
            let found = (0..<checks).count { filter.contains(Self.hash(keys + $0, seed)) }
            let rate = Double(found) / Double(checks)
            let noise = 4 * (theory * Double(checks)).squareRoot() / Double(checks)
            #expect(rate <= theory * 1.3 + noise, "\(rate) for \(theory), \(seed)")
            #expect(rate >= theory / 1.3 - noise, "the theory is of this filter: \(rate) for \(theory), \(seed)")
        }
    }

    @Test("a filter is sized for its keys and its rate, and not larger")
    func sizing() {
        for (keys, rate) in [(1, 0.01), (1000, 0.001), (100_000, 0.0003), (5_000_000, 0.05)] {
            let sizing = BloomSizing(keys: keys, falsePositives: rate)
            #expect(sizing.falsePositives(afterKeys: keys) <= rate)
            if sizing.lineCount > 1 {
                #expect(BloomSizing(lineCount: sizing.lineCount - 1).falsePositives(afterKeys: keys) > rate)
            }
        }
        #expect(BloomSizing(keys: 0, falsePositives: 0.01).lineCount == 1)
        #expect(BloomSizing(lineCount: 1).falsePositives(afterKeys: 0) == 0)
        #expect(BloomSizing(lineCount: 1).falsePositives(afterKeys: 1_000_000) > 0.999)
        // Beyond all memory: the largest filter, not a trap.
        #expect(BloomSizing(keys: Int.max / 4, falsePositives: 0).lineCount == BloomSizing.maxLines)
    }

    @Test("no key is missed while four threads insert and four check")
    func concurrent() throws {
        let seed = Seed.ofThisRun
        let filter = BloomFilter(BloomSizing(keys: 40_000, falsePositives: 0.01))
        let published = (0..<4).map { _ in Published() }
        let missed = Atomic<Int>(0)
        let barrier = Barrier(count: 8)
        var threads: [OSThread] = []
        for writer in 0..<4 {
            threads.append(
                try OSThread(name: "inserts") {
                    barrier.wait()
                    for index in 0..<10_000 {
                        filter.insert(Self.hash(writer * 10_000 + index, seed))
                        published[writer].count.store(index + 1, ordering: .releasing)
                    }
                }
            )
        }
        for reader in 0..<4 {
            threads.append(
                try OSThread(name: "checks") {
                    barrier.wait()
                    var random = seed.generator(stream: reader)
                    var done = 0
                    while done < 4 {
                        done = 0
                        for (writer, progress) in published.enumerated() {
                            let count = progress.count.load(ordering: .acquiring)
                            if count == 10_000 { done += 1 }
                            guard count > 0 else { continue }
                            let newest = Self.hash(writer * 10_000 + count - 1, seed)
                            let any = Self.hash(writer * 10_000 + Int.random(in: 0..<count, using: &random), seed)
                            if !filter.contains(newest) || !filter.contains(any) {
                                missed.wrappingAdd(1, ordering: .relaxed)
                            }
                        }
                    }
                }
            )
        }
        threads.forEach { $0.join() }
        #expect(missed.load(ordering: .relaxed) == 0, "\(seed)")
        #expect((0..<40_000).allSatisfy { filter.contains(Self.hash($0, seed)) })
    }

    private final class Published: Sendable {
        let count = Atomic<Int>(0)
    }

    @Test("an insertion says whether the key was new")
    func newness() {
        let seed = Seed.ofThisRun
        let filter = BloomFilter(BloomSizing(keys: 1000, falsePositives: 0.0001))
        let fresh = (0..<1000).count { filter.insert(Self.hash($0, seed)) }
        #expect(fresh > 980, "\(seed)")
        #expect(!(0..<1000).contains { filter.insert(Self.hash($0, seed)) })
        filter.clear()
        #expect(filter.fill == 0)
        #expect(!(0..<1000).contains { filter.contains(Self.hash($0, seed)) })
    }

    @Test("what was seen is remembered for a generation and forgotten after two")
    func seenBefore() {
        let seed = Seed.ofThisRun
        let memory = SeenBefore(keysPerGeneration: 10_000, falsePositives: 0.0001)
        let key = Self.hash(-1, seed)
        #expect(!memory.witness(key))
        #expect(memory.witness(key))
        memory.rotate()
        #expect(memory.hasSeen(key))
        // Seen again, it is in the younger generation as well.
        #expect(memory.witness(key))
        memory.rotate()
        #expect(memory.witness(key))
        memory.rotate()
        memory.rotate()
        #expect(!memory.hasSeen(key))
    }

    @Test("generations end by themselves, so the rate of false memories stays bounded")
    func rotation() {
        let seed = Seed.ofThisRun
        let memory = SeenBefore(keysPerGeneration: 10_000, falsePositives: 0.001)
        var falseMemories = 0
        for index in 0..<200_000 where memory.witness(Self.hash(index, seed)) { falseMemories += 1 }
        #expect((17...22).contains(memory.rotations), "\(memory.rotations), \(seed)")
        // Each of the two filters has its rate at its fullest.
        #expect(Double(falseMemories) / 200_000 < 0.003, "\(falseMemories), \(seed)")
        // The younger generation, and so at least the last thousand keys, is remembered.
        #expect((199_000..<200_000).allSatisfy { memory.hasSeen(Self.hash($0, seed)) })
    }

    @Test("threads that rotate and witness at once keep what they saw last")
    func concurrentRotation() throws {
        let seed = Seed.ofThisRun
        let memory = SeenBefore(keysPerGeneration: 2000)
        let forgotten = Atomic<Int>(0)
        let barrier = Barrier(count: 4)
        let threads = try (0..<4).map { thread in
            try OSThread(name: "witness") {
                barrier.wait()
                for index in 0..<20_000 {
                    let key = Self.hash(thread * 1_000_000 + index, seed)
                    let rotations = memory.rotations
                    _ = memory.witness(key)
                    // Only where no generation ended meanwhile is it certain to be remembered.
                    if !memory.hasSeen(key), memory.rotations == rotations {
                        forgotten.wrappingAdd(1, ordering: .relaxed)
                    }
                }
            }
        }
        threads.forEach { $0.join() }
        #expect(forgotten.load(ordering: .relaxed) == 0, "\(seed)")
    }
}
