// SPDX-License-Identifier: Apache-2.0

package import LockFree
package import Telemetry
package import TileCache
package import TileModel
import TileSources

/// The miss path: turns requests for tiles that are not in memory into jobs, one for each family however many ask,
/// and runs them on a pool of niced workers.
///
/// Thread rule: everything may be called from any thread; nothing waits for a render. Reactors ask and are told later,
/// through their `TileReceiver`. All shared state is one `RenderBoard` behind one lock, held for fractions of a
/// microsecond; a hit never comes here.
package final class TilePipeline: Sendable {
    typealias Board = RenderBoard<JobPayload, PipelineWaiter>

    /// How the pipeline is sized.
    package struct Configuration: Sendable {
        /// Rendering threads.
        package var workers: Int
        /// Jobs of one priority that may wait; more are refused.
        package var queueLimit: Int
        /// The niceness of workers: hits keep the cores.
        package var nice: Int
        /// Whether idle workers make ready what will probably be asked for.
        package var looksAhead = true
        /// Stored tiles of at least so many bytes are sent from their file and not kept in memory, whose blocks for such
        /// sizes are made one by one; smaller ones of an archive when they are asked for the first time. Nil: none are.
        package var sentFromFileBytes: Int? = 256 << 10
        /// Told by a worker that a tileset's file is not the one any more that was opened.
        package var sourceChanged: @Sendable (OpenTileset) -> Void = { _ in }

        package init(workers: Int, queueLimit: Int = 512, nice: Int = 10) {
            precondition(workers > 0 && queueLimit > 0, "a pipeline of \(workers) workers and \(queueLimit) jobs")
            self.workers = workers
            self.queueLimit = queueLimit
            self.nice = nice
        }
    }

    let board: ConditionLock<BoardState>
    let cache: TileCache
    let metrics: PipelineMetrics
    let logger: Logger
    /// Nil where it is switched off.
    let lookAhead: LookAhead?
    /// The tiers that are asked before anything is rendered; nil where there are none.
    let tiers: TierStack?
    private let configuration: Configuration
    private let threads = Lock<[OSThread]>([])
    /// Which tiles of archives were asked for lately: the second time they go into memory.
    private let askedBefore: SeenBefore?

    /// How many it remembers, in 2 MiB: as many as a large memory holds.
    private static let rememberedTiles = 1 << 19

    /// What the lock guards.
    struct BoardState: Sendable {
        var board: Board
        var isStopping = false
    }

    package init(
        configuration: Configuration,
        cache: TileCache,
        tiers: TierStack? = nil,
        metrics: MetricsRegistry,
        logger: Logger
    ) {
        self.configuration = configuration
        askedBefore =
            configuration.sentFromFileBytes == nil ? nil : SeenBefore(keysPerGeneration: Self.rememberedTiles)
        self.tiers = tiers
        self.cache = cache
        self.logger = logger
        let lookAhead = configuration.looksAhead ? LookAhead() : nil
        self.lookAhead = lookAhead
        let board = ConditionLock(BoardState(board: Board(limit: configuration.queueLimit)))
        self.board = board
        self.metrics = PipelineMetrics(registry: metrics, lookAhead: lookAhead) {
            board.withLock { ($0.board.counts, $0.board.queueDepth) }
        }
    }

    /// From how many bytes on a stored tile is sent from its file; nil where it is to be read.
    ///
    /// - Parameter isAwaited: whether somebody waits for this very tile; one that is made ready is to be in memory.
    func sentFromFileBytes(of key: TileKey, in tileset: OpenTileset, isAwaited: Bool) -> Int? {
        guard let askedBefore, isAwaited, tileset.source.isArchive else { return configuration.sentFromFileBytes }
        return askedBefore.witness(key.mixed) ? configuration.sentFromFileBytes : 1
    }

    func sourceChanged(_ tileset: OpenTileset) { configuration.sourceChanged(tileset) }

    /// Starts the workers. Throws where the system refuses a thread; those already started are stopped then.
    package func start() throws(ThreadError) {
        do {
            try tiers?.start(self)
        } catch {
            stop()
            throw error
        }
        for index in 0..<configuration.workers {
            let thread: OSThread
            do {
                thread = try OSThread(name: "worker-\(index)", nice: configuration.nice, stackBytes: 4 << 20) {
                    [self] in
                    RenderWorker(pipeline: self).run()
                }
            } catch {
                stop()
                throw error
            }
            threads.withLock { $0.append(thread) }
        }
    }

    /// Tells all who wait that the pipeline stops, and waits for the workers to end, each after the tile it is at.
    package func stop() {
        let waiters = board.withLock { state in
            state.isStopping = true
            return state.board.close()
        }
        board.broadcast()
        let fetching = tiers?.stop() ?? []
        for waiter in waiters + fetching.map(\.waiter) { waiter.receiver.receive(.stopped, for: waiter.ticket) }
        let threads = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in threads { thread.join() }
        tiers?.stopWriting()
    }

    // MARK: Asking

    /// A request that was accepted and not yet answered.
    package struct Pending: Sendable {
        /// Nil where it waits for the tiers, or did.
        let job: Board.Job?
        let fetch: FetchWaiter?
        let ticket: UInt64

        init(job: Board.Job, ticket: UInt64) {
            self.job = job
            self.ticket = ticket
            fetch = nil
        }

        init(fetch: FetchWaiter, ticket: UInt64) {
            self.fetch = fetch
            self.ticket = ticket
            job = nil
        }
    }

    /// What became of a request.
    package enum Submission: Sendable {
        /// The receiver will be told.
        case pending(Pending)
        /// The tile came into memory in the meantime: look it up again.
        case inMemory
        /// Too many jobs wait: 503, and try again in a while.
        case overloaded
        /// The pipeline is shutting down.
        case stopped
    }

    /// Asks for a tile that a look-up by the same participant did not find. `ticket` comes back to the receiver.
    package func submit(
        _ request: TileRequest,
        receiver: any TileReceiver,
        ticket: UInt64,
        by participant: CacheParticipant
    ) -> Submission {
        let tile = request.key.tile
        let payload = JobPayload(request)
        let key = payload.key
        // Before the job is there: a worker that is idle afterwards knows how long to wait for a viewer's rest.
        let isLed = request.scope.isTile && request.isOfViewer && payload.derived == nil
        let expected = isLed ? lookAhead?.see(tile, of: request.tileset) ?? [] : []
        let form = MemberForm(member: payload.family?.member(at: tile) ?? 0, isPadded: request.key.isPadded)
        let waiter = PipelineWaiter(receiver: receiver, ticket: ticket, form: form)
        if let pending = submitToTiers(request, payload, waiter) {
            expect(expected, as: request.format, by: participant)
            return .pending(pending)
        }
        let submission: Submission = board.withLock { state in
            // A job may have ended between the look-up and now; its tiles were in memory before it did.
            if request.scope.isTile, cache.contains(request.key, by: participant) { return .inMemory }
            let submission = state.board.submit(
                key,
                form: request.scope.isTile ? form : nil,
                priority: request.scope.isTile ? .awaited : .prewarm,
                waiter: waiter
            ) { (payload, payload.possibleForms) }
            switch submission {
            case .accepted(let job, let ticket): return .pending(Pending(job: job, ticket: ticket))
            case .refused: return .overloaded
            case .closed: return .stopped
            }
        }
        if case .pending = submission {
            board.signal()
            // A family is work for two from the start.
            if !request.scope.isTile { board.signal() }
        }
        expect(expected, as: request.format, by: participant)
        return submission
    }

    // MARK: Looking ahead

    /// Somebody has used a tile that was made before anybody asked for it: what the look-ahead must know to follow a
    /// viewer through what it made ready. Constant time but for what is expected now; never waits.
    package func noteFirstUse(of key: TileKey, in tileset: OpenTileset, by participant: CacheParticipant) {
        guard let lookAhead, tileset.derivedVariant(of: key) == nil else { return }
        expect(lookAhead.see(key.tile, of: tileset), as: key.format ?? tileset.format, by: participant)
    }

    /// Gives idle workers families that will probably be asked for, except those that are in memory. `format` nil: as
    /// what their tilesets are.
    func expect(_ suggestions: [LookAhead.Suggestion], as format: TileFormat?, by participant: CacheParticipant) {
        for suggestion in suggestions {
            let (tileset, family) = (suggestion.tileset, suggestion.family)
            let format = format ?? tileset.format
            let tile = family.coordinate(ofMember: suggestion.form.member)
            guard let key = tileset.key(of: tile, format: format, padded: false),
                !cache.contains(key, by: participant),
                // What lies on disk is near enough.
                !(tiers?.hasOnDisk(TierKey(key, of: tileset.edition)) ?? false)
            else { continue }
            let payload = JobPayload(family, of: tileset, as: format)
            let isNew = board.withLock { state in
                state.board.expect(payload.key, form: suggestion.form) { (payload, payload.possibleForms) }
            }
            if isNew { board.signal() }
        }
    }

    /// The client is gone: its receiver is not told any more, and work that nobody else waits for is not begun.
    ///
    /// The receiver may be told all the same where that was already under way.
    package func withdraw(_ pending: Pending) {
        if let fetch = pending.fetch { return withdraw(fetch, pending.ticket) }
        if let job = pending.job { _ = board.withLock { $0.board.withdraw(job, ticket: pending.ticket) } }
    }
}

