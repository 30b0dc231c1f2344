// SPDX-License-Identifier: Apache-2.0

/// When a breaker opens, and for how long.
public struct BreakerRules: Hashable, Sendable {
    /// Failures without a success between them that open it: 1...15.
    package var failuresInARow = 5
    /// Calls in a window before their failures count as a share: 1...63.
    package var leastCalls = 20
    /// It opens where more than this share of a window's calls failed.
    package var failedShare = 0.5
    /// How long a window lasts; the next one starts from nothing.
    package var window = Duration.seconds(10)
    /// How long it stays open the first time; each failed probe doubles it.
    package var firstBackoff = Duration.milliseconds(500)
    /// The longest that it stays open, before the jitter.
    package var longestBackoff = Duration.seconds(30)
    /// A back-off is between `1 - jitter` and `1 + jitter` times its length, so that a fleet does not probe in step.
    package var jitter = 0.2
    /// A probe whose outcome was never reported is given up after this, and another one is let through.
    package var probeLease = Duration.seconds(10)

    package init() {}
}

/// What a breaker says to a call that is about to be made.
package enum BreakerAdmission: Hashable, Sendable {
    /// Make it, and report how it went.
    case allowed
    /// Make it: it is the only one until it is reported, by the number that came with it.
    case probe(UInt64)
    /// Do not: it would fail, or somebody is finding out.
    case refused
}

/// Whether calls go through.
package enum BreakerPosition: UInt8, Sendable, CaseIterable {
    /// Calls go through, failures are counted.
    case closed = 0
    /// One call at a time goes through, to see whether the others may.
    case halfOpen = 1
    /// No call goes through until the back-off is over.
    case open = 2

    /// The name in metrics and in the log.
    package var name: StaticString {
        switch self {
        case .closed: "closed"
        case .halfOpen: "half-open"
        case .open: "open"
        }
    }
}

/// The whole state of a circuit breaker in 64 bits, and its transitions: a value without a clock, a thread or a source
/// of chance. `CircuitBreaker` keeps one in an atomic.
///
///     position 2 | openings in a row 6 | milliseconds 40 | failures in a row 4 | calls 6 | failed calls 6
///
/// The time is the window's start while closed, the end of the back-off while open, the end of the probe's lease while
/// half open (which is the probe's number, too). 40 bits of milliseconds are 34 years.
///
/// Source: Nygard, "Release It!" (2007), chapter 5.
package struct BreakerState: Hashable, Sendable {
    /// As an atomic holds it.
    package private(set) var bits: UInt64

    package init(bits: UInt64) { self.bits = bits }

    /// Closed, nothing counted.
    package static let initial = BreakerState(bits: 0)

    package var position: BreakerPosition { BreakerPosition(rawValue: UInt8(bits >> 62)) ?? .open }
    /// How many times it opened without having been closed in between, saturating.
    package var openings: Int { Int(bits >> 56 & 0x3F) }
    private var time: UInt64 { bits >> 16 & Self.timeMask }
    private var failuresInARow: Int { Int(bits >> 12 & 0xF) }
    private var calls: Int { Int(bits >> 6 & 0x3F) }
    private var failed: Int { Int(bits & 0x3F) }

    private static let timeMask: UInt64 = 0xFF_FFFF_FFFF

    private init(
        _ position: BreakerPosition,
        openings: Int = 0,
        time: UInt64,
        failuresInARow: Int = 0,
        calls: Int = 0,
        failed: Int = 0
    ) {
        bits =
            UInt64(position.rawValue) << 62 | UInt64(min(openings, 63)) << 56 | (time & Self.timeMask) << 16
            | UInt64(min(failuresInARow, 15)) << 12 | UInt64(min(calls, 63)) << 6 | UInt64(min(failed, 63))
    }

    /// The state after somebody asked to make a call at `now`, and what he is told.
    package func admitting(now: UInt64, _ rules: BreakerRules) -> (state: BreakerState, admission: BreakerAdmission) {
        switch position {
        case .closed: return (self, .allowed)
        case .open, .halfOpen:
            // Half open: the probe's lease is over, so its caller is gone.
            guard now & Self.timeMask >= time else { return (self, .refused) }
            let lease = now &+ UInt64(Self.milliseconds(rules.probeLease))
            let state = BreakerState(.halfOpen, openings: openings, time: lease)
            return (state, .probe(state.time))
        }
    }

    /// The state after a call that was `admission` ended.
    ///
    /// - Parameters:
    ///   - chance: 0..<1, for the jitter of a back-off that begins now.
    package func recording(
        success: Bool,
        of admission: BreakerAdmission,
        now: UInt64,
        chance: Double,
        _ rules: BreakerRules
    ) -> BreakerState {
        switch (position, admission) {
        case (.closed, .allowed): return counting(success: success, now: now, chance: chance, rules)
        case (.halfOpen, .probe(let number)) where number == time:
            return success ? BreakerState(.closed, time: now) : opened(now: now, chance: chance, rules)
        default:
            // A late word of a call from before it opened, or of a probe that was given up.
            return self
        }
    }

    private func counting(success: Bool, now: UInt64, chance: Double, _ rules: BreakerRules) -> BreakerState {
        var calls = calls
        var failed = failed
        var start = time
        if now & Self.timeMask >= start &+ UInt64(Self.milliseconds(rules.window)) || now & Self.timeMask < start {
            (calls, failed, start) = (0, 0, now)
        }
        if calls == 63 {
            // Halved, the share stays.
            calls /= 2
            failed /= 2
        }
        calls += 1
        if success {
            return BreakerState(.closed, time: start, calls: calls, failed: failed)
        }
        failed += 1
        let inARow = failuresInARow + 1
        let isOverShare = calls >= rules.leastCalls && Double(failed) > rules.failedShare * Double(calls)
        if inARow >= rules.failuresInARow || isOverShare { return opened(now: now, chance: chance, rules) }
        return BreakerState(.closed, time: start, failuresInARow: inARow, calls: calls, failed: failed)
    }

    private func opened(now: UInt64, chance: Double, _ rules: BreakerRules) -> BreakerState {
        let backoff = Self.backoff(afterOpenings: openings, chance: chance, rules)
        return BreakerState(.open, openings: openings + 1, time: now &+ UInt64(backoff))
    }

    /// Milliseconds that it stays open when it opened `openings` times before without success.
    package static func backoff(afterOpenings openings: Int, chance: Double, _ rules: BreakerRules) -> Int {
        let longest = Double(milliseconds(rules.longestBackoff))
        let doubled = Double(milliseconds(rules.firstBackoff)) * Double(UInt64(1) << UInt64(min(openings, 40)))
        let factor = 1 + rules.jitter * (2 * min(max(chance, 0), 1) - 1)
        return max(1, Int(min(doubled, longest) * factor))
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = min(max(duration, .zero), .seconds(1_000_000)).components
        return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
