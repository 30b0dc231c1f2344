// SPDX-License-Identifier: Apache-2.0

import TileCache

/// GDSF (Cherkasova, 1998): clock + uses / size, the lowest leaves first and sets the clock. The paper's cost is 1, for the
/// object hit ratio. What nobody has asked for has no use yet.
struct GDSFPolicy: Contender {
    let name: String
    private let capacity: Int
    private let siblingUses: Double
    private let bytes: [Int32]
    private var heap: ObjectHeap
    private var uses: [Double]
    private var clock = 0.0
    private var used = 0

    /// `siblingUses`: what a speculative entry is counted as; 0 says what happened, 1 is the paper's for every insert.
    init(_ trace: Trace, capacity: Int, siblingUses: Double) {
        self.capacity = capacity
        name = siblingUses == 0 ? "GDSF" : "GDSF, siblings as uses"
        self.siblingUses = siblingUses
        bytes = trace.bytes
        heap = ObjectHeap(count: trace.objectCount)
        uses = Array(repeating: 0, count: trace.objectCount)
    }

    func holds(_ object: Int) -> Bool { heap.contains(object) }

    mutating func use(_ object: Int, at time: UInt32) -> Bool {
        guard holds(object) else { return false }
        uses[object] += 1
        heap.set(object, clock + uses[object] / Double(bytes[object]))
        return true
    }

    mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32) {
        while used + Int(bytes[object]) > capacity, !heap.isEmpty {
            let victim = heap.first
            clock = max(clock, heap.key(victim))
            heap.remove(victim)
            used -= Int(bytes[victim])
        }
        uses[object] = arrival == .speculative ? siblingUses : 1
        heap.set(object, clock + uses[object] / Double(bytes[object]))
        used += Int(bytes[object])
    }
}

/// The classic baseline with full counts: age in seconds since last access minus ten times the access count; when over
/// the maximum, the tenth with the highest leaves.
struct AgeFrequencyPolicy: Contender {
    let name = "age-frequency"
    private let capacity: Int
    private let bytes: [Int32]
    private var entries: [Int32] = []
    private var present: [Bool]
    private var counts: [Int32]
    private var last: [UInt32]
    private var used = 0

    init(_ trace: Trace, capacity: Int) {
        self.capacity = capacity
        bytes = trace.bytes
        present = Array(repeating: false, count: trace.objectCount)
        counts = Array(repeating: 0, count: trace.objectCount)
        last = Array(repeating: 0, count: trace.objectCount)
    }

    func holds(_ object: Int) -> Bool { present[object] }

    mutating func use(_ object: Int, at time: UInt32) -> Bool {
        guard present[object] else { return false }
        counts[object] += 1
        last[object] = time
        return true
    }

    mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32) {
        while used + Int(bytes[object]) > capacity, !entries.isEmpty {
            // In thousandths, to stay with whole numbers.
            func score(_ entry: Int32) -> Int { Int(time &- last[Int(entry)]) - 10_000 * Int(counts[Int(entry)]) }
            let scored = entries.map { (score($0), $0) }.sorted { $0.0 > $1.0 }
            let leaving = max(scored.count / 10, 1)
            for (_, entry) in scored.prefix(leaving) {
                present[Int(entry)] = false
                used -= Int(bytes[Int(entry)])
            }
            entries = scored.dropFirst(leaving).map(\.1)
        }
        entries.append(Int32(object))
        present[object] = true
        counts[object] = arrival == .speculative ? 0 : 1
        last[object] = time
        used += Int(bytes[object])
    }
}

/// The future known (Belady, 1966), by bytes: who is asked for last, or never again, leaves first, and what would be asked
/// for later than all that is there does not come in.
///
/// Optimal for equal sizes where each miss brings one object. With unequal sizes the exact optimum is NP-hard; this is
/// printed as the bound that no policy without the future comes near.
struct BeladyPolicy: Contender {
    let name = "future known"
    private let capacity: Int
    private let bytes: [Int32]
    private let following: [Int32]
    private let isViewer: [Bool]
    private var upcoming: [Int32]
    private var heap: ObjectHeap
    private var used = 0

    init(_ trace: Trace, capacity: Int) {
        self.capacity = capacity
        bytes = trace.bytes
        upcoming = Array(repeating: .max, count: trace.objectCount)
        var following = [Int32](repeating: .max, count: trace.requests.count)
        for index in trace.requests.indices.reversed() where trace.requests[index].kind == .viewer {
            let object = Int(trace.requests[index].object)
            following[index] = upcoming[object]
            upcoming[object] = Int32(index)
        }
        self.following = following
        heap = ObjectHeap(count: trace.objectCount)
        isViewer = trace.requests.map { $0.kind == .viewer }
    }

    func holds(_ object: Int) -> Bool { heap.contains(object) }

    mutating func reached(request: Int, object: Int) {
        guard isViewer[request] else { return }
        upcoming[object] = following[request]
        if heap.contains(object) { heap.set(object, -Double(upcoming[object])) }
    }

    mutating func use(_ object: Int, at time: UInt32) -> Bool { heap.contains(object) }

    mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32) {
        guard upcoming[object] != .max else { return }
        heap.set(object, -Double(upcoming[object]))
        used += Int(bytes[object])
        while used > capacity {
            let victim = heap.first
            heap.remove(victim)
            used -= Int(bytes[victim])
        }
    }
}
