// SPDX-License-Identifier: Apache-2.0

import TileCache
import TileModel

/// A count-min sketch of four-bit counts that are halved after ten additions per entry (Einziger, Friedman, Manes, 2017).
struct FrequencySketch {
    private var counts: [UInt8]
    private let mask: UInt64
    private let sampleSize: Int
    private var additions = 0

    init(entries: Int) {
        var width = 64
        while width < entries * 4 { width *= 2 }
        counts = Array(repeating: 0, count: width * 4)
        mask = UInt64(width - 1)
        sampleSize = max(entries, 16) * 10
    }

    private func index(_ hash: UInt64, _ row: Int) -> Int {
        Int((hash >> UInt64(row * 16) ^ hash &* 0x9E37_79B9_7F4A_7C15 >> UInt64(20 + row)) & mask) * 4 + row
    }

    func estimate(_ hash: UInt64) -> Int {
        var least: UInt8 = 15
        for row in 0..<4 { least = min(least, counts[index(hash, row)]) }
        return Int(least)
    }

    mutating func add(_ hash: UInt64) {
        var added = false
        for row in 0..<4 {
            let place = index(hash, row)
            if counts[place] < 15 {
                counts[place] += 1
                added = true
            }
        }
        guard added else { return }
        additions += 1
        guard additions >= sampleSize else { return }
        for place in counts.indices { counts[place] /= 2 }
        additions /= 2
    }
}

/// W-TinyLFU as in Caffeine: a window of 1 % by recency, a main part of 20 % probation and 80 % protected, and a sketch
/// that decides between what leaves the window and what would leave main.
struct WindowTinyLFUPolicy: Contender {
    let name = "W-TinyLFU"
    private let windowCapacity: Int
    private let mainCapacity: Int
    private let protectedCapacity: Int
    private let bytes: [Int32]
    private let hashes: [UInt64]
    private var links: Links
    private var window = Links.Queue()
    private var probation = Links.Queue()
    private var protected = Links.Queue()
    /// 0 absent, 1 window, 2 probation, 3 protected.
    private var state: [UInt8]
    private var sketch: FrequencySketch

    init(_ trace: Trace, capacity: Int) {
        windowCapacity = max(capacity / 100, 1)
        mainCapacity = capacity - windowCapacity
        protectedCapacity = mainCapacity * 8 / 10
        bytes = trace.bytes
        hashes = trace.hashes
        links = Links(count: trace.objectCount)
        state = Array(repeating: 0, count: trace.objectCount)
        sketch = FrequencySketch(entries: capacity / trace.meanBytes())
    }

    func holds(_ object: Int) -> Bool { state[object] != 0 }

    mutating func use(_ object: Int, at time: UInt32) -> Bool {
        sketch.add(hashes[object])
        let size = bytes[object]
        switch state[object] {
        case 1: links.moveToHead(object, size, &window)
        case 2:
            links.remove(object, size, &probation)
            links.pushHead(object, size, &protected)
            state[object] = 3
            while protected.bytes > protectedCapacity {
                let demoted = Int(protected.tail)
                links.remove(demoted, bytes[demoted], &protected)
                links.pushHead(demoted, bytes[demoted], &probation)
                state[demoted] = 2
            }
        case 3: links.moveToHead(object, size, &protected)
        default: return false
        }
        return true
    }

    mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32) {
        links.pushHead(object, bytes[object], &window)
        state[object] = 1
        while window.bytes > windowCapacity {
            let candidate = Int(window.tail)
            links.remove(candidate, bytes[candidate], &window)
            state[candidate] = 0
            admit(candidate)
        }
    }

    private mutating func admit(_ candidate: Int) {
        let size = Int(bytes[candidate])
        let frequency = sketch.estimate(hashes[candidate])
        while probation.bytes + protected.bytes + size > mainCapacity {
            guard !(probation.isEmpty && protected.isEmpty) else { return }
            let victim = Int(probation.isEmpty ? protected.tail : probation.tail)
            guard frequency > sketch.estimate(hashes[victim]) else { return }
            if probation.isEmpty {
                links.remove(victim, bytes[victim], &protected)
            } else {
                links.remove(victim, bytes[victim], &probation)
            }
            state[victim] = 0
        }
        links.pushHead(candidate, bytes[candidate], &probation)
        state[candidate] = 2
    }
}

/// TinyLFU as in moka: by recency, and what comes in must have been asked for more often than all together that would
/// have to leave for it.
struct MokaTinyLFUPolicy: Contender {
    let name = "moka"
    private let capacity: Int
    private let bytes: [Int32]
    private let hashes: [UInt64]
    private var links: Links
    private var queue = Links.Queue()
    private var present: [Bool]
    private var sketch: FrequencySketch

    init(_ trace: Trace, capacity: Int) {
        self.capacity = capacity
        bytes = trace.bytes
        hashes = trace.hashes
        links = Links(count: trace.objectCount)
        present = Array(repeating: false, count: trace.objectCount)
        sketch = FrequencySketch(entries: capacity / trace.meanBytes())
    }

    func holds(_ object: Int) -> Bool { present[object] }

    mutating func use(_ object: Int, at time: UInt32) -> Bool {
        sketch.add(hashes[object])
        guard present[object] else { return false }
        links.moveToHead(object, bytes[object], &queue)
        return true
    }

    mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32) {
        let frequency = sketch.estimate(hashes[object])
        var victims = 0
        var freed = 0
        var victim = queue.tail
        let needed = queue.bytes + Int(bytes[object]) - capacity
        while freed < needed {
            guard victim >= 0 else { return }
            victims += sketch.estimate(hashes[Int(victim)])
            guard frequency > victims else { return }
            freed += Int(bytes[Int(victim)])
            victim = links.newer(than: victim)
        }
        freed = 0
        while freed < needed {
            let leaving = Int(queue.tail)
            freed += Int(bytes[leaving])
            links.remove(leaving, bytes[leaving], &queue)
            present[leaving] = false
        }
        links.pushHead(object, bytes[object], &queue)
        present[object] = true
    }
}
