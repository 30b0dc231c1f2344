// SPDX-License-Identifier: Apache-2.0

import TileModel

/// Which families are being asked for in the tiers behind memory, who waits for what, and until when.
///
/// A state machine without a thread, a clock or I/O: times are nanoseconds that its caller gives. Guarantees: one call for a
/// family's tiles that are asked for while it waits for an I/O thread, or for a tile that is under way; every waiter that was
/// accepted is handed back exactly once, by `finish`, `postpone`, `look`, `withdraw` or `close`; nobody waits beyond his time-box for a
/// tier that stands still.
struct FetchBoard<Payload: Sendable, Waiter: Sendable>: Sendable {
    /// One call, or the wish for one.
    ///
    /// @unchecked Sendable: what can change is fileprivate, touched only by the board, under its owner's lock.
    final class Job: @unchecked Sendable {
        let key: JobKey
        let payload: Payload
        /// Whether all of the family is asked for, at low priority.
        let isWhole: Bool
        fileprivate(set) var waiters: [(form: MemberForm?, ticket: UInt64, waiter: Waiter)] = []
        fileprivate var forms = MemberForms()
        /// When whoever waits is sent on; nil where he waits on purpose.
        fileprivate var deadline: Int?
        /// Before when no I/O thread should take it.
        fileprivate var notBefore = 0
        /// How often it was put aside, and since when.
        fileprivate(set) var postponements = 0
        fileprivate(set) var begun: Int

        fileprivate var isAwaited: Bool { !isWhole && !waiters.isEmpty }

        fileprivate init(key: JobKey, payload: Payload, isWhole: Bool, now: Int) {
            self.key = key
            self.payload = payload
            self.isWhole = isWhole
            begun = now
        }
    }

    private var queue: [Job] = []
    private var running: [Job] = []
    private var tickets: UInt64 = 0
    private var isClosed = false
    private let limit: Int
    private let patience: Int
    /// Waiters that were sent on because their time was over.
    private(set) var expired = 0

    /// - Parameters:
    ///   - limit: jobs that may wait for an I/O thread.
    ///   - patience: nanoseconds that somebody waits for a call, in all.
    init(limit: Int, patience: Int) {
        self.limit = limit
        self.patience = patience
    }

    /// How many calls wait or are under way.
    var count: Int { queue.count + running.count }

    /// Whether somebody waits for a tile.
    var isAwaited: Bool { running.contains(where: \.isAwaited) || queue.contains(where: \.isAwaited) }

    /// The calls for a tileset that are under way.
    func runningJobs(ordinal: UInt32) -> [Job] { running.filter { $0.key.ordinal == ordinal } }

    /// Whether one of these calls is still under way.
    func isRunning(anyOf jobs: [Job]) -> Bool { jobs.contains { job in running.contains { $0 === job } } }

    /// Asks for one form of a family, or with `form` nil for all of them. Nil where too much waits, or the board is closed.
    mutating func submit(
        _ key: JobKey,
        form: MemberForm?,
        waiter: Waiter,
        now: Int,
        payload: () -> Payload
    ) -> UInt64? {
        guard !isClosed else { return nil }
        let job: Job
        if let form, let same = running.first(where: { $0.key == key && $0.deadline != nil && $0.forms.contains(form) })
        {
            job = same
        } else if let waiting = queue.first(where: { $0.key == key && $0.isWhole == (form == nil) }) {
            job = waiting
        } else {
            guard queue.count < limit else { return nil }
            job = Job(key: key, payload: payload(), isWhole: form == nil, now: now)
            // A pre-warm has time.
            job.deadline = form == nil ? nil : now + patience
            queue.append(job)
        }
        if let form { job.forms.insert(form) }
        tickets += 1
        job.waiters.append((form, tickets, waiter))
        return tickets
    }

    /// The next call for an idle I/O thread: the oldest that somebody waits for, then those for whole families. `forms` is
    /// empty where all are asked for.
    mutating func take(now: Int) -> (job: Job, forms: MemberForms)? {
        guard
            let index = queue.firstIndex(where: { !$0.isWhole && $0.notBefore <= now })
                ?? queue.firstIndex(where: { $0.notBefore <= now })
        else { return nil }
        let job = queue.remove(at: index)
        running.append(job)
        return (job, job.forms)
    }

    /// A call ended. Hands back who still waits for it.
    mutating func finish(_ job: Job) -> [(form: MemberForm?, waiter: Waiter)] {
        running.removeAll { $0 === job }
        defer { job.waiters = [] }
        return job.waiters.map { ($0.form, $0.waiter) }
    }

    /// A call that ended without all of its results is made again at `time`: who waits goes on waiting, for as long as the
    /// one who postpones it says. Hands back who was waiting for what was found.
    mutating func postpone(_ job: Job, until time: Int, found: MemberForms) -> [(form: MemberForm?, waiter: Waiter)] {
        running.removeAll { $0 === job }
        let answered = job.waiters.filter { $0.form.map(found.contains) ?? false }
        job.waiters.removeAll { $0.form.map(found.contains) ?? false }
        job.forms = job.forms.subtracting(found)
        job.postponements += 1
        job.notBefore = time
        // It waits on purpose, also while it is asked again: the tier itself bounds that call.
        job.deadline = nil
        if !job.waiters.isEmpty && !isClosed { queue.append(job) }
        return answered.map { ($0.form, $0.waiter) }
    }

    /// Hands back who has waited for a call for too long; the call goes on without them.
    private mutating func expire(now: Int) -> [(job: Job, form: MemberForm?, waiter: Waiter)] {
        var late: [(Job, MemberForm?, Waiter)] = []
        for job in queue + running where job.deadline.map({ $0 <= now }) ?? false {
            late += job.waiters.map { (job, $0.form, $0.waiter) }
            expired += job.waiters.count
            job.waiters = []
            // Nobody joins it any more.
            job.deadline = nil
        }
        queue.removeAll { $0.waiters.isEmpty }
        return late
    }

    /// What whoever watches the time has to do at one moment.
    struct Moment {
        /// Who has waited for a call for too long.
        let late: [(job: Job, form: MemberForm?, waiter: Waiter)]
        /// Whether `take` would find something: the I/O threads, which may all be asleep, have to look.
        let isDue: Bool
        /// When there will be more to do; nil where nothing waits for a moment.
        let next: Int?
    }

    /// What is to be done at `now`. All of it is of that one moment, so that nothing is forgotten: each call that waits is due,
    /// or `next` is not after its time.
    mutating func look(now: Int) -> Moment {
        let late = expire(now: now)
        let deadlines = (queue + running).compactMap { $0.waiters.isEmpty ? nil : $0.deadline }
        let delays = queue.compactMap { $0.notBefore > now ? $0.notBefore : nil }
        return Moment(
            late: late,
            isDue: queue.contains { $0.notBefore <= now },
            next: (deadlines + delays).min()
        )
    }

    /// A waiter's client is gone. False where it was handed back already.
    mutating func withdraw(ticket: UInt64) -> Bool {
        for job in queue + running {
            guard let index = job.waiters.firstIndex(where: { $0.ticket == ticket }) else { continue }
            job.waiters.remove(at: index)
            if job.waiters.isEmpty { queue.removeAll { $0 === job } }
            return true
        }
        return false
    }

    /// Refuses everything from now on, and hands back all who wait.
    mutating func close() -> [Waiter] {
        isClosed = true
        let waiters = (queue + running).flatMap { $0.waiters.map(\.waiter) }
        for job in queue + running { job.waiters = [] }
        queue = []
        return waiters
    }
}
