// SPDX-License-Identifier: Apache-2.0

import LockFree
import TestSupport
import Testing

@Suite("Queues, counters, locks and threads")
struct QueueAndCounterTests {
    @Test("a bounded queue gives back in order, refuses when full and is empty in the end")
    func queueInOrder() {
        for capacity in [1, 2, 3, 8] {
            let queue = BoundedQueue<Int>(capacity: capacity)
            for lap in 0..<5 {
                for value in 0..<queue.capacity { #expect(queue.push(lap * 100 + value)) }
                #expect(!queue.push(-1))
                #expect(queue.count == queue.capacity)
                for value in 0..<queue.capacity { #expect(queue.pop() == lap * 100 + value) }
                #expect(queue.pop() == nil)
            }
        }
    }

    @Test("every element pushed by four threads is popped exactly once by four others")
    func queueConserves() throws {
        let queue = BoundedQueue<Int>(capacity: 64)
        let each = 20_000
        let popped = Lock<[Int]>([])
        let barrier = Barrier(count: 8)
        var threads: [OSThread] = []
        for producer in 0..<4 {
            threads.append(
                try OSThread(name: "producer") {
                    barrier.wait()
                    for index in 0..<each {
                        while !queue.push(producer * each + index) { threadYield() }
                    }
                }
            )
        }
        for _ in 0..<4 {
            threads.append(
                try OSThread(name: "consumer") {
                    barrier.wait()
                    var mine: [Int] = []
                    while mine.count < each {
                        if let value = queue.pop() { mine.append(value) } else { threadYield() }
                    }
                    let taken = mine
                    popped.withLock { $0 += taken }
                }
            )
        }
        threads.forEach { $0.join() }
        #expect(popped.withLock { $0 }.sorted() == Array(0..<(4 * each)))
    }

    @Test("elements left in a queue are released with it")
    func queueReleases() {
        final class Witness: Sendable {}
        weak var witness: Witness?
        do {
            let queue = BoundedQueue<Witness>(capacity: 4)
            let object = Witness()
            witness = object
            #expect(queue.push(object))
        }
        #expect(witness == nil)
    }

    @Test("a striped counter loses nothing among more threads than stripes")
    func counterConserves() throws {
        let counter = StripedCounter(width: 20)
        let threads = try (0..<40).map { _ in
            try OSThread(name: "adder") {
                for index in 0..<1000 { counter.add(2, at: index % 20) }
            }
        }
        threads.forEach { $0.join() }
        for index in 0..<20 { #expect(counter.sum(at: index) == 40 * 50 * 2) }
    }

    @Test("a condition lock wakes its waiter, and gives up at its limit")
    func conditionLock() throws {
        let lock = ConditionLock(0)
        let thread = try OSThread(name: "setter") {
            lock.withLock { $0 = 7 }
            lock.broadcast()
        }
        #expect(lock.wait { $0 == 7 ? $0 : nil } == 7)
        thread.join()
        let nothing: Int? = lock.wait(forAtMost: .milliseconds(5)) { $0 == 8 ? $0 : nil }
        #expect(nothing == nil)
        #expect(lock.wait(forAtMost: .seconds(60)) { $0 == 7 ? $0 : nil } == 7)
    }

    @Test("a lock that another thread holds is reported as such")
    func lockIfAvailable() throws {
        let lock = Lock(1)
        let inside = Barrier(count: 2)
        let leave = Barrier(count: 2)
        let thread = try OSThread(name: "holder") {
            lock.withLock { _ in
                inside.wait()
                leave.wait()
            }
        }
        inside.wait()
        #expect(lock.withLockIfAvailable { $0 } == nil)
        leave.wait()
        thread.join()
        #expect(lock.withLockIfAvailable { $0 } == 1)
    }
}
