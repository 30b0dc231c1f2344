// SPDX-License-Identifier: Apache-2.0

internal import LockFree
internal import Synchronization

/// A sum that only grows. Any thread; striped, so that threads do not share a line.
package final class Counter: Sendable {
    private let cells = StripedCounter()

    package init() {}

    package func add(_ amount: Int = 1) { cells.add(amount) }

    package var value: Int { cells.sum() }
}

/// A number that goes up and down. Any thread.
package final class Gauge: Sendable {
    private let cell = Atomic<Int>(0)

    package init() {}

    package func set(_ value: Int) { cell.store(value, ordering: .relaxed) }

    package func add(_ amount: Int) { cell.wrappingAdd(amount, ordering: .relaxed) }

    package var value: Int { cell.load(ordering: .relaxed) }
}

/// How often a duration fell between which bounds, and the sum of all. Any thread; striped.
package final class Histogram: Sendable {
    /// Upper bounds in nanoseconds, ascending.
    let bounds: [Int]
    /// One count per bound, one for what is above all, then the sum in nanoseconds.
    private let cells: StripedCounter

    /// 50 us to 10 s: a hit takes tens of microseconds, a cold family tens of milliseconds.
    package static let latencyBounds: [Duration] =
        [50, 100, 200, 350, 500, 750].map { .microseconds($0) }
        + [1, 2, 3, 5, 7, 10, 15, 25, 50, 100, 250, 500].map { .milliseconds($0) } + [1, 2, 5, 10].map { .seconds($0) }

    /// `bounds` must ascend; at most 64 of them.
    package init(bounds: [Duration] = Histogram.latencyBounds) {
        self.bounds = bounds.map(Self.nanoseconds)
        precondition(bounds.count <= 64 && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "bounds \(bounds)")
        cells = StripedCounter(width: bounds.count + 2)
    }

    package func observe(_ duration: Duration) { observe(nanoseconds: Self.nanoseconds(duration)) }

    package func observe(nanoseconds: Int) {
        // Linear: most observations fall below one of the first bounds.
        var index = 0
        while index < bounds.count && nanoseconds > bounds[index] { index += 1 }
        cells.add(1, at: index)
        cells.add(nanoseconds, at: bounds.count + 1)
    }

    /// The counts per bucket, not cumulated, the last for what is above all bounds; and the sum in nanoseconds.
    package var snapshot: (counts: [Int], sumNanoseconds: Int) {
        ((0...bounds.count).map { cells.sum(at: $0) }, cells.sum(at: bounds.count + 1))
    }

    private static func nanoseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = min(max(duration, .zero), .seconds(1_000_000_000)).components
        return Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    }
}
