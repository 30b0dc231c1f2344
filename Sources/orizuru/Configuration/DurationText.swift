// SPDX-License-Identifier: Apache-2.0

/// Durations as people write them.
enum DurationText {
    /// `500ms`, `75s`, `1.5 min`, `12h`, `7d`; nil for anything else, for a number without a unit and for what is
    /// beyond 292 million years in milliseconds. Exact to the millisecond.
    static func parse(_ text: some StringProtocol) -> Duration? {
        guard let parsed = UnitNumber(text), let unit = milliseconds[parsed.unit],
            let value = parsed.scaled(by: unit)
        else { return nil }
        return .milliseconds(value)
    }

    /// In the largest unit that leaves a whole number of milliseconds, seconds, minutes, hours or days.
    static func write(_ duration: Duration) -> String {
        let milliseconds = wholeMilliseconds(duration)
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)]
        where milliseconds > 0 && milliseconds % size == 0 {
            return "\(milliseconds / size)\(unit)"
        }
        return "\(milliseconds)ms"
    }

    /// Cut to whole milliseconds, and to what 63 bits hold.
    static func wholeMilliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        let (product, overflow) = Int(seconds).multipliedReportingOverflow(by: 1000)
        let (sum, overflowAgain) = product.addingReportingOverflow(Int(attoseconds / 1_000_000_000_000_000))
        return overflow || overflowAgain ? (seconds < 0 ? .min : .max) : sum
    }

    private static let milliseconds = [
        "ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000,
    ]
}
