// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TileModel
import TilePipeline

@Suite("The board of jobs")
struct RenderBoardTests {
    typealias Board = RenderBoard<Int, Int>

    static let possible = MemberForms((0..<Family.memberCount).map { MemberForm(member: $0, isPadded: false) })

    static func key(_ x: Int) -> JobKey {
        JobKey(ordinal: 1, tile: TileCoordinate(level: 5, x: x, y: 0), isFamily: true)
    }

    static func form(_ member: Int) -> MemberForm { MemberForm(member: member, isPadded: false) }

    /// Submits, and returns the job and the ticket where it was accepted.
    static func submit(
        _ board: inout Board,
        _ x: Int,
        member: Int?,
        waiter: Int,
        _ priority: RenderPriority = .awaited
    ) -> (job: Board.Job, ticket: UInt64)? {
        let submission = board.submit(
            key(x),
            form: member.map(form),
            priority: priority,
            waiter: waiter
        ) { (x, possible) }
        guard case .accepted(let job, let ticket) = submission else { return nil }
        return (job, ticket)
    }

    /// The next form, required to be there.
    static func next(_ board: inout Board, _ job: Board.Job) throws -> MemberForm {
        let next = board.next(of: job)
        return try #require(next).form
    }

    /// The job that a worker takes, required to be there.
    static func take(_ board: inout Board) throws -> Board.Job {
        let job = board.take()
        return try #require(job)
    }

    @Test("sixty-four requests for one family make one job, and each waiter is answered once")
    func singleFlight() throws {
        var board = Board(limit: 8)
        for waiter in 0..<64 {
            let submitted = Self.submit(&board, 0, member: 1 + waiter % 20, waiter: waiter)
            #expect(submitted != nil)
        }
        #expect(board.jobCount == 1)
        let job = try Self.take(&board)
        var answered: [Int] = []
        while let (form, _) = board.next(of: job) { answered += board.finish(job, form, .made).waiters }
        #expect(answered.sorted() == Array(0..<64))
        #expect(board.jobCount == 0)
        #expect(board.counts.coalesced == 63)
    }

    @Test("a client that went away before its job was begun takes the job with it")
    func abandonedBeforeWork() throws {
        var board = Board(limit: 8)
        let jobAndTicket = Self.submit(&board, 0, member: 3, waiter: 7)
        let (job, ticket) = try #require(jobAndTicket)
        let withdrawn = board.withdraw(job, ticket: ticket)
        #expect(withdrawn == 7)
        let taken = board.take()
        #expect(taken == nil)
        #expect(board.jobCount == 0)
        let withdrawnAgain = board.withdraw(job, ticket: ticket)
        #expect(withdrawnAgain == nil, "a waiter is handed back once")
    }

    @Test("a job stays while somebody else waits for it")
    func oneOfTwoAbandoned() throws {
        var board = Board(limit: 8)
        let jobAndTicket = Self.submit(&board, 0, member: 3, waiter: 1)
        let (job, ticket) = try #require(jobAndTicket)
        let another = Self.submit(&board, 0, member: 3, waiter: 2)
        #expect(another != nil)
        _ = board.withdraw(job, ticket: ticket)
        let taken = board.take()
        #expect(taken === job)
        let form = try Self.next(&board, job)
        let answered = board.finish(job, form, .made).waiters
        #expect(answered == [2])
    }

    @Test("a full queue refuses new jobs, but not more waiters for a job that it has")
    func overload() {
        var board = Board(limit: 2)
        let first = Self.submit(&board, 0, member: 1, waiter: 1)
        #expect(first != nil)
        let second = Self.submit(&board, 1, member: 1, waiter: 2)
        #expect(second != nil)
        let third = Self.submit(&board, 2, member: 1, waiter: 3)
        #expect(third == nil)
        let joining = Self.submit(&board, 1, member: 2, waiter: 4)
        #expect(joining != nil)
        #expect(board.counts.refused == 1)
        #expect(board.queueDepth == 2)
    }

    @Test("a viewer who asks for a tile of a pre-warm's job moves it in front of all pre-warm work")
    func promotion() throws {
        var board = Board(limit: 8)
        let earlier = Self.submit(&board, 0, member: nil, waiter: 1, .prewarm)
        #expect(earlier != nil)
        let secondAndTicket = Self.submit(&board, 1, member: nil, waiter: 2, .prewarm)
        let (second, _) = try #require(secondAndTicket)
        let viewer = Self.submit(&board, 1, member: 5, waiter: 3)
        #expect(viewer != nil)
        let taken = board.take()
        #expect(taken === second)
        let next = board.next(of: second)
        #expect(next?.form == Self.form(5), "and the awaited tile is made first")
        #expect(board.queueDepth == 1)
    }

