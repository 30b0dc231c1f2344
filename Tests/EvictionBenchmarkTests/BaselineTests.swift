// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TileCache

@testable import bench_eviction

extension Trace {
    /// Requests of a viewer, one a second, over objects numbered from 0; each object has one byte, or `bytes`.
    init(_ objects: [Int], bytes: [Int32]? = nil) {
        self.init(name: "made by hand")
        let count = (objects.max() ?? -1) + 1
        self.bytes = bytes ?? Array(repeating: 1, count: count)
        var random = Seed(1).generator(stream: 1)
        hashes = self.bytes.map { _ in UInt64.random(in: 1...UInt64.max, using: &random) }
        familyOf = self.bytes.map { _ in -1 }
        requests = objects.enumerated().map { second, object in
            TraceRequest(object: Int32(object), kind: .viewer, time: UInt32(second * 1000))
        }
    }
}

@Suite("The policies that the benchmark compares with, on traces whose outcome is known")
struct BaselineTests {
    private func hits<Policy: Contender>(_ trace: Trace, _ policy: Policy) -> Int {
        var policy = policy
        return replay(trace, &policy).hits
    }

    private func fed<Policy: Contender>(_ trace: Trace, _ policy: Policy) -> Policy {
        var policy = policy
        _ = replay(trace, &policy)
        return policy
    }

    private func held(_ policy: some Contender, of count: Int) -> [Int] { (0..<count).filter { policy.holds($0) } }

    @Test("FIFO and LRU miss as often on the textbook's string as the textbook says")
    func textbook() {
        // Silberschatz, Galvin, Gagne, "Operating System Concepts": 20 references, three frames, 15 and 12 faults.
        let trace = Trace([7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1])
        #expect(hits(trace, RecencyPolicy(trace, capacity: 3, promotes: false)) == 20 - 15)
        #expect(hits(trace, RecencyPolicy(trace, capacity: 3, promotes: true)) == 20 - 12)
    }

    @Test("FIFO shows Belady's anomaly, and LRU does not")
    func anomaly() {
        let trace = Trace([1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5])
        #expect([3, 4].map { hits(trace, RecencyPolicy(trace, capacity: $0, promotes: false)) } == [3, 2])
        #expect([3, 4].map { hits(trace, RecencyPolicy(trace, capacity: $0, promotes: true)) } == [2, 4])
    }

    /// The most hits that are possible, by trying every choice. States are sets of held objects as bits.
    private func mostHits(_ objects: [Int], capacity: Int) -> Int {
        var best: [Int: Int] = [0: 0]
        for object in objects {
            var next: [Int: Int] = [:]
            func reach(_ state: Int, _ hits: Int) { next[state] = max(next[state] ?? 0, hits) }
            for (state, hits) in best {
                if state & 1 << object != 0 {
                    reach(state, hits + 1)
                    continue
                }
                // It may stay outside, or take the place of any other.
                reach(state, hits)
                if state.nonzeroBitCount < capacity { reach(state | 1 << object, hits) }
                for other in 0..<8 where state & 1 << other != 0 { reach(state & ~(1 << other) | 1 << object, hits) }
            }
            best = next
        }
        return best.values.max() ?? 0
    }

    @Test("with equal sizes the future known is the optimum, found by trying everything", arguments: 1...40)
    func optimum(stream: Int) {
        let seed = Seed.ofThisRun
        print(seed, "stream", stream)
        var random = seed.generator(stream: stream)
        let objects = (0..<24).map { _ in
            min(Int.random(in: 0..<8, using: &random), Int.random(in: 0..<8, using: &random))
        }
        let trace = Trace(objects)
        for capacity in 1...4 {
            #expect(hits(trace, BeladyPolicy(trace, capacity: capacity)) == mostHits(objects, capacity: capacity))
        }
    }

    @Test("SIEVE's hand spares what was visited, once, and goes on from where it was")
    func sieve() {
        // 0 is visited, so 1 leaves for 3; the hand stays there, so 2 leaves for 4, although 0 is older.
        let trace = Trace([0, 1, 2, 0, 3, 4])
        #expect(held(fed(trace, SievePolicy(trace, capacity: 3)), of: 5) == [0, 3, 4])
    }

    @Test("S3-FIFO keeps through a scan what came back from its ghosts, and what was used while small")
    func s3FIFO() {
        let scan = Array(20..<60)
        let returned = Trace(Array(0..<10) + [10, 0] + scan)
        let afterReturn = fed(returned, S3FIFOPolicy(returned, capacity: 10, threshold: 1))
        #expect(afterReturn.holds(0) && !afterReturn.holds(1))
        let used = Trace(Array(0..<10) + [5] + scan)
        #expect(fed(used, S3FIFOPolicy(used, capacity: 10, threshold: 1)).holds(5))
        #expect(!fed(used, S3FIFOPolicy(used, capacity: 10, threshold: 2)).holds(5))
    }

