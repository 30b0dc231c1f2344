// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization
import TestSupport
import Testing

@Suite("Circuit breakers")
struct CircuitBreakerTests {
    /// A clock that stands until it is told to go on.
    private final class Clock: Sendable {
        private let now: Atomic<UInt64>
        init(_ start: UInt64 = 1_000_000) { now = Atomic(start) }
        var milliseconds: UInt64 { now.load(ordering: .sequentiallyConsistent) }
        func advance(_ step: UInt64) { now.wrappingAdd(step, ordering: .sequentiallyConsistent) }
    }

    private static func breaker(
        _ clock: Clock,
        rules: BreakerRules = BreakerRules(),
        chance: Double = 0.5,
        observer: @escaping @Sendable (CircuitBreaker.Transition) -> Void = { _ in }
    ) -> CircuitBreaker {
        CircuitBreaker(rules: rules, clock: { clock.milliseconds }, chance: { chance }, observer: observer)
    }

    /// Lets a call through and reports it.
    private static func call(_ breaker: CircuitBreaker, success: Bool) -> BreakerAdmission {
        let admission = breaker.admit()
        breaker.record(success: success, of: admission)
        return admission
    }

    @Test("five failures in a row open it, a success between them does not")
    func failuresInARow() {
        let breaker = Self.breaker(Clock())
        for _ in 0..<4 { #expect(Self.call(breaker, success: false) == .allowed) }
        _ = Self.call(breaker, success: true)
        for _ in 0..<4 { _ = Self.call(breaker, success: false) }
        #expect(breaker.position == .closed)
        _ = Self.call(breaker, success: false)
        #expect(breaker.position == .open)
        #expect(breaker.admit() == .refused)
    }

    @Test("more than half of at least twenty calls in a window open it, half does not, and a new window forgets")
    func share() {
        let clock = Clock()
        let breaker = Self.breaker(clock)
        for _ in 0..<30 {
            _ = Self.call(breaker, success: true)
            _ = Self.call(breaker, success: false)
        }
        #expect(breaker.position == .closed, "exactly half")
        let other = Self.breaker(clock)
        // Two of three fail, never five in a row: 19 calls are too few to judge.
        for index in 0..<19 { _ = Self.call(other, success: index % 3 == 2) }
        #expect(other.position == .closed)
        clock.advance(10_000)
        for index in 0..<19 { _ = Self.call(other, success: index % 3 == 2) }
        #expect(other.position == .closed, "a new window")
        _ = Self.call(other, success: false)
        #expect(other.position == .open)
    }

    @Test("after the back-off one call is let through; its success closes it, its failure doubles the back-off")
    func probing() {
        let clock = Clock()
        let breaker = Self.breaker(clock)
        for _ in 0..<5 { _ = Self.call(breaker, success: false) }
        var backoff: UInt64 = 500
        for _ in 0..<9 {
            clock.advance(backoff - 1)
            #expect(breaker.admit() == .refused)
            clock.advance(1)
            #expect(breaker.admit(probing: false) == .refused, "who does not want to probe does not")
            let probe = breaker.admit()
            guard case .probe = probe else {
                Issue.record("no probe after \(backoff) ms: \(probe)")
                return
            }
            #expect(breaker.position == .halfOpen)
            #expect(breaker.admit() == .refused, "one at a time")
            breaker.record(success: false, of: probe)
            #expect(breaker.position == .open)
            backoff = min(backoff * 2, 30_000)
        }
        clock.advance(30_000)
        #expect({ if case .probe = Self.call(breaker, success: true) { true } else { false } }())
        #expect(breaker.position == .closed)
        // It begins anew: five failures, and the first back-off.
        for _ in 0..<4 { _ = Self.call(breaker, success: false) }
        #expect(breaker.position == .closed)
        _ = Self.call(breaker, success: false)
        clock.advance(500)
        #expect({ if case .probe = breaker.admit() { true } else { false } }())
    }

    @Test("the back-off has jitter and bounds")
    func backoff() {
        let rules = BreakerRules()
        #expect(BreakerState.backoff(afterOpenings: 0, chance: 0, rules) == 400)
        #expect(BreakerState.backoff(afterOpenings: 0, chance: 1, rules) == 600)
        #expect(BreakerState.backoff(afterOpenings: 3, chance: 0.5, rules) == 4000)
        #expect(BreakerState.backoff(afterOpenings: 63, chance: 1, rules) == 36_000)
        let all = (0..<100).map { BreakerState.backoff(afterOpenings: 0, chance: Double($0) / 100, rules) }
        #expect(Set(all).count > 90)
    }

    @Test("late words change nothing: of a call from before it opened, of a probe that was given up")
    func lateWords() {
        let clock = Clock()
        let breaker = Self.breaker(clock)
        let early = breaker.admit()
        for _ in 0..<5 { _ = Self.call(breaker, success: false) }
        breaker.record(success: true, of: early)
        #expect(breaker.position == .open)
        clock.advance(500)
        let lost = breaker.admit()
        clock.advance(9_999)
        #expect(breaker.admit() == .refused, "the probe still has its lease")
        clock.advance(1)
        let second = breaker.admit()
        #expect(second != lost && second != .refused)
        breaker.record(success: true, of: lost)
        #expect(breaker.position == .halfOpen)
        breaker.record(success: true, of: .refused)
        #expect(breaker.position == .halfOpen)
        breaker.record(success: true, of: second)
        #expect(breaker.position == .closed)
        breaker.record(success: false, of: second)
        #expect(breaker.position == .closed)
    }

    @Test("each change of position is told once, in order")
    func transitions() {
        let told = Lock<[String]>([])
        let clock = Clock()
        let breaker = Self.breaker(clock) { change in
            told.withLock { $0.append("\(change.from.name)>\(change.to.name) \(change.openings)") }
        }
        for _ in 0..<8 { _ = Self.call(breaker, success: false) }
        clock.advance(500)
        _ = Self.call(breaker, success: false)
        clock.advance(1000)
        _ = Self.call(breaker, success: true)
        #expect(
            told.withLock { $0 } == [
                "closed>open 1", "open>half-open 1", "half-open>open 2", "open>half-open 2", "half-open>closed 0",
            ]
        )
    }