    @Test("a pre-warm is answered when all of its family is made")
    func wholeFamily() throws {
        var board = Board(limit: 8)
        let jobAndTicket = Self.submit(&board, 0, member: nil, waiter: 1, .prewarm)
        let (job, _) = try #require(jobAndTicket)
        _ = board.take()
        var made = 0
        while let (form, _) = board.next(of: job) {
            let (waiters, whole, result) = board.finish(job, form, .made)
            made += 1
            #expect(waiters.isEmpty)
            #expect(whole == (made == Family.memberCount ? [1] : []))
            #expect(result == .made)
        }
        #expect(made == Family.memberCount)
        #expect(board.jobCount == 0)
    }

    @Test("while another job is awaited, siblings are put aside, and an idle worker comes back to them")
    func siblingsGiveWay() throws {
        var board = Board(limit: 8)
        let firstAndTicket = Self.submit(&board, 0, member: 1, waiter: 1)
        let (first, _) = try #require(firstAndTicket)
        _ = board.take()
        let form = try Self.next(&board, first)
        _ = board.finish(first, form, .made)
        let secondAndTicket = Self.submit(&board, 1, member: 1, waiter: 2)
        let (second, _) = try #require(secondAndTicket)
        let sibling = board.next(of: first)
        #expect(sibling == nil, "somebody waits elsewhere")
        let taken = board.take()
        #expect(taken === second)
        while let (form, _) = board.next(of: second) { _ = board.finish(second, form, .made) }
        let takenByIdleWorker = board.take()
        #expect(takenByIdleWorker === first)
        let resumed = board.next(of: first)
        #expect(resumed?.form == Self.form(2))
    }

    @Test("under overload the oldest siblings are dropped and counted")
    func siblingsDropped() throws {
        var board = Board(limit: 2)
        for x in 0..<5 {
            let jobAndTicket = Self.submit(&board, x, member: 1, waiter: x)
            let (job, _) = try #require(jobAndTicket)
            let taken = board.take()
            #expect(taken === job)
            let form = try Self.next(&board, job)
            _ = board.finish(job, form, .made)
            _ = Self.submit(&board, 100 + x, member: 1, waiter: 100)
            let sibling = board.next(of: job)
            #expect(sibling == nil)
            let other = try Self.take(&board)
            while let (form, _) = board.next(of: other) { _ = board.finish(other, form, .made) }
        }
        #expect(board.counts.siblingsDropped == 3 * 19)
        #expect(board.jobCount == 2)
    }

    @Test("a second worker joins a family that has enough for two, and they share it")
    func assist() throws {
        var board = Board(limit: 8)
        let jobAndTicket = Self.submit(&board, 0, member: 5, waiter: 1)
        let (job, _) = try #require(jobAndTicket)
        let firstWorkersJob = board.take()
        #expect(firstWorkersJob === job)
        let secondWorkersJob = board.take()
        #expect(secondWorkersJob === job)
        let first = try Self.next(&board, job)
        let second = try Self.next(&board, job)
        #expect(first != second)
        _ = board.finish(job, first, .made)
        _ = board.finish(job, second, .made)
        while let (form, _) = board.next(of: job) { _ = board.finish(job, form, .made) }
        #expect(board.jobCount == 1, "the job lives until its last worker leaves")
        let rest = board.next(of: job)
        #expect(rest == nil)
        #expect(board.jobCount == 0)
    }

    @Test("a family counts as begun once, however many work at it, and not where all was in memory")
    func begunOnce() throws {
        var board = Board(limit: 8)
        let jobAndTicket = Self.submit(&board, 0, member: 5, waiter: 1)
        let (job, _) = try #require(jobAndTicket)
        _ = board.take()
        #expect(board.counts.familiesBegun == 0)
        board.begin(job)
        board.begin(job)
        #expect(board.counts.familiesBegun == 1)
    }

    @Test("closing hands back every waiter once and refuses what comes later")
    func closing() throws {
        var board = Board(limit: 8)
        let runningAndTicket = Self.submit(&board, 0, member: 5, waiter: 1)
        let (running, _) = try #require(runningAndTicket)
        _ = board.take()
        let form = try Self.next(&board, running)
        _ = Self.submit(&board, 1, member: 5, waiter: 2)
        let waiting = board.close()
        #expect(waiting.sorted() == [1, 2])
        let late = board.finish(running, form, .made).waiters
        #expect(late.isEmpty)
        let rest = board.next(of: running)
        #expect(rest == nil)
        let refused = Self.submit(&board, 2, member: 1, waiter: 3)
        #expect(refused == nil)
    }