/// Who waits, and what to call it.
struct PipelineWaiter: Sendable {
    let receiver: any TileReceiver
    let ticket: UInt64
    /// The tile to answer with, also where the whole family is waited for.
    let form: MemberForm
    /// The fleet's claim under which it is rendered.
    var claim: FamilyClaim?
}

/// What a worker needs to know of a job.
struct JobPayload: Sendable {
    let tileset: OpenTileset
    /// Nil where the job is one stored tile.
    let family: Family?
    /// Whether the family is rendered; else it is a group of stored tiles, which are read one by one.
    let isRendered: Bool
    /// The family's parent, or the stored tile.
    let tile: TileCoordinate
    /// The one form that the job makes, where that is neither stored nor rendered.
    let derived: TileVariant?
    /// What tiles are made as: the tileset's own format, or another one.
    let format: TileFormat
    /// How many levels of stored tiles a group spans, else 1.
    private let levels: Int

    /// What a request makes necessary.
    init(_ request: TileRequest) {
        let tile = request.key.tile
        let source = request.tileset.source
        tileset = request.tileset
        format = request.format
        derived = tileset.derivedVariant(of: request.key)
        if derived != nil {
            family = nil
            isRendered = false
            levels = 1
            self.tile = tile
            return
        }
        // A family's parent is stored: it is rendered with its family only where the whole of it is asked for.
        if let family = source.family(for: tile), family.parent != tile || !request.scope.isTile {
            self.family = family
            isRendered = true
            levels = 1
            self.tile = family.parent
            return
        }
        isRendered = false
        self.tile = tile
        guard case .family(let wanted) = request.scope else {
            levels = 1
            family = nil
            return
        }
        // A group ends where the pyramid does, and above what is rendered.
        let pyramid = request.tileset.pyramid
        let isStored = { (depth: Int) in
            let below = TileCoordinate(level: tile.level + depth, x: tile.x << depth, y: tile.y << depth)
            return below.level <= pyramid.maxLevel && source.family(for: below) == nil
        }
        let count = (1..<max(wanted, 1)).first { !isStored($0) } ?? wanted
        levels = count
        family = count > 1 ? Family(parent: tile, levels: count, in: pyramid) : nil
    }

