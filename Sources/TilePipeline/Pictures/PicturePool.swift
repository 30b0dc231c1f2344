// SPDX-License-Identifier: Apache-2.0

package import LockFree
import TileCache

/// The threads that put pictures together from tiles, apart from the workers that render: they wait for tiles, and
/// workers never wait for them.
///
/// Thread rule: everything may be called from any thread and waits for nothing but the lock of a short queue.
package final class PicturePool: Sendable {
    private struct Job: Sendable {
        let request: PictureRequest
        let receiver: any PictureReceiver
        let ticket: UInt64
    }

    private struct State: Sendable {
        var jobs: [Job] = []
        var isStopping = false
    }

    private let pipeline: TilePipeline
    private let threadCount: Int
    private let nice: Int
    private let queueLimit: Int
    private let state = ConditionLock(State())
    private let threads = Lock<[OSThread]>([])

    /// - Parameters:
    ///   - threads: pictures that are made at the same time; each takes the memory of one picture.
    ///   - queueLimit: pictures that may wait.
    package init(pipeline: TilePipeline, threads: Int, queueLimit: Int = 64, nice: Int = 10) {
        precondition(threads > 0 && queueLimit > 0, "a pool of \(threads) threads and \(queueLimit) pictures")
        self.pipeline = pipeline
        threadCount = threads
        self.queueLimit = queueLimit
        self.nice = nice
    }

    /// Starts the threads. Throws where the system refuses one; those already started are stopped then.
    package func start() throws(ThreadError) {
        for index in 0..<threadCount {
            let thread: OSThread
            do {
                thread = try OSThread(name: "picture-\(index)", nice: nice, stackBytes: 1 << 20) { [self] in run() }
            } catch {
                stop()
                throw error
            }
            threads.withLock { $0.append(thread) }
        }
    }

    /// Tells all who wait that the pool stops, and waits for its threads. The pipeline has to be stopped before, or a
    /// thread may wait for a tile.
    package func stop() {
        let waiting = state.withLock { state in
            state.isStopping = true
            defer { state.jobs = [] }
            return state.jobs
        }
        state.broadcast()
        for job in waiting { job.receiver.receive(.stopped, for: job.ticket) }
        let threads = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in threads { thread.join() }
    }

    /// Asks for a picture; false where too many wait, or the pool stops: then the receiver hears nothing.
    package func submit(_ request: PictureRequest, receiver: any PictureReceiver, ticket: UInt64) -> Bool {
        let isAccepted = state.withLock { state in
            guard !state.isStopping, state.jobs.count < queueLimit else { return false }
            state.jobs.append(Job(request: request, receiver: receiver, ticket: ticket))
            return true
        }
        if isAccepted { state.signal() }
        return isAccepted
    }

    /// The client is gone: a picture that is not begun is not made. One that is begun is, and its receiver is told.
    package func withdraw(receiver: any PictureReceiver, ticket: UInt64) {
        state.withLock { state in state.jobs.removeAll { $0.ticket == ticket && $0.receiver === receiver } }
    }

    private func run() {
        let maker = PictureMaker(pipeline: pipeline)
        while let job = nextJob() { job.receiver.receive(maker.make(job.request), for: job.ticket) }
    }

    private func nextJob() -> Job? {
        state.wait { state -> Job?? in
            if state.isStopping { return .some(nil) }
            return state.jobs.isEmpty ? nil : .some(state.jobs.removeFirst())
        }
    }
}