    @Test("a pre-warm that joins a job which has just made everything is answered all the same")
    func wholeAfterComplete() throws {
        var board = Board(limit: 8)
        let jobAndTicket = Self.submit(&board, 0, member: nil, waiter: 1, .prewarm)
        let (job, _) = try #require(jobAndTicket)
        _ = board.take()
        for _ in 0..<Family.memberCount {
            let form = try Self.next(&board, job)
            _ = board.finish(job, form, .made)
        }
        let joined = Self.submit(&board, 0, member: nil, waiter: 2, .prewarm)
        #expect(joined != nil)
        var answered: [Int] = []
        while let (form, _) = board.next(of: job) { answered += board.finish(job, form, .made).whole }
        #expect(answered == [2])
    }

    /// Makes a job whose awaited tile is made and whose siblings were put aside, because somebody waits elsewhere.
    static func putAside(_ board: inout Board, _ x: Int) throws -> Board.Job {
        let submitted = submit(&board, x, member: 1, waiter: x)
        let (job, _) = try #require(submitted)
        let taken = try take(&board)
        #expect(taken === job)
        let form = try next(&board, job)
        _ = board.finish(job, form, .made)
        let other = submit(&board, 1000 + x, member: 1, waiter: 1000 + x)
        let (elsewhere, ticket) = try #require(other)
        let none = board.next(of: job)
        #expect(none == nil)
        let withdrawn = board.withdraw(elsewhere, ticket: ticket)
        #expect(withdrawn == 1000 + x)
        return job
    }

    @Test("a pre-warm that joins siblings put aside is not dropped with them")
    func prewarmJoinsLeftovers() throws {
        var board = Board(limit: 2)
        let job = try Self.putAside(&board, 0)
        let joined = Self.submit(&board, 0, member: nil, waiter: 500, .prewarm)
        #expect(joined != nil)
        for x in 1...4 { _ = try Self.putAside(&board, x) }
        var answered: [Int] = []
        while let next = board.take() {
            while let (form, _) = board.next(of: next) { answered += board.finish(next, form, .made).whole }
            if next === job { break }
        }
        #expect(answered == [500])
    }

    @Test("a pre-warm in progress gives way to whoever waits, and is finished afterwards")
    func prewarmGivesWay() throws {
        var board = Board(limit: 2)
        let submitted = Self.submit(&board, 0, member: nil, waiter: 1, .prewarm)
        let (prewarm, _) = try #require(submitted)
        _ = board.take()
        let first = try Self.next(&board, prewarm)
        _ = board.finish(prewarm, first, .made)
        let awaited = Self.submit(&board, 1, member: 3, waiter: 2)
        let (viewer, _) = try #require(awaited)
        let none = board.next(of: prewarm)
        #expect(none == nil)
        let taken = try Self.take(&board)
        #expect(taken === viewer)
        let form = try Self.next(&board, viewer)
        let answered = board.finish(viewer, form, .made).waiters
        #expect(answered == [2])
        while let (form, _) = board.next(of: viewer) { _ = board.finish(viewer, form, .made) }
        let again = try Self.take(&board)
        #expect(again === prewarm)
        var whole: [Int] = []
        while let (form, _) = board.next(of: prewarm) { whole += board.finish(prewarm, form, .made).whole }
        #expect(whole == [1])
    }

    /// Expects a family's member; whether there is a new job.
    static func expect(_ board: inout Board, _ x: Int, member: Int) -> Bool {
        board.expect(key(x), form: form(member)) { (x, possible) }
    }

    @Test("an expected family is taken when nobody waits, before siblings and before pre-warm work")
    func expectedOrder() throws {
        var board = Board(limit: 8)
        let siblings = try Self.putAside(&board, 0)
        let prewarm = Self.submit(&board, 1, member: nil, waiter: 1, .prewarm)
        #expect(prewarm != nil)
        let isNew = Self.expect(&board, 2, member: 9)
        #expect(isNew)
        let awaited = Self.submit(&board, 3, member: 5, waiter: 2)
        #expect(awaited != nil)
        var order: [Int] = []
        while let job = board.take() {
            order.append(job.payload)
            while let (form, _) = board.next(of: job) { _ = board.finish(job, form, .made) }
        }
        #expect(order == [3, 2, 0, 1])
        #expect(siblings.payload == 0)
        #expect(board.jobCount == 0)
    }

