// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// Keeps calls away from a service that fails, and finds out when it works again: closed, open, half-open.
///
/// Ask `admit()` before a call and `record` how it went, always with the admission that was given. While it is open
/// nothing is called; when the back-off is over exactly one caller is let through as a probe, and its success closes
/// it. What counts as a failure is the caller's business: a time-out, a lost connection, an answer that makes no
/// sense; not "not found", not "full".
///
/// Any thread, lock-free: the state is one atomic word (`BreakerState`), changed by compare-and-swap.
package final class CircuitBreaker: Sendable {
    /// One change of position.
    package struct Transition: Hashable, Sendable {
        package let from: BreakerPosition
        package let to: BreakerPosition
        /// How many times it opened without having been closed in between.
        package let openings: Int
    }

    private let word = Atomic<UInt64>(BreakerState.initial.bits)
    private let rules: BreakerRules
    private let clock: @Sendable () -> UInt64
    private let chance: @Sendable () -> Double
    private let observer: @Sendable (Transition) -> Void

    /// - Parameters:
    ///   - clock: milliseconds that only grow.
    ///   - chance: uniform in 0..<1; asked once for each call that may open the breaker.
    ///   - observer: told once of each change of position, on the thread that caused it. Two quick changes may be told
    ///     out of order.
    package init(
        rules: BreakerRules = BreakerRules(),
        clock: @escaping @Sendable () -> UInt64 = CircuitBreaker.monotonicMilliseconds,
        chance: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        observer: @escaping @Sendable (Transition) -> Void = { _ in }
    ) {
        self.rules = rules
        self.clock = clock
        self.chance = chance
        self.observer = observer
    }

    /// Whether a call may be made now. Closed: one relaxed load.
    ///
    /// - Parameter probing: false for who does not want to be the probe: where somebody else probes, no request has to
    ///   wait for a server that most likely still fails.
    package func admit(probing: Bool = true) -> BreakerAdmission {
        var bits = word.load(ordering: .relaxed)
        if BreakerState(bits: bits).position == .closed { return .allowed }
        guard probing else { return .refused }
        let now = clock()
        while true {
            let old = BreakerState(bits: bits)
            let (new, admission) = old.admitting(now: now, rules)
            if new == old { return admission }
            let (exchanged, found) = word.compareExchange(expected: bits, desired: new.bits, ordering: .relaxed)
            if exchanged {
                tell(old, new)
                return admission
            }
            bits = found
        }
    }

    /// Reports the end of a call that `admission` let through. Once for each; `.refused` is ignored.
    package func record(success: Bool, of admission: BreakerAdmission) {
        if admission == .refused { return }
        let now = clock()
        let chance = success ? 0.5 : chance()
        var bits = word.load(ordering: .relaxed)
        while true {
            let old = BreakerState(bits: bits)
            let new = old.recording(success: success, of: admission, now: now, chance: chance, rules)
            if new == old { return }
            let (exchanged, found) = word.compareExchange(expected: bits, desired: new.bits, ordering: .relaxed)
            if exchanged { return tell(old, new) }
            bits = found
        }
    }

    /// The position at this moment. An open breaker whose back-off is over is still open until somebody asks.
    package var position: BreakerPosition { BreakerState(bits: word.load(ordering: .relaxed)).position }

    private func tell(_ old: BreakerState, _ new: BreakerState) {
        guard old.position != new.position else { return }
        observer(Transition(from: old.position, to: new.position, openings: new.openings))
    }

    /// Milliseconds of the monotonic clock.
    package static func monotonicMilliseconds() -> UInt64 {
        var time = timespec()
        // SAFETY: a local of the type that the call fills.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1000 &+ UInt64(time.tv_nsec) / 1_000_000
    }
}
