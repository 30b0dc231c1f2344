// SPDX-License-Identifier: Apache-2.0

internal import LockFree

/// What the workers of one run share: the queue they draw from and the counts they keep. All behind one lock, taken
/// twice per request, beside a round trip over a network.
final class WarmBoard: Sendable {
    private struct State {
        var queue: WarmQueue
        var pace: WarmPace
        /// Requests that are under way.
        var open: [WarmQueue.Item] = []
        var progress: ProgressModel
        var failures: [WarmFailure] = []
        /// Requests in a row, over all workers, that ended because the server could not be reached.
        var unreachableInARow = 0
        var gaveUp: String?
        var workers = 0

        mutating func end(_ item: WarmQueue.Item) {
            if let index = open.firstIndex(of: item) { open.remove(at: index) }
        }
    }

    /// Requests in all.
    let total: Int
    private let unreachableLimit: Int
    private let start = ContinuousClock.now
    private let state: ConditionLock<State>
    private let journal: WarmJournal

    /// The run gives up after as many requests in a row without a reachable server as it has workers.
    init(_ queue: WarmQueue, _ journal: WarmJournal, _ options: PrewarmOptions) {
        total = queue.total
        unreachableLimit = max(1, options.concurrency)
        self.journal = journal
        var progress = ProgressModel(total: queue.total, families: queue.families)
        progress.recordEarlier(journal.doneEarlier)
        state = ConditionLock(
            State(queue: queue, pace: WarmPace(rate: options.rate, rampUp: options.rampUp), progress: progress)
        )
    }

    var elapsed: Duration { .now - start }

    /// When a worker begins, of so many.
    func start(ofWorker index: Int, of count: Int) -> Duration {
        state.withLock { $0.pace.start(ofWorker: index, of: count) }
    }

    /// Called by whoever starts a worker, after it has started; before the first wait for the end, so that a worker
    /// that ends first does no harm.
    func workerStarted() { state.withLock { $0.workers += 1 } }

    /// Called by a worker as its last deed.
    func workerEnded() {
        state.withLock { $0.workers -= 1 }
        state.broadcast()
    }

    /// The next request, and when it may begin; nil when there is none left or the run has given up. The resume file
    /// says that it is under way before anybody asks.
    func next() -> (item: WarmQueue.Item, start: Duration)? {
        let time = elapsed
        return state.withLock { state in
            guard state.gaveUp == nil, let item = state.queue.next() else { return nil }
            state.open.append(item)
            note(&state)
            return (item, state.pace.slot(at: time))
        }
    }

    /// Writes the resume file; called under the lock, so that a later state is never overwritten by an earlier one.
    private func note(_ state: inout State) {
        do throws(PrewarmError) {
            try journal.note(
                position: state.queue.position,
                // What an earlier run had under way and nobody has taken yet lies before the position, too.
                open: state.open + state.queue.first,
                done: state.progress.done
            )
        } catch {
            // Without the file a promise is broken, so the run does not go on as if nothing had happened.
            if state.gaveUp == nil { state.gaveUp = error.description }
        }
    }

    /// A request was begun, and is left without an end because the run stops.
    func leave(_ item: WarmQueue.Item) {
        // It stays among the open ones, and so in the resume file.
        state.withLock { note(&$0) }
    }

    var hasGivenUp: Bool { state.withLock { $0.gaveUp != nil } }

    func recordRetry() { state.withLock { $0.progress.recordRetry() } }

    /// A request was answered well enough.
    func record(_ outcome: WarmOutcome, of item: WarmQueue.Item, bytes: Int) {
        let time = elapsed
        state.withLock { state in
            state.end(item)
            state.unreachableInARow = 0
            state.progress.record(outcome, bytes: bytes, at: time)
        }
    }

    /// A request failed for good.
    func record(_ failure: WarmFailure, of item: WarmQueue.Item, isUnreachable: Bool) {
        let time = elapsed
        state.withLock { state in
            state.end(item)
            do throws(PrewarmError) {
                try journal.noteFailure(item, reason: failure.reason)
            } catch {
                if state.gaveUp == nil { state.gaveUp = error.description }
            }
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
    func summary(wasStopped: Bool, wasTimeUp: Bool) -> PrewarmSummary {
        let time = elapsed
        return state.withLock { state in
            note(&state)
            let counts = state.progress.snapshot(at: time)
            return PrewarmSummary(
                counts: counts,
                failures: state.failures,
                wasStopped: wasStopped && counts.done < counts.total,
                wasTimeUp: wasTimeUp && counts.done < counts.total,
                gaveUp: state.gaveUp
            )
        }
    }
}