    @Test("exactly one probe is under way at a time, however many of 64 threads ask")
    func oneProbe() throws {
        let clock = Clock()
        var rules = BreakerRules()
        rules.longestBackoff = rules.firstBackoff
        rules.jitter = 0
        let breaker = Self.breaker(clock, rules: rules)
        for _ in 0..<5 { _ = Self.call(breaker, success: false) }
        let probes = Atomic<Int>(0)
        let underWay = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let asked = Atomic<Int>(0)
        let rounds = 50
        let barrier = Barrier(count: 64)
        let threads = try (0..<64).map { thread in
            try OSThread(name: "asks", stackBytes: 1 << 17) {
                for _ in 0..<rounds {
                    if thread == 0 { clock.advance(500) }
                    barrier.wait()
                    let admission = breaker.admit()
                    if case .probe = admission {
                        probes.wrappingAdd(1, ordering: .relaxed)
                        let now = underWay.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
                        most.max(now, ordering: .relaxed)
                    }
                    asked.wrappingAdd(1, ordering: .relaxed)
                    // All have asked before the probe ends.
                    barrier.wait()
                    if case .probe = admission {
                        underWay.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                        breaker.record(success: false, of: admission)
                    }
                    barrier.wait()
                }
            }
        }
        threads.forEach { $0.join() }
        #expect(asked.load(ordering: .relaxed) == 64 * rounds)
        #expect(probes.load(ordering: .relaxed) == rounds)
        #expect(most.load(ordering: .relaxed) == 1)
    }

    @Test("from any bits and any history nothing traps, and an open breaker can always be closed again")
    func anyState() {
        let seed = Seed.ofThisRun
        var random = seed.generator()
        let rules = BreakerRules()
        for _ in 0..<20_000 {
            var state = BreakerState(bits: UInt64.random(in: .min ... .max, using: &random))
            var now = UInt64.random(in: 0...(1 << 41), using: &random)
            for _ in 0..<8 {
                let (next, admission) = state.admitting(now: now, rules)
                state = next.recording(
                    success: Bool.random(using: &random),
                    of: admission,
                    now: now,
                    chance: Double.random(in: 0..<1, using: &random),
                    rules
                )
                now &+= UInt64.random(in: 0...20_000, using: &random)
            }
        }
        var state = BreakerState.initial
        for _ in 0..<5 { state = state.recording(success: false, of: .allowed, now: 5, chance: 0, rules) }
        let (open, probe) = state.admitting(now: 50_000, rules)
        #expect(open.recording(success: true, of: probe, now: 50_001, chance: 0, rules).position == .closed, "\(seed)")
    }
}
