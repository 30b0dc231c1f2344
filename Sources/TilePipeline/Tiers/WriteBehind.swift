// SPDX-License-Identifier: Apache-2.0

import LockFree
import Telemetry
import TileModel

/// Writes families to one tier on a thread of its own, so that no request and no render waits for it.
///
/// Any thread submits; nothing waits. What finds no room is dropped and counted: the tile was served, it will be rendered
/// again. Every submission has exactly one outcome, counted by `orizuru_write_behind_total{tier,outcome}` and told to
/// `observer`; also those that are left when the process ends.
final class WriteBehind: Sendable {
    /// What became of a submission.
    enum Outcome: Hashable, Sendable {
        case stored
        case refused(TierRefusal)
        /// Too much waited.
        case overflow
        /// The process ended before.
        case shutdown
        /// The tiles were purged after what they are made of was read.
        case purged

        var label: String {
            switch self {
            case .stored: "stored"
            case .refused(let reason): reason.rawValue
            case .overflow: "overflow"
            case .shutdown: "shutdown"
            case .purged: "purged"
            }
        }

        fileprivate static let all: [Outcome] =
            [.stored, .overflow, .shutdown, .purged] + TierRefusal.allCases.map { .refused($0) }
    }

    private struct State: Sendable {
        var queue: WriteQueue
        /// Families whose claims have ended, to be told to the fleet.
        var released: [TierFamilyKey] = []
        /// When the tiles of an edition were purged last.
        var purges: [TileEdition: Int] = [:]
        /// Writes begun so far, and whether the last is under way.
        var writes = 0
        var isWriting = false
        var isStopping = false
        /// When what is left is given up; monotonic nanoseconds.
        var deadline = Int.max

        /// Whether a part of a write is made of what was read before its edition was purged.
        func isPurged(_ write: TierWrite) -> Bool { purges[write.family.edition].map { write.begun < $0 } ?? false }
    }

    private let tier: any Tier
    private let state: ConditionLock<State>
    private let counters: [Outcome: Counter]
    private let seconds: Histogram
    /// From the first submission of a write to its end.
    private let waitingSeconds: Histogram
    private let observer: @Sendable (TierFamilyKey, Outcome) -> Void
    private let thread = Lock<OSThread?>(nil)

    init(
        to tier: any Tier,
        limits: WriteQueue.Limits,
        metrics: MetricsRegistry,
        seconds: Histogram,
        observer: @escaping @Sendable (TierFamilyKey, Outcome) -> Void = { _, _ in }
    ) {
        self.tier = tier
        self.seconds = seconds
        self.observer = observer
        let state = ConditionLock(State(queue: WriteQueue(limits)))
        self.state = state
        let label = tier.kind.label.description
        var counters: [Outcome: Counter] = [:]
        for outcome in Outcome.all {
            counters[outcome] = metrics.counter(
                "orizuru_write_behind_total",
                help: "Submissions of finished tiles to a tier, by what became of them.",
                labels: ["tier": label, "outcome": outcome.label]
            )
        }
        self.counters = counters
        waitingSeconds = metrics.histogram(
            "orizuru_write_behind_seconds",
            help:
                "Time from when the first of a family's finished tiles was handed over until they were written to a tier.",
            labels: ["tier": label]
        )
        metrics.gauge(
            "orizuru_write_behind_bytes",
            help: "Bytes of finished tiles that wait to be written to a tier.",
            labels: ["tier": label]
        ) { Double(state.withLock { $0.queue.bytes }) }
    }

    func start() throws(ThreadError) {
        let thread = try OSThread(name: "write-\(tier.kind.label)", nice: 5) { [self] in run() }
        self.thread.withLock { $0 = thread }
    }

    /// Hands a family over; `claim` is held until it is written.
    func submit(_ write: TierWrite, under claim: FamilyClaim? = nil) {
        guard !write.tiles.isEmpty else { return }
        let now = MonotonicClock.nanoseconds
        let (outcome, isDue) = state.withLock { state -> (Outcome?, Bool) in
            if state.isStopping { return (.shutdown, false) }
            if state.isPurged(write) { return (.purged, false) }
            let wasEmpty = state.queue.count == 0
            guard state.queue.submit(write, under: claim, now: now) else { return (.overflow, false) }
            return (nil, wasEmpty || state.queue.isDue(now: now))
        }
        if let outcome { report(outcome, write.family, 1) }
        if isDue { state.signal() }
    }

