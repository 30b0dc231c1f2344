// SPDX-License-Identifier: Apache-2.0

import LockFree

/// Threads that do the jobs of a build in the order in which they come, and the account of what is under way.
///
/// `submit` and `wait` are for one thread, the one that reads; jobs run on any. After the first error nothing is begun
/// any more.
final class BuildPool<Job: Sendable>: Sendable {
    private struct State {
        var jobs: [Job] = []
        var next = 0
        var running = 0
        /// Bytes of what the jobs under way hold, by whoever submits them.
        var held = 0
        var failure: BuildError?
        var isClosed = false
    }

    private let state = ConditionLock(State())
    private let threads: Lock<[OSThread]>

    /// Starts the threads. `makeWorker` runs on each, once: what it returns does that thread's jobs.
    init(
        threads count: Int,
        makeWorker: @escaping @Sendable () -> (Job) throws(BuildError) -> Void
    ) throws(BuildError) {
        threads = Lock([])
        for number in 0..<max(count, 1) {
            do {
                let thread = try OSThread(name: "build-\(number)", stackBytes: 2 << 20) { [state] in
                    Self.work(state, makeWorker())
                }
                threads.withLock { $0.append(thread) }
            } catch {
                close()
                throw .noThread(reason: error.description)
            }
        }
    }

    private static func work(_ state: ConditionLock<State>, _ worker: (Job) throws(BuildError) -> Void) {
        while true {
            let job: Job? = state.wait { state in
                if state.failure != nil || state.isClosed && state.next == state.jobs.count { return .some(nil) }
                guard state.next < state.jobs.count else { return nil }
                let job = state.jobs[state.next]
                state.next += 1
                state.running += 1
                // What is done goes, now and then all at once.
                if state.next >= 256 || state.next == state.jobs.count {
                    state.jobs.removeFirst(state.next)
                    state.next = 0
                }
                return .some(job)
            }
            guard let job else { return }
            var failure: BuildError?
            do throws(BuildError) {
                try worker(job)
            } catch {
                failure = error
            }
            state.withLock { state in
                state.running -= 1
                if state.failure == nil { state.failure = failure }
            }
            state.broadcast()
        }
    }

    /// Adds jobs that hold `bytes` together, and waits until `held` is at most `limit`, or nothing is under way but them.
    /// Throws what any job threw.
    func submit(_ jobs: [Job], bytes: Int, limit: Int) throws(BuildError) {
        let failure: BuildError? = state.wait { state in
            if state.failure != nil { return .some(state.failure) }
            guard state.held == 0 || state.held + bytes <= limit else { return nil }
            state.jobs += jobs
            state.held += bytes
            return .some(nil)
        }
        if let failure { throw failure }
        state.broadcast()
    }

    /// Says that `bytes` are no longer held.
    func release(bytes: Int) {
        state.withLock { $0.held -= bytes }
        state.broadcast()
    }

    /// The first error, if there was one.
    func check() throws(BuildError) {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Waits until all jobs are done; `tick` is called now and then meanwhile, and may throw.
    func finish(tick: () throws(BuildError) -> Void) throws(BuildError) {
        while true {
            let isDone: Bool? = state.wait(forAtMost: .milliseconds(100)) { state in
                state.failure != nil || state.jobs.count == state.next && state.running == 0 ? true : nil
            }
            try tick()
            if isDone == true { break }
        }
        try check()
    }

    /// Ends the threads: what is not begun is dropped after an error, done otherwise.
    func close() {
        state.withLock { $0.isClosed = true }
        state.broadcast()
        for thread in threads.withLock({ $0 }) { thread.join() }
    }

    /// Drops what is not begun.
    func abandon() {
        state.withLock { state in
            if state.failure == nil { state.failure = .stopped }
        }
        close()
    }
}
