// SPDX-License-Identifier: Apache-2.0

internal import LockFree

/// What the workers of one run share: the queue they draw from and the counts they keep. All behind one lock, taken
/// twice per request, beside a round trip over a network.
final class WarmBoard: Sendable {
    private struct State {
        var queue: WarmQueue
        var progress: ProgressModel
        var failures: [WarmFailure] = []
        /// Requests in a row, over all workers, that ended because the server could not be reached.
        var unreachableInARow = 0
        var gaveUp: String?
        var workers = 0
    }

    /// Requests in all.
    let total: Int
    private let unreachableLimit: Int
    private let start = ContinuousClock.now
    private let state: ConditionLock<State>

    /// - Parameter unreachableLimit: after how many requests in a row without a reachable server the run gives up.
    init(_ queue: WarmQueue, unreachableLimit: Int) {
        total = queue.total
        self.unreachableLimit = max(1, unreachableLimit)
        state = ConditionLock(
            State(queue: queue, progress: ProgressModel(total: queue.total, families: queue.families))
        )
    }

    private var elapsed: Duration { .now - start }

    /// Called by whoever starts a worker, after it has started; before the first wait for the end, so that a worker
    /// that ends first does no harm.
    func workerStarted() { state.withLock { $0.workers += 1 } }

    /// Called by a worker as its last deed.
    func workerEnded() {
        state.withLock { $0.workers -= 1 }
        state.broadcast()
    }

    /// The next request, or nil when there is none left or the run has given up.
    func next() -> WarmQueue.Item? {
        state.withLock { state in
            state.gaveUp == nil ? state.queue.next() : nil
        }
    }

    var hasGivenUp: Bool { state.withLock { $0.gaveUp != nil } }

    func recordRetry() { state.withLock { $0.progress.recordRetry() } }

    /// A request was answered well enough.
    func record(_ outcome: WarmOutcome, bytes: Int) {
        let time = elapsed
        state.withLock { state in
            state.unreachableInARow = 0
            state.progress.record(outcome, bytes: bytes, at: time)
        }
    }

    /// A request failed for good.
    func record(_ failure: WarmFailure, isUnreachable: Bool) {
        let time = elapsed
        state.withLock { state in
            state.progress.record(.failed, bytes: 0, at: time)
            if state.failures.count < PrewarmSummary.maxFailures { state.failures.append(failure) }
            state.unreachableInARow = isUnreachable ? state.unreachableInARow + 1 : 0
            if state.unreachableInARow >= unreachableLimit, state.gaveUp == nil {
                state.gaveUp = "the server has gone: \(failure.reason)"
            }
        }
    }

    /// Waits until every worker has ended; false when `limit` has passed before.
    func waitForEnd(atMost limit: Duration) -> Bool {
        state.wait(forAtMost: limit) { $0.workers == 0 ? true : nil } ?? false
    }

    var snapshot: ProgressModel.Snapshot {
        let time = elapsed
        return state.withLock { $0.progress.snapshot(at: time) }
    }

    /// - Parameter wasStopped: whether somebody asked for an end; one that came too late to leave work undone does not
    ///   count.
    func summary(wasStopped: Bool) -> PrewarmSummary {
        let time = elapsed
        return state.withLock { state in
            let counts = state.progress.snapshot(at: time)
            return PrewarmSummary(
                counts: counts,
                failures: state.failures,
                wasStopped: wasStopped && counts.done < counts.total,
                gaveUp: state.gaveUp
            )
        }
    }
}
