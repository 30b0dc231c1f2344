// SPDX-License-Identifier: Apache-2.0

/// Doubly linked queues over numbered objects; an object is in at most one.
struct Links {
    private var previous: [Int32]
    private var next: [Int32]

    /// One queue: newest at the head.
    struct Queue {
        fileprivate(set) var head: Int32 = -1
        fileprivate(set) var tail: Int32 = -1
        fileprivate(set) var bytes = 0
        fileprivate(set) var count = 0
        var isEmpty: Bool { tail < 0 }
    }

    init(count: Int) {
        previous = Array(repeating: -1, count: count)
        next = Array(repeating: -1, count: count)
    }

    mutating func pushHead(_ object: Int, _ bytes: Int32, _ queue: inout Queue) {
        previous[object] = -1
        next[object] = queue.head
        if queue.head >= 0 { previous[Int(queue.head)] = Int32(object) } else { queue.tail = Int32(object) }
        queue.head = Int32(object)
        queue.bytes += Int(bytes)
        queue.count += 1
    }

    mutating func remove(_ object: Int, _ bytes: Int32, _ queue: inout Queue) {
        let before = previous[object]
        let after = next[object]
        if before >= 0 { next[Int(before)] = after } else { queue.head = after }
        if after >= 0 { previous[Int(after)] = before } else { queue.tail = before }
        queue.bytes -= Int(bytes)
        queue.count -= 1
    }

    mutating func moveToHead(_ object: Int, _ bytes: Int32, _ queue: inout Queue) {
        guard queue.head != Int32(object) else { return }
        remove(object, bytes, &queue)
        pushHead(object, bytes, &queue)
    }

    /// The next newer one; -1 at the head.
    func newer(than object: Int32) -> Int32 { previous[Int(object)] }
    /// The next older one; -1 at the tail.
    func older(than object: Int32) -> Int32 { next[Int(object)] }
}
