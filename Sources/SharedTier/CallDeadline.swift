// SPDX-License-Identifier: Apache-2.0

import Telemetry

/// The moment by which a call has to end.
struct CallDeadline: Sendable {
    private let nanoseconds: Int

    /// `limit` from now, at most an hour.
    init(after limit: Duration) {
        let (seconds, attoseconds) = min(max(limit, .zero), .seconds(3600)).components
        nanoseconds = MonotonicClock.nanoseconds + Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    }

    private init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    /// The earlier of this and `limit` from now.
    func within(_ limit: Duration) -> CallDeadline {
        CallDeadline(nanoseconds: min(nanoseconds, CallDeadline(after: limit).nanoseconds))
    }

    /// What is left, rounded up; 0 where it is over.
    var milliseconds: Int32 {
        let left = nanoseconds - MonotonicClock.nanoseconds
        return left <= 0 ? 0 : Int32(clamping: (left + 999_999) / 1_000_000)
    }

    /// The same as a duration.
    var remaining: Duration { .nanoseconds(max(0, nanoseconds - MonotonicClock.nanoseconds)) }

    var isOver: Bool { MonotonicClock.nanoseconds >= nanoseconds }
}
