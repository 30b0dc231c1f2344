// SPDX-License-Identifier: Apache-2.0

import TileCache

/// Least recently used leaves first; with `promotes` false, first in, first out.
struct RecencyPolicy: Contender {
    let name: String
    private let promotes: Bool
    private let capacity: Int
    private let bytes: [Int32]
    private var links: Links
    private var queue = Links.Queue()
    private var present: [Bool]

    init(_ trace: Trace, capacity: Int, promotes: Bool) {
        name = promotes ? "LRU" : "FIFO"
        self.promotes = promotes
        self.capacity = capacity
        bytes = trace.bytes
        links = Links(count: trace.objectCount)
        present = Array(repeating: false, count: trace.objectCount)
    }

    func holds(_ object: Int) -> Bool { present[object] }

    mutating func use(_ object: Int, at time: UInt32) -> Bool {
        guard present[object] else { return false }
        if promotes { links.moveToHead(object, bytes[object], &queue) }
        return true
    }

    mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32) {
        while queue.bytes + Int(bytes[object]) > capacity, !queue.isEmpty {
            let victim = Int(queue.tail)
            links.remove(victim, bytes[victim], &queue)
            present[victim] = false
        }
        links.pushHead(object, bytes[object], &queue)
        present[object] = true
    }
}

/// SIEVE (Zhang et al., NSDI 2024): first in, first out with a visited bit and a hand that moves from old to new.
struct SievePolicy: Contender {
    let name = "SIEVE"
    private let capacity: Int
    private let bytes: [Int32]
    private var links: Links
    private var queue = Links.Queue()
    private var present: [Bool]
    private var visited: [Bool]
    private var hand: Int32 = -1

    init(_ trace: Trace, capacity: Int) {
        self.capacity = capacity
        bytes = trace.bytes
        links = Links(count: trace.objectCount)
        present = Array(repeating: false, count: trace.objectCount)
        visited = present
    }

    func holds(_ object: Int) -> Bool { present[object] }

    mutating func use(_ object: Int, at time: UInt32) -> Bool {
        guard present[object] else { return false }
        visited[object] = true
        return true
    }

    mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32) {
        while queue.bytes + Int(bytes[object]) > capacity, !queue.isEmpty { evict() }
        links.pushHead(object, bytes[object], &queue)
        present[object] = true
        visited[object] = false
    }

    private mutating func evict() {
        var victim = hand >= 0 ? hand : queue.tail
        while visited[Int(victim)] {
            visited[Int(victim)] = false
            let newer = links.newer(than: victim)
            victim = newer >= 0 ? newer : queue.tail
        }
        hand = links.newer(than: victim)
        links.remove(Int(victim), bytes[Int(victim)], &queue)
        present[Int(victim)] = false
    }
}

/// S3-FIFO (Yang et al., SOSP 2023): a small queue of a tenth of the bytes, a main queue with two-bit counts, and a ghost
/// queue that remembers as many bytes as main holds.
struct S3FIFOPolicy: Contender {
    let name: String
    private let capacity: Int
    private let smallCapacity: Int
    private let threshold: UInt8
    private let bytes: [Int32]
    private var links: Links
    private var small = Links.Queue()
    private var main = Links.Queue()
    private var ghost = Links.Queue()
    /// 0 absent, 1 small, 2 main, 3 ghost.
    private var state: [UInt8]
    private var count: [UInt8]

    /// `threshold`: uses in small that take an object to main. 2 in the authors' pseudo-code, 1 in its text.
    init(_ trace: Trace, capacity: Int, threshold: UInt8) {
        self.capacity = capacity
        name = threshold == 1 ? "S3-FIFO" : "S3-FIFO, two uses"
        self.threshold = threshold
        smallCapacity = capacity / 10
        bytes = trace.bytes
        links = Links(count: trace.objectCount)
        state = Array(repeating: 0, count: trace.objectCount)
        count = state
    }

    func holds(_ object: Int) -> Bool { state[object] == 1 || state[object] == 2 }

    mutating func use(_ object: Int, at time: UInt32) -> Bool {
        guard holds(object) else { return false }
        count[object] = min(count[object] + 1, 3)
        return true
    }

    mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32) {
        let size = bytes[object]
        let wasGhost = state[object] == 3
        if wasGhost { links.remove(object, size, &ghost) }
        state[object] = 0
        while small.bytes + main.bytes + Int(size) > capacity, !(small.isEmpty && main.isEmpty) { evict() }
        count[object] = 0
        if wasGhost {
            links.pushHead(object, size, &main)
            state[object] = 2
        } else {
            links.pushHead(object, size, &small)
            state[object] = 1
        }
    }

    private mutating func evict() {
        if small.bytes >= smallCapacity && !small.isEmpty || main.isEmpty { evictSmall() } else { evictMain() }
    }

    private mutating func evictSmall() {
        while !small.isEmpty {
            let object = Int(small.tail)
            links.remove(object, bytes[object], &small)
            if count[object] >= threshold {
                count[object] = 0
                state[object] = 2
                links.pushHead(object, bytes[object], &main)
                continue
            }
            state[object] = 3
            links.pushHead(object, bytes[object], &ghost)
            while ghost.bytes > capacity - smallCapacity {
                let forgotten = Int(ghost.tail)
                links.remove(forgotten, bytes[forgotten], &ghost)
                state[forgotten] = 0
            }
            return
        }
    }

    private mutating func evictMain() {
        while !main.isEmpty {
            let object = Int(main.tail)
            links.remove(object, bytes[object], &main)
            guard count[object] > 0 else {
                state[object] = 0
                return
            }
            count[object] -= 1
            links.pushHead(object, bytes[object], &main)
        }
    }
}
