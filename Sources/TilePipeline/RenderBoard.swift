// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// What one job makes: a family below its parent, or a stored tile in its forms.
package struct JobKey: Hashable, Sendable {
    /// The ordinal of the opened tileset.
    package let ordinal: UInt32
    /// The parent of the family, or the stored tile.
    package let tile: TileCoordinate
    /// Whether the job renders the family below `tile`.
    package let isFamily: Bool
    /// How many levels of stored tiles a group spans; 1 for a tile alone and for families.
    package let levels: Int
    /// What is made: the same tiles in another format are another job.
    package let format: TileFormat
    /// The form of a job that makes one that is neither stored nor rendered (`TileVariant.bits`); 0 of others.
    package let derived: UInt8

    package init(
        ordinal: UInt32,
        tile: TileCoordinate,
        isFamily: Bool,
        levels: Int = 1,
        format: TileFormat = .jpeg,
        derived: UInt8 = 0
    ) {
        self.derived = derived
        self.ordinal = ordinal
        self.tile = tile
        self.isFamily = isFamily
        self.levels = levels
        self.format = format
    }
}

/// Which jobs there are, who waits for what, and what each worker does next.
///
/// A state machine without a thread, a clock or I/O: the pipeline guards one of it with a lock, and workers and
/// reactors only tell it what happened. Guarantees: one job for each key however many ask; every waiter that was
/// accepted is handed back exactly once, by `finish`, by `withdraw`, or by `close`; what somebody waits for is begun
/// before anything that nobody waits for.
///
/// `Payload` is what workers need to do the job, `Waiter` what the driver needs to answer.
package struct RenderBoard<Payload: Sendable, Waiter: Sendable>: Sendable {
    /// One job.
    ///
    /// @unchecked Sendable: what can change is fileprivate, touched only by the board, under its owner's lock.
    package final class Job: @unchecked Sendable {
        package let key: JobKey
        package let payload: Payload
        fileprivate var progress: JobProgress
        fileprivate var waiters: [(form: MemberForm?, ticket: UInt64, waiter: Waiter)] = []
        fileprivate var lane: RenderPriority?
        fileprivate var workers = 0
        /// Whether a worker took it although nobody waits for it, and has not decided yet whether to make it.
        fileprivate var isUndecided = false
        fileprivate var wasBegun = false
        fileprivate var failures = 0
        fileprivate var isAnyMade = false
        /// Whether there is something of it already.
        fileprivate var isStarted: Bool { wasBegun || isAnyMade }

        fileprivate init(key: JobKey, payload: Payload, possible: MemberForms) {
            self.key = key
            self.payload = payload
            progress = JobProgress(possible: possible)
        }
    }

    /// Counts that metrics show; they only grow.
    package struct Counts: Hashable, Sendable {
        /// Families on which rendering was begun.
        package var familiesBegun = 0
        /// Waiters that joined a job that was there already.
        package var coalesced = 0
        /// Requests refused because too many jobs waited.
        package var refused = 0
        /// Waiters whose clients went away before they were answered.
        package var abandoned = 0
        /// Tiles that nobody waited for and that were given up for others.
        package var siblingsDropped = 0
        /// Families that were expected and given up before they were begun.
        package var expectedDropped = 0
        package init() {}
    }

    /// How one form ended.
    package enum FormResult: Sendable {
        /// It was in memory.
        case found
        /// It was made.
        case made
        /// The source has nothing for it.
        case missing
        case failed
    }

    /// What a waiter is told about the whole of a job.
    package enum WholeResult: Sendable {
        /// All of it was in memory.
        case found
        /// All of it is in memory now.
        case made
        /// Some of it could not be made.
        case failed
    }

    private var jobs: [JobKey: Job] = [:]
    private var queue: RenderQueue<Job>
    private var running: [Job] = []
    private var tickets: UInt64 = 0
    private var isClosed = false
    package private(set) var counts = Counts()

    /// Jobs that nobody waits for, expected or with siblings to finish, that may lie in each lane: a fraction of a second
    /// of idle work for two workers.
    private static var leftoverLimit: Int { 64 }
    /// A second worker joins a running job only for at least this many forms: it reads and decodes the parent again.
    private static var assistThreshold: Int { 4 }

    /// - Parameter limit: the most jobs that may wait at one priority.
    package init(limit: Int) { queue = RenderQueue(limit: limit) }

    /// How many jobs wait for a worker.
    package var queueDepth: Int { queue.count }
    /// How many jobs there are, waiting or running.
    package var jobCount: Int { jobs.count }

    /// The jobs of a tileset that workers are at.
    func runningJobs(ordinal: UInt32) -> [Job] { running.filter { $0.key.ordinal == ordinal } }

    /// Whether a worker is still at one of these jobs.
    func isRunning(anyOf jobs: [Job]) -> Bool { jobs.contains { job in running.contains { $0 === job } } }

    // MARK: Asking

    /// What became of a request.
    package enum Submission {
        /// Somebody will be told; the ticket withdraws it.
        case accepted(Job, ticket: UInt64)
        /// Too many jobs wait.
        case refused
        /// The board is closed.
        case closed
    }

    /// Asks for one form of a job, or with `form` nil for all of it.
    ///
    /// `makeJob` gives what a new job needs: its payload and what it can make.
    package mutating func submit(
        _ key: JobKey,
        form: MemberForm?,
        priority: RenderPriority,
        waiter: Waiter,
        makeJob: () -> (payload: Payload, possible: MemberForms)
    ) -> Submission {
        guard !isClosed else { return .closed }
        let job: Job
        if let existing = jobs[key] {
            guard promote(existing, to: priority) else {
                counts.refused += 1
                return .refused
            }
            job = existing
            counts.coalesced += 1
        } else {
            let (payload, possible) = makeJob()
            job = Job(key: key, payload: payload, possible: possible)
            guard queue.push(job, priority) else {
                counts.refused += 1
                return .refused
            }
            job.lane = priority
            jobs[key] = job
        }
        if let form {
            precondition(job.progress.want(form), "job \(key) cannot make \(form)")
        } else {
            job.progress.requireAll()
            // What went wrong before is tried again.
            job.failures = 0
            job.isAnyMade = false
        }
        tickets += 1
        job.waiters.append((form, tickets, waiter))
        return .accepted(job, ticket: tickets)
    }

    /// Somebody will probably ask for a form: a job for who is idle, which is dropped first when others need the room.
    /// True where there is a new job; false where one is there already, or the board is closed.
    package mutating func expect(
        _ key: JobKey,
        form: MemberForm,
        makeJob: () -> (payload: Payload, possible: MemberForms)
    ) -> Bool {
        guard !isClosed, jobs[key] == nil else { return false }
        let (payload, possible) = makeJob()
        precondition(possible.contains(form), "job \(key) cannot make \(form)")
        let job = Job(key: key, payload: payload, possible: possible)
        job.progress.expect(form)
        makeRoom(.lookAhead)
        guard queue.push(job, .lookAhead) else { return false }
        job.lane = .lookAhead
        jobs[key] = job
        return true
    }

    /// Drops the oldest job of a lane that nobody waits in, where it is full.
    private mutating func makeRoom(_ lane: RenderPriority) {
        if queue.count(lane) >= min(Self.leftoverLimit, queue.limit), let oldest = queue.popFirst(lane) {
            drop(oldest)
        }
    }

    /// Moves a waiting job to the lane of who joins it, unless it waits in a better one. A lane whose jobs may be
    /// dropped is no better: no job with a waiter may be.
    private mutating func promote(_ job: Job, to priority: RenderPriority) -> Bool {
        guard let lane = job.lane, priority < lane || lane.isDroppable else { return true }
        guard queue.push(job, priority) else { return false }
        queue.remove(job, lane)
        job.lane = priority
        return true
    }

    /// A waiter's client is gone. Hands the waiter back, or nil where it was answered already.
    ///
    /// A job that nobody waits for and that no worker has begun is forgotten.
    package mutating func withdraw(_ job: Job, ticket: UInt64) -> Waiter? {
        guard let index = job.waiters.firstIndex(where: { $0.ticket == ticket }) else { return nil }
        let (form, _, waiter) = job.waiters.remove(at: index)
        counts.abandoned += 1
        if let form, !job.waiters.contains(where: { $0.form == form }) { job.progress.unwant(form) }
        if form == nil, !job.waiters.contains(where: { $0.form == nil }) { job.progress.unrequireAll() }
        if job.progress.isUnwanted, let lane = job.lane, !lane.isDroppable {
            queue.remove(job, lane)
            job.lane = nil
            if job.workers == 0 { jobs[job.key] = nil }
        }
        return waiter
    }

    // MARK: Working

    /// The next job for an idle worker, which then calls `next` until that is nil; nil where there is nothing to do.
    ///
    /// A waiting job of the highest priority; but before all that nobody waits for, a running job in which somebody waits
    /// for enough for two workers, and after all of them one that has siblings for two.
    ///
    /// - Parameter leavingNobodys: whether jobs that nobody waits for stay where they are: who is about to ask will need the
    ///   worker.
    package mutating func take(leavingNobodys: Bool = false) -> Job? {
        if let job = jobToAssist {
            job.workers += 1
            return job
        }
        guard let (job, lane) = queue.pop(leavingNobodys: leavingNobodys) else { return nil }
        job.isUndecided = lane.isDroppable
        job.lane = nil
        job.workers += 1
        if job.workers == 1 { running.append(job) }
        return job
    }

    /// A worker is about to read and decode what the job is made from: nothing of it was in memory.
    package mutating func begin(_ job: Job) {
        if job.key.isFamily, !job.wasBegun { counts.familiesBegun += 1 }
        job.wasBegun = true
    }

    /// Whether a job that was just taken is one that nobody waits for, expected or put aside for its siblings: its worker then
    /// says by `decide` whether to make it, and is alone with it until it has.
    package func isUndecided(_ job: Job) -> Bool { job.isUndecided }

    /// Whether something of a job was made already.
    package func isStarted(_ job: Job) -> Bool { job.isStarted }

    /// Whether a job that nobody waits for is made. If not, then nothing of it but what somebody has asked for since.
    package mutating func decide(_ job: Job, isMade: Bool) {
        job.isUndecided = false
        guard !isMade else { return }
        if job.isStarted {
            counts.siblingsDropped += job.progress.remainingSiblings
        } else {
            counts.expectedDropped += 1
        }
        job.progress.expectNothing()
    }

    private var jobToAssist: Job? {
        guard queue.count(.awaited) == 0 else { return nil }
        return running.first { job in
            let enough = queue.count == 0 ? job.progress.unclaimed : job.progress.unclaimedAwaited
            return enough >= Self.assistThreshold && !job.isUndecided
        }
    }

    /// Whether somebody waits for a tile, queued or being made.
    package var isAwaited: Bool { queue.count(.awaited) > 0 || running.contains { $0.progress.isTileAwaited } }

    /// Whether `take` would find something.
    package var hasWork: Bool { queue.count > 0 || jobToAssist != nil }

    /// The next form that a worker at the job should make, now claimed; nil where there is none: the worker has left.
    ///
    /// While other jobs are awaited, only what is awaited here. The last worker to leave ends the job, or puts it aside:
    /// back to the front of the pre-warm lane where a pre-warm waits for the rest, for idle workers where siblings are
    /// left; the oldest job put aside for siblings makes room. One step, so that nobody can join a job between its last
    /// worker's look and its end.
    ///
    /// - Parameter last: what the same worker made of it before.
    package mutating func next(of job: Job, after last: MemberForm? = nil) -> (form: MemberForm, isAwaited: Bool)? {
        job.isUndecided = false
        if let form = job.progress.claimNext(queue.count(.awaited) > 0 ? .awaited : .anything, after: last) {
            return (form, job.waiters.contains { $0.form == form })
        }
        leave(job)
        return nil
    }

    /// A worker made a claimed form, or could not. Hands back who waited for it, and who waited for the whole job if
    /// this was the last of it.
    package mutating func finish(
        _ job: Job,
        _ form: MemberForm,
        _ result: FormResult
    ) -> (waiters: [Waiter], whole: [Waiter], result: WholeResult) {
        job.progress.finish(form)
        if case .failed = result { job.failures += 1 }
        if case .made = result { job.isAnyMade = true }
        var waiters: [Waiter] = []
        var whole: [Waiter] = []
        let isComplete = job.progress.isComplete
        job.waiters.removeAll { entry in
            if entry.form == form {
                waiters.append(entry.waiter)
                return true
            }
            if entry.form == nil, isComplete {
                whole.append(entry.waiter)
                return true
            }
            return false
        }
        return (waiters, whole, job.failures > 0 ? .failed : job.isAnyMade ? .made : .found)
    }

    private mutating func leave(_ job: Job) {
        job.workers -= 1
        precondition(job.workers >= 0, "more workers left \(job.key) than came")
        guard job.workers == 0 else { return }
        running.removeAll { $0 === job }
        guard job.lane == nil else { return }
        if job.progress.isRequired {
            queue.putBack(job, .prewarm)
            job.lane = .prewarm
            return
        }
        if job.progress.remainingSiblings > 0, !isClosed {
            // What was not even begun is still expected, not the rest of something.
            let lane = job.isStarted ? RenderPriority.sibling : .lookAhead
            makeRoom(lane)
            if queue.push(job, lane) {
                job.lane = lane
                return
            }
        }
        drop(job)
    }

    private mutating func drop(_ job: Job) {
        precondition(job.waiters.isEmpty, "job \(job.key) ended with \(job.waiters.count) waiters")
        if job.lane == .lookAhead {
            counts.expectedDropped += 1
        } else {
            counts.siblingsDropped += job.progress.remainingSiblings
        }
        job.lane = nil
        jobs[job.key] = nil
    }

    /// Refuses everything from now on, and hands back all who wait. Running jobs end at their next claim.
    package mutating func close() -> [Waiter] {
        isClosed = true
        while let (job, _) = queue.pop() { job.lane = nil }
        let waiters = jobs.values.flatMap { job in
            let waiters = job.waiters.map(\.waiter)
            job.waiters = []
            job.progress.abandon()
            return waiters
        }
        jobs = [:]
        return waiters
    }
}