    /// Has the writing thread tell the fleet that a claim has ended. Nothing is told after the end: then it ends by itself.
    func release(_ family: TierFamilyKey) {
        state.withLock { $0.released.append(family) }
        state.signal()
    }

    /// Writes nothing any more that is made of what was read before `time`, and waits for the write under way: what the tier
    /// is told to forget afterwards does not come back.
    func forget(_ edition: TileEdition, before time: Int) {
        let (number, removed) = state.withLock { state -> (Int?, [WriteQueue.Entry]) in
            state.purges[edition] = max(time, state.purges[edition] ?? time)
            return (state.isWriting ? state.writes : nil, state.queue.remove(edition, before: time))
        }
        for entry in removed { report(.purged, entry.write.family, entry.submissions) }
        guard let number else { return }
        state.wait { !$0.isWriting || $0.writes != number ? () : nil }
    }

    /// Writes what waits, for at most so long, and ends. What is left is counted as lost to the end.
    func stop(within limit: Duration) {
        let (seconds, attoseconds) = limit.components
        let deadline = MonotonicClock.nanoseconds + Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        state.withLock { state in
            state.isStopping = true
            state.deadline = deadline
        }
        state.broadcast()
        thread.withLock { $0 }?.join()
        // Where the thread never ran.
        while true {
            let rest = state.withLock { $0.queue.takeBatch() }
            if rest.isEmpty { return }
            for entry in rest { report(.shutdown, entry.write.family, entry.submissions) }
        }
    }

    private func run() {
        while let work = nextWork() {
            switch work {
            case .batch(let batch):
                for entry in batch {
                    let outcome = isOver ? .shutdown : write(entry.write)
                    if outcome == .stored {
                        waitingSeconds.observe(nanoseconds: MonotonicClock.nanoseconds - entry.since)
                    }
                    report(outcome, entry.write.family, entry.submissions)
                }
            case .released(let families):
                guard let fleet = tier as? any FleetTier else { continue }
                for family in families where !isOver { fleet.release(family) }
            }
        }
    }

    /// Whether the time for writing what is left is over.
    private var isOver: Bool { state.withLock { $0.isStopping && MonotonicClock.nanoseconds >= $0.deadline } }

    private func write(_ write: TierWrite) -> Outcome {
        let isPurged = state.withLock { state in
            if state.isPurged(write) { return true }
            state.writes += 1
            state.isWriting = true
            return false
        }
        guard !isPurged else { return .purged }
        let start = MonotonicClock.nanoseconds
        defer {
            seconds.observe(nanoseconds: MonotonicClock.nanoseconds - start)
            state.withLock { $0.isWriting = false }
            state.broadcast()
        }
        switch tier.insert(write) {
        case .stored: return .stored
        case .refused(let reason): return .refused(reason)
        }
    }

    private enum Work {
        case batch([WriteQueue.Entry])
        case released([TierFamilyKey])
    }

    /// The next batch that is due, or claims that have ended; nil at the end, when nothing is left.
    private func nextWork() -> Work? {
        while true {
            let now = MonotonicClock.nanoseconds
            let delay = state.withLock { $0.queue.timeUntilDue(now: now) } ?? 60_000_000_000
            let work = state.wait(forAtMost: .nanoseconds(delay)) { state -> Work?? in
                // First: a claim that is let go of was written before.
                if !state.released.isEmpty {
                    defer { state.released = [] }
                    return .some(.released(state.released))
                }
                if state.isStopping || state.queue.isDue(now: MonotonicClock.nanoseconds) {
                    let batch = state.queue.takeBatch()
                    return batch.isEmpty ? .some(nil) : .some(.batch(batch))
                }
                // The first one sets the time to wait for.
                return delay == 60_000_000_000 && state.queue.count > 0 ? .some(.batch([])) : nil
            }
            switch work {
            case .some(.some(.batch(let batch))) where batch.isEmpty: continue
            case .some(let work): return work
            case nil: continue
            }
        }
    }

    private func report(_ outcome: Outcome, _ family: TierFamilyKey, _ submissions: Int) {
        counters[outcome]?.add(submissions)
        observer(family, outcome)
    }
}