    @Test("of an expected family the expected tile is made first, then its siblings, and none is awaited")
    func expectedTileFirst() throws {
        var board = Board(limit: 8)
        let isNew = Self.expect(&board, 0, member: 9)
        #expect(isNew)
        let job = try Self.take(&board)
        let first = board.next(of: job)
        #expect(first?.form == Self.form(9) && first?.isAwaited == false)
        _ = board.finish(job, Self.form(9), .made)
        var made = 1
        while let (form, isAwaited) = board.next(of: job) {
            #expect(!isAwaited)
            _ = board.finish(job, form, .made)
            made += 1
        }
        #expect(made == 20, "all but the parent, which is stored")
        #expect(board.jobCount == 0)
    }

    @Test("what is expected and there already makes no second job, and nothing is expected of a closed board")
    func expectedTwice() {
        var board = Board(limit: 8)
        let submitted = Self.submit(&board, 0, member: 1, waiter: 1)
        #expect(submitted != nil)
        let isNew = Self.expect(&board, 0, member: 2)
        #expect(!isNew)
        #expect(board.jobCount == 1)
        _ = board.close()
        let isNewWhenClosed = Self.expect(&board, 1, member: 2)
        #expect(!isNewWhenClosed)
        #expect(board.jobCount == 0)
    }

    @Test("who asks for a tile of an expected family moves it in front of all that nobody waits for")
    func expectedPromoted() throws {
        var board = Board(limit: 8)
        for x in 0..<3 {
            let isNew = Self.expect(&board, x, member: 5)
            #expect(isNew)
        }
        let submitted = Self.submit(&board, 2, member: 7, waiter: 1)
        let (job, _) = try #require(submitted)
        let taken = try Self.take(&board)
        #expect(taken === job)
        let next = board.next(of: job)
        #expect(next?.form == Self.form(7) && next?.isAwaited == true)
        let answered = board.finish(job, Self.form(7), .made).waiters
        #expect(answered == [1])
    }

    @Test("work on an expected family gives way to whoever waits elsewhere")
    func expectedGivesWay() throws {
        var board = Board(limit: 8)
        let isNew = Self.expect(&board, 0, member: 5)
        #expect(isNew)
        let ahead = try Self.take(&board)
        let form = try Self.next(&board, ahead)
        let submitted = Self.submit(&board, 1, member: 1, waiter: 1)
        #expect(submitted != nil)
        _ = board.finish(ahead, form, .made)
        let none = board.next(of: ahead)
        #expect(none == nil)
        let taken = try Self.take(&board)
        #expect(taken.payload == 1)
    }

    @Test("of too many expected families the oldest are dropped and counted, and they can be expected again")
    func expectedDropped() {
        var board = Board(limit: 2)
        for x in 0..<5 {
            let isNew = Self.expect(&board, x, member: 5)
            #expect(isNew)
        }
        #expect(board.counts.expectedDropped == 3)
        #expect(board.counts.siblingsDropped == 0)
        #expect(board.jobCount == 2)
        let isNewAgain = Self.expect(&board, 0, member: 5)
        #expect(isNewAgain)
    }

    @Test("a job that is only expected may be given up by who takes it, but not what is asked for meanwhile")
    func undecided() throws {
        var board = Board(limit: 8)
        for x in 0..<2 {
            let isNew = Self.expect(&board, x, member: 5)
            #expect(isNew)
        }
        let first = try Self.take(&board)
        #expect(board.isUndecided(first))
        // Nobody assists before it is decided; the next worker takes the other one.
        let second = try Self.take(&board)
        let third = board.take()
        #expect(second.key != first.key && third == nil)
        board.decide(first, isMade: false)
        let nothing = board.next(of: first)
        #expect(nothing == nil && board.jobCount == 1 && board.counts.expectedDropped == 1)
        let submitted = Self.submit(&board, 1, member: 7, waiter: 9)
        #expect(submitted != nil)
        board.decide(second, isMade: false)
        let form = try Self.next(&board, second)
        #expect(form == Self.form(7))
        let answered = board.finish(second, form, .made)
        #expect(answered.waiters == [9])
        // An awaited job is decided.
        _ = Self.submit(&board, 2, member: 3, waiter: 1)
        let awaited = try Self.take(&board)
        #expect(!board.isUndecided(awaited))
    }

