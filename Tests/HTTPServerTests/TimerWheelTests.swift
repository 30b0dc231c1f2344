// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import HTTPServer

@Suite("Timer wheel")
struct TimerWheelTests {
    @Test("timers come when they are due, not before, against a plain list")
    func differential() {
        let seed = Seed.ofThisRun
        print("timer wheel: \(seed)")
        var random = seed.generator()
        for start in [UInt32(0), 1_000_000, UInt32.max - 3000] {
            var wheel = TimerWheel(now: start)
            var due: [UInt32: UInt32] = [:]
            var now = start
            for _ in 0..<5000 {
                let slot = UInt32.random(in: 0..<50, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0, 1:
                    let distance = UInt32.random(in: 1...1000, using: &random)
                    wheel.schedule(slot, at: now &+ distance)
                    let old = due[slot].map { $0 &- now }
                    due[slot] = now &+ min(distance, old ?? distance)
                case 2:
                    wheel.cancel(slot)
                    due[slot] = nil
                default:
                    now = now &+ UInt32.random(in: 0...300, using: &random)
                    var fired: Set<UInt32> = []
                    while let slot = wheel.next(by: now) { fired.insert(slot) }
                    let expected = due.filter { Int32(bitPattern: now &- $0.value) >= 0 }
                    #expect(fired == Set(expected.keys), "\(seed)")
                    for slot in expected.keys { due[slot] = nil }
                }
                #expect(wheel.ticksToFirst() == due.values.map { $0 &- now }.min(), "\(seed)")
            }
        }
    }

    @Test("a time beyond the wheel's length is looked at on the way")
    func farAway() {
        var wheel = TimerWheel(now: 0)
        wheel.schedule(3, at: 5000)
        var visits: [UInt32] = []
        for now in 1...5000 {
            while let slot = wheel.next(by: UInt32(now)) {
                visits.append(UInt32(now))
                if now < 5000 { wheel.schedule(slot, at: 5000) }
            }
        }
        #expect(visits.last == 5000 && visits.count < 8)
    }
}