    @Test("GDSF drops the larger of two equally used, and what was used often only once the clock has gone on")
    func gdsf() {
        let sizes = Trace([0, 1, 2], bytes: [6, 4, 4])
        #expect(held(fed(sizes, GDSFPolicy(sizes, capacity: 10, siblingUses: 0)), of: 3) == [1, 2])
        // Used three times, worth 3: it stays until the clock, which each eviction sets, has come to 3.
        func afterScan(_ length: Int) -> Bool {
            let trace = Trace([0, 0, 0] + Array(1...length))
            return fed(trace, GDSFPolicy(trace, capacity: 2, siblingUses: 0)).holds(0)
        }
        #expect(afterScan(3) && !afterScan(5))
    }

    @Test("TinyLFU lets nobody in for whom it would drop what is asked for as often")
    func tinyLFU() {
        let trace = Trace([0, 1, 2, 3, 4, 0, 1, 2, 3, 4] + Array(10..<20))
        #expect(held(fed(trace, MokaTinyLFUPolicy(trace, capacity: 5)), of: 20) == [0, 1, 2, 3, 4])
        // Of six places one is the window's, and the last that came has it.
        #expect(held(fed(trace, WindowTinyLFUPolicy(trace, capacity: 6)), of: 20) == [0, 1, 2, 3, 4, 19])
        // Asked for a third time it is worth more than the least recent.
        let insisting = Trace([0, 1, 0, 1, 2, 2, 2])
        #expect(held(fed(insisting, MokaTinyLFUPolicy(insisting, capacity: 2)), of: 3) == [1, 2])
    }

    @Test("age-frequency drops the tenth with the highest age in seconds minus ten times the count")
    func ageFrequency() {
        // Twenty entries; 0 is the oldest, but its four uses are worth forty seconds. 1 and 2 are the tenth.
        let trace = Trace([0, 0, 0, 0] + Array(1..<20) + [20])
        #expect(held(fed(trace, AgeFrequencyPolicy(trace, capacity: 20)), of: 21) == [0] + Array(3...20))
        // Had the lowest been dropped, it would be the newest that leave.
        let longer = Trace([0, 0, 0, 0] + Array(1..<60))
        #expect(!fed(longer, AgeFrequencyPolicy(longer, capacity: 20)).holds(0))
    }

    /// A policy whose every answer is compared with what it holds.
    private struct Checked<Policy: Contender>: Contender {
        var policy: Policy
        let bytes: [Int32]
        var most = 0
        var lies = 0
        var name: String { policy.name }

        func holds(_ object: Int) -> Bool { policy.holds(object) }

        mutating func use(_ object: Int, at time: UInt32) -> Bool {
            let isHeld = policy.holds(object)
            let isHit = policy.use(object, at: time)
            if isHeld != isHit { lies += 1 }
            return isHit
        }

        mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32) {
            policy.insert(object, arrival, at: time)
            most = max(most, bytes.indices.reduce(0) { $0 + (policy.holds($1) ? Int(bytes[$1]) : 0) })
        }

        mutating func reached(request: Int, object: Int) { policy.reached(request: request, object: object) }
        mutating func ended() { policy.ended() }
    }

    @Test("no policy holds more than its capacity, and each hits exactly what it holds", arguments: [false, true])
    func capacity(families: Bool) {
        let seed = Seed.ofThisRun
        print(seed)
        var random = seed.generator(stream: families ? 1 : 2)
        let objects = (0..<3000).map { _ in
            Int.random(in: 0..<210, using: &random) * Int.random(in: 1...10, using: &random) / 10
        }
        let sizes = (0..<210).map { _ in Int32.random(in: 1...60, using: &random) }
        var trace = Trace(objects + [209], bytes: sizes)
        if families {
            trace.insertsFamilies = true
            trace.families = (0..<10).map { family in (0..<21).map { Int32(family * 21 + $0) } }
            trace.familyOf = (0..<210).map { Int32($0 / 21) }
        }
        let capacity = 2000
        func check(_ policy: some Contender) -> Int {
            var checked = Checked(policy: policy, bytes: trace.bytes)
            let counts = replay(trace, &checked)
            #expect(checked.lies == 0, "\(checked.name)")
            #expect(checked.most <= capacity, "\(checked.name)")
            #expect(checked.most > capacity * 9 / 10, "\(checked.name)")
            #expect(counts.requests == trace.requests.count && counts.hits > 0, "\(checked.name)")
            return counts.hits
        }
        var hits = [
            check(RecencyPolicy(trace, capacity: capacity, promotes: false)),
            check(RecencyPolicy(trace, capacity: capacity, promotes: true)),
            check(SievePolicy(trace, capacity: capacity)),
            check(S3FIFOPolicy(trace, capacity: capacity, threshold: 1)),
            check(GDSFPolicy(trace, capacity: capacity, siblingUses: 1)),
            check(WindowTinyLFUPolicy(trace, capacity: capacity)),
            check(MokaTinyLFUPolicy(trace, capacity: capacity)),
            check(AgeFrequencyPolicy(trace, capacity: capacity)),
        ]
        for policy in EvictionPolicy.allCases { hits.append(check(KeeperPolicy(trace, capacity: capacity, policy))) }
        let bound = check(BeladyPolicy(trace, capacity: capacity))
        for count in hits { #expect(count < bound) }
    }
}