    @Test("what was put aside is decided anew: expected where it was not begun, else the rest of a family")
    func decidedAnew() throws {
        var board = Board(limit: 8)
        for isBegun in [false, true] {
            let isNew = Self.expect(&board, 0, member: 5)
            #expect(isNew)
            let expected = try Self.take(&board)
            board.decide(expected, isMade: true)
            if isBegun {
                board.begin(expected)
                let form = try Self.next(&board, expected)
                _ = board.finish(expected, form, .made)
            }
            // Somebody asks for another family: this one is put aside.
            _ = Self.submit(&board, 1, member: 3, waiter: 1)
            let interrupted = board.next(of: expected)
            #expect(interrupted == nil && board.jobCount == 2)
            let awaited = try Self.take(&board)
            #expect(awaited !== expected && !board.isUndecided(awaited))
            while let (form, _) = board.next(of: awaited) { _ = board.finish(awaited, form, .made) }
            let again = try Self.take(&board)
            #expect(again === expected && board.isUndecided(again))
            let before = board.counts
            board.decide(again, isMade: false)
            let nothing = board.next(of: again)
            #expect(nothing == nil && board.jobCount == 0)
            #expect(board.counts.expectedDropped == before.expectedDropped + (isBegun ? 0 : 1))
            #expect(board.counts.siblingsDropped == before.siblingsDropped + (isBegun ? 19 : 0))
        }
    }

    @Test("what nobody waits for may be left where it is, and nothing else")
    func leftAlone() throws {
        var board = Board(limit: 8)
        let isNew = Self.expect(&board, 0, member: 5)
        #expect(isNew)
        let none = board.take(leavingNobodys: true)
        #expect(none == nil && board.hasWork)
        _ = Self.submit(&board, 1, member: nil, waiter: 1, .prewarm)
        _ = Self.submit(&board, 2, member: 3, waiter: 2)
        let first = board.take(leavingNobodys: true)
        let second = board.take(leavingNobodys: true)
        #expect(first?.key == Self.key(2) && second?.key == Self.key(1))
        let expected = board.take()
        #expect(expected?.key == Self.key(0))
    }

    @Test("a client of an expected family that goes away takes the job with it")
    func expectedAbandoned() throws {
        var board = Board(limit: 8)
        let isNew = Self.expect(&board, 0, member: 5)
        #expect(isNew)
        let submitted = Self.submit(&board, 0, member: 6, waiter: 1)
        let (job, ticket) = try #require(submitted)
        _ = board.withdraw(job, ticket: ticket)
        #expect(board.jobCount == 0)
        let taken = board.take()
        #expect(taken == nil)
    }

    @Test("over random histories every accepted waiter is handed back exactly once")
    func randomHistories() throws {
        let seed = Seed.ofThisRun
        print("render board histories: \(seed)")
        for stream in 0..<200 {
            var random = seed.generator(stream: stream)
            var board = Board(limit: 4)
            var open: [Int: (job: Board.Job, ticket: UInt64)] = [:]
            var working: [(job: Board.Job, form: MemberForm?)] = []
            var next = 0
            func answered(_ waiters: [Int]) {
                for waiter in waiters {
                    #expect(open.removeValue(forKey: waiter) != nil, "\(seed), history \(stream): \(waiter) twice")
                }
            }
            for _ in 0..<400 {
                switch Int.random(in: 0..<11, using: &random) {
                case 10:
                    let member = Int.random(in: 1..<21, using: &random)
                    _ = Self.expect(&board, Int.random(in: 0..<6, using: &random), member: member)
                case 0..<4:
                    let whole = Int.random(in: 0..<5, using: &random) == 0
                    let submitted = Self.submit(
                        &board,
                        Int.random(in: 0..<6, using: &random),
                        member: whole ? nil : Int.random(in: 1..<21, using: &random),
                        waiter: next,
                        whole ? .prewarm : .awaited
                    )
                    if let submitted { open[next] = submitted }
                    next += 1
                case 4:
                    if let (waiter, entry) = open.randomElement(using: &random) {
                        let withdrawn = board.withdraw(entry.job, ticket: entry.ticket)
                        #expect(withdrawn == waiter, "\(seed), history \(stream)")
                        open[waiter] = nil
                    }
                case 5:
                    if working.count < 3, let job = board.take() { working.append((job, nil)) }
                default:
                    guard let index = working.indices.randomElement(using: &random) else { continue }
                    if let form = working[index].form {
                        let (waiters, whole, _) = board.finish(working[index].job, form, .made)
                        answered(waiters + whole)
                        working[index].form = nil
                    } else if let (form, _) = board.next(of: working[index].job) {
                        working[index].form = form
                    } else {
                        working.remove(at: index)
                    }
                }
            }
            answered(board.close())
            #expect(open.isEmpty, "\(seed), history \(stream): \(open.count) waiters were never answered")
        }
    }
}
