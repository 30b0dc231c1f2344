// SPDX-License-Identifier: Apache-2.0

import TileCache

/// A binary heap of objects by a key, smallest first, in which keys may change.
struct ObjectHeap {
    private var order: [Int32] = []
    private var place: [Int32]
    private var keys: [Double]

    init(count: Int) {
        place = Array(repeating: -1, count: count)
        keys = Array(repeating: 0, count: count)
    }

    var isEmpty: Bool { order.isEmpty }
    var first: Int { Int(order[0]) }
    func contains(_ object: Int) -> Bool { place[object] >= 0 }
    func key(_ object: Int) -> Double { keys[object] }

    mutating func set(_ object: Int, _ key: Double) {
        if place[object] < 0 {
            place[object] = Int32(order.count)
            order.append(Int32(object))
        }
        keys[object] = key
        up(Int(place[object]))
        down(Int(place[object]))
    }

    mutating func remove(_ object: Int) {
        let hole = Int(place[object])
        place[object] = -1
        let last = order.removeLast()
        guard hole < order.count else { return }
        order[hole] = last
        place[Int(last)] = Int32(hole)
        up(hole)
        down(Int(place[Int(last)]))
    }

    private mutating func up(_ start: Int) {
        var child = start
        let object = order[child]
        let key = keys[Int(object)]
        while child > 0 {
            let parent = (child - 1) / 2
            guard keys[Int(order[parent])] > key else { break }
            order[child] = order[parent]
            place[Int(order[child])] = Int32(child)
            child = parent
        }
        order[child] = object
        place[Int(object)] = Int32(child)
    }

    private mutating func down(_ start: Int) {
        var parent = start
        let object = order[parent]
        let key = keys[Int(object)]
        while true {
            var child = 2 * parent + 1
            guard child < order.count else { break }
            if child + 1 < order.count && keys[Int(order[child + 1])] < keys[Int(order[child])] { child += 1 }
            guard keys[Int(order[child])] < key else { break }
            order[parent] = order[child]
            place[Int(order[parent])] = Int32(parent)
            parent = child
        }
        order[parent] = object
        place[Int(object)] = Int32(parent)
    }
}

/// GDSF (Cherkasova, 1998): clock + uses / size, the lowest leaves first and sets the clock. The paper's cost is 1, for the
/// object hit ratio. What nobody has asked for has no use yet.
struct GDSFPolicy: Contender {
    let name = "GDSF"
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
            // Half a millisecond of score per millisecond, to stay in whole numbers: (age - 10 000 uses) / 1000.
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

/// The offline optimum by farthest next use (Belady, 1966), by bytes: who is asked for last, or never again, leaves first,
/// and what would be asked for later than all that is there does not come in. With unequal sizes and whole families no
/// policy that does not know the future comes near it, so it is printed as the bound; it is not the exact optimum,
/// which is NP-hard.
struct BeladyPolicy: Contender {
    let name = "farthest"
    private let capacity: Int
    private let bytes: [Int32]
    private let following: [Int32]
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
    private let isViewer: [Bool]

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
