// SPDX-License-Identifier: Apache-2.0

import LockFree
import TestSupport
import Testing

@Suite("Counters, locks and threads")
struct CounterAndLockTests {
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