    /// A rendered family.
    init(_ family: Family, of tileset: OpenTileset, as format: TileFormat) {
        self.tileset = tileset
        self.family = family
        isRendered = true
        tile = family.parent
        self.format = format
        derived = nil
        levels = 1
    }

    /// The name of the job.
    var key: JobKey {
        JobKey(
            ordinal: tileset.ordinal,
            tile: tile,
            isFamily: isRendered,
            levels: levels,
            format: format,
            derived: derived?.bits ?? 0
        )
    }

    /// The place of a member, which for a stored tile is its only one.
    func coordinate(of form: MemberForm) -> TileCoordinate { family?.coordinate(ofMember: form.member) ?? tile }

    /// Each member as stored, and padded where that is something else.
    var possibleForms: MemberForms {
        if let derived { return MemberForms([MemberForm(member: 0, isPadded: derived.isPadded)]) }
        let pyramid = tileset.pyramid
        var forms = MemberForms()
        for member in family?.members ?? [0] {
            forms.insert(MemberForm(member: member, isPadded: false))
            let tile = coordinate(of: MemberForm(member: member, isPadded: false))
            if pyramid.overlap > 0 || pyramid.isPartial(tile) {
                forms.insert(MemberForm(member: member, isPadded: true))
            }
        }
        return forms
    }
}
