// SPDX-License-Identifier: Apache-2.0

/// How one request of a pre-warm ended.
package enum WarmOutcome: Equatable, Sendable {
    /// Answered; where from, if the server said it.
    case warmed(CacheOutcome?)
    /// The server has no such tile, and this is no fault: maps have holes.
    case absent
    /// Not answered as it should be, retries and all.
    case failed
}

/// Counts what a pre-warm has done, and estimates how long the rest takes. Pure: time is given to it.
package struct ProgressModel: Equatable, Sendable {
    /// What the counts say at one moment.
    package struct Snapshot: Equatable, Sendable {
        package fileprivate(set) var elapsed: Duration = .zero
        /// Requests that there are in all, and those of them that stand for families.
        package fileprivate(set) var total = 0
        package fileprivate(set) var families = 0
        package fileprivate(set) var warmed = 0
        package fileprivate(set) var hits = 0
        package fileprivate(set) var misses = 0
        package fileprivate(set) var absent = 0
        package fileprivate(set) var failed = 0
        package fileprivate(set) var retries = 0
        /// Bytes of bodies received.
        package fileprivate(set) var bytes = 0
        /// Requests ended per second lately; nil before there is anything to go by.
        package fileprivate(set) var rate: Double?
        /// How long the rest will take at that rate; nil where that cannot be said.
        package fileprivate(set) var remaining: Duration?

        /// Requests that ended in an earlier run, from whose resume file this one went on.
        package fileprivate(set) var earlier = 0

        /// Requests that have ended, however.
        package var done: Int { earlier + warmed + absent + failed }
    }

    private var counts = Snapshot()
    /// Moments of the last seconds with the number of requests done by then, the oldest first.
    private var samples: [Sample] = []

    private struct Sample: Equatable, Sendable {
        let time: Duration
        let done: Int
    }

    /// Over how long the rate is taken: long enough to be steady, short enough to follow a server that slows down.
    private static let window = Duration.seconds(10)
    /// No two samples lie closer: bounds their number.
    private static let spacing = Duration.milliseconds(500)

    package init(total: Int, families: Int) {
        counts.total = total
        counts.families = families
        samples = [Sample(time: .zero, done: 0)]
    }

    /// A request ended, `time` after the start.
    package mutating func record(_ outcome: WarmOutcome, bytes: Int, at time: Duration) {
        switch outcome {
        case .warmed(let cache):
            counts.warmed += 1
            counts.hits += cache == .hit ? 1 : 0
            counts.misses += cache == .miss ? 1 : 0
        case .absent: counts.absent += 1
        case .failed: counts.failed += 1
        }
        counts.bytes += bytes
        sample(at: time)
    }

    /// Requests ended before this run began. Before anything else is recorded.
    package mutating func recordEarlier(_ count: Int) {
        counts.earlier = count
        samples = [Sample(time: .zero, done: count)]
    }

    /// Requests that have ended, however.
    package var done: Int { counts.done }

    /// A request is about to be tried again.
    package mutating func recordRetry() { counts.retries += 1 }

    /// The state `time` after the start.
    package func snapshot(at time: Duration) -> Snapshot {
        var snapshot = counts
        snapshot.elapsed = time
        guard let first = samples.first, snapshot.done > first.done, time > first.time else { return snapshot }
        let rate = Double(snapshot.done - first.done) / ((time - first.time) / .seconds(1))
        snapshot.rate = rate
        // Beyond ten years an estimate says nothing, and a Duration might overflow.
        let seconds = Double(snapshot.total - snapshot.done) / rate
        if seconds >= 0, seconds < 315_360_000 { snapshot.remaining = .seconds(seconds) }
        return snapshot
    }

    private mutating func sample(at time: Duration) {
        guard let newest = samples.last, time - newest.time >= Self.spacing else { return }
        samples.append(Sample(time: time, done: counts.done))
        // The oldest stays until the next one is out of the window, too: the window is at least covered.
        let outside = samples.dropFirst().prefix { time - $0.time >= Self.window }.count
        samples.removeFirst(outside)
    }
}
