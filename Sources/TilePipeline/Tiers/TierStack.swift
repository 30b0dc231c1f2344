// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization
package import Telemetry
package import TileCache
package import TileModel
import TileSources

/// How the tiers behind memory are used.
package struct TierConfiguration: Sendable {
    /// Which tiles are written to them.
    package enum Admission: String, Sendable, CaseIterable {
        /// All that is rendered, a family at a time.
        case families
        /// Only tiles that are asked for again.
        case secondRequest = "second-request"
    }

    package var admission = Admission.families
    /// Threads that ask the tiers.
    package var threads = 4
    /// How long somebody waits for them in all, before his tile is rendered.
    package var patience = Duration.milliseconds(30)
    /// How long a family is waited for that another server of the fleet renders.
    package var fleetPatience = Duration.seconds(2)
    /// Bytes of finished tiles that may wait to be written to each tier.
    package var waitingBytes = 64 << 20
    /// How long tiles wait for the rest of their family before they are written to disk.
    package var diskDelay = Duration.seconds(1)
    /// The same for the shared tier, where other servers may be waiting.
    package var sharedDelay = Duration.milliseconds(20)
    /// How many different tiles the rule of the second request remembers.
    package var rememberedTiles = 1 << 20

    package init() {}
}

/// The tiers behind memory, the fastest first, and the threads that ask them and write to them.
///
/// A miss goes this way where a tier may have the tile: the reactor puts it on the `FetchBoard`; an I/O thread asks the disk,
/// then the shared tier for what is left; what is found goes into memory, into the faster tiers, and to who waits; the rest is
/// rendered. Nobody waits longer than `patience` for a tier: his tile is rendered then, and what the tier gives later goes
/// into memory all the same. A tier that is late several times in a row is left alone for a while (`CircuitBreaker`).
/// What is rendered is written behind.
///
/// Thread rule: everything may be called from any thread; nothing but `start` and `stop` waits.
package final class TierStack: Sendable {
    typealias Board = FetchBoard<JobPayload, FetchWaiter>

    /// One tier, and what goes with it.
    struct Level: Sendable {
        let tier: any Tier
        /// Opens where the tier is late; the shared tier has its own for what fails.
        let pace: CircuitBreaker
        let writer: WriteBehind
        let getSeconds: Histogram
        let deleteSeconds: Histogram
    }

    let configuration: TierConfiguration
    let levels: [Level]
    let board: ConditionLock<Board>
    let cache: TileCache
    let logger: Logger
    private let claims = FamilyClaims()
    private let seen: SeenBefore?
    private let threads = Lock<[OSThread]>([])
    private let isStopping = Lock(false)
    /// Held while tiles of the last run go from a tier to memory, or from memory to a tier, a family at a time.
    let restoring = Lock(())
    /// When somebody was last seen to wait for a tile.
    private let lastAwaited = Atomic<Int>(0)
    /// Whether there is something to watch the time of.
    private let clock = ConditionLock(false)

    /// - Parameter tiers: the fastest first.
    package init(
        _ tiers: [any Tier],
        configuration: TierConfiguration = TierConfiguration(),
        cache: TileCache,
        metrics: MetricsRegistry,
        logger: Logger
    ) {
        self.configuration = configuration
        self.cache = cache
        self.logger = logger
        levels = tiers.map { tier in
            let label = tier.kind.label.description
            let histogram = { (operation: String) in
                metrics.histogram(
                    "orizuru_tier_seconds",
                    help: "Time of one call to a tier, for all tiles in it.",
                    labels: ["tier": label, "operation": operation]
                )
            }
            var limits = WriteQueue.Limits()
            limits.waitingBytes = configuration.waitingBytes
            let delay = tier.kind == .disk ? configuration.diskDelay : configuration.sharedDelay
            limits.delay = delay.wholeNanoseconds
            var rules = BreakerRules()
            rules.failuresInARow = 3
            rules.longestBackoff = .seconds(5)
            let report = BreakerReport(tier: "\(label)-pace", metrics: metrics, logger: logger)
            let pace = report.breaker(for: "the time of its calls", rules: rules)
            report.registerPosition { [pace.position] }
            return Level(
                tier: tier,
                pace: pace,
                writer: WriteBehind(to: tier, limits: limits, metrics: metrics, seconds: histogram("insert")),
                getSeconds: histogram("get"),
                deleteSeconds: histogram("delete")
            )
        }
        seen =
            configuration.admission == .secondRequest
            ? SeenBefore(keysPerGeneration: configuration.rememberedTiles) : nil
        let board = ConditionLock(Board(limit: 1024, patience: configuration.patience.wholeNanoseconds))
        self.board = board
        metrics.gauge("orizuru_tier_fetches", help: "Calls to the tiers that wait or are under way.") {
            Double(board.withLock { $0.count })
        }
        metrics.counter(
            "orizuru_tier_expired_total",
            help: "Requests that were sent on to be rendered because a tier was late."
        ) { Double(board.withLock { $0.expired }) }
    }

    /// Whether there is any tier.
    package var isEmpty: Bool { levels.isEmpty }

    /// Starts the threads. `pipeline` renders what is not found.
    func start(_ pipeline: TilePipeline) throws(ThreadError) {
        guard !levels.isEmpty else { return }
        for level in levels { try level.writer.start() }
        for number in 0..<configuration.threads {
            let thread = try OSThread(name: "tier-\(number)") { FetchWorker(self, pipeline).run() }
            threads.withLock { $0.append(thread) }
        }
        let watch = try OSThread(name: "tier-clock") { [self] in watchTime(pipeline) }
        threads.withLock { $0.append(watch) }
    }

    /// Hands back all who wait, writes what is left for a short time, and ends the threads. The tiers stay open.
    func stop() -> [FetchWaiter] {
        isStopping.withLock { $0 = true }
        let waiters = board.withLock { $0.close() }
        board.broadcast()
        wakeClock()
        let threads = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in threads { thread.join() }
        return waiters
    }

    /// Writes what waits to be written, for at most half a second for each tier: after the last render.
    func stopWriting() {
        for level in levels { level.writer.stop(within: .milliseconds(500)) }
    }

    var isEnding: Bool { isStopping.withLock { $0 } }

    // MARK: Asking

    /// Whether a tier may have the tile, so that it is worth the way over an I/O thread. Never waits.
    func mayHave(_ key: TierKey) -> Bool { levels.contains { $0.tier.isAvailable && $0.tier.mayHave(key) } }

    /// Whether the disk has the tile: then nobody need make it ready, it is nearly as near as memory. Never waits.
    func hasOnDisk(_ key: TierKey) -> Bool {
        levels.contains { $0.tier.kind == .disk && $0.tier.isAvailable && $0.tier.mayHave(key) }
    }

    /// Asks for a form of a family, or with `form` nil for all of it. False where too much waits: it is rendered.
    func submit(
        _ key: JobKey,
        _ form: MemberForm?,
        _ waiter: FetchWaiter,
        payload: @autoclosure () -> JobPayload
    ) -> UInt64? {
        let now = MonotonicClock.nanoseconds
        lastAwaited.store(now, ordering: .relaxed)
        let (ticket, isFirst) = board.withLock { board in
            let isFirst = board.count == 0
            return (board.submit(key, form: form, waiter: waiter, now: now, payload: payload), isFirst)
        }
        if ticket != nil {
            board.signal()
            if isFirst { wakeClock() }
        }
        return ticket
    }

    /// What a tier has of a family's tiles; nil where it is not asked: it cannot have them, or is left alone. Blocks.
    func ask(
        _ level: Level,
        _ keys: [TierKey],
        of family: TierFamilyKey,
        into buffer: TierBuffer
    ) -> [TierAnswer]? {
        guard level.tier.isAvailable, keys.contains(where: level.tier.mayHave) else { return nil }
        let admission = level.pace.admit()
        guard admission != .refused else { return nil }
        let start = MonotonicClock.nanoseconds
        let answers = level.tier.get(keys, of: family, into: buffer)
        let duration = MonotonicClock.nanoseconds - start
        level.getSeconds.observe(nanoseconds: duration)
        level.pace.record(success: duration < configuration.patience.wholeNanoseconds, of: admission)
        return answers
    }

    func wakeClock() {
        clock.withLock { $0 = true }
        clock.signal()
    }

    /// Sends on who has waited too long, and wakes who may go on.
    private func watchTime(_ pipeline: TilePipeline) {
        while !isEnding {
            let now = MonotonicClock.nanoseconds
            let (moment, isEmpty) = board.withLock { ($0.look(now: now), $0.count == 0) }
            for (job, form, waiter) in moment.late { pipeline.renderAfterFetch(job.payload, form, waiter) }
            if moment.isDue { board.broadcast() }
            // Nothing that comes meanwhile is late before half of the patience is over.
            let longest = isEmpty ? 3_600_000_000_000 : configuration.patience.wholeNanoseconds / 2
            let delay = moment.next.map { min(max($0 - MonotonicClock.nanoseconds, 200_000), longest) } ?? longest
            _ = clock.wait(forAtMost: .nanoseconds(delay)) { isAwake -> Bool? in
                defer { isAwake = false }
                return isAwake ? true : nil
            }
        }
    }

    // MARK: Writing

    /// Whether a tile that was just rendered is kept. `isAwaited`: somebody asked for it.
    func admits(_ key: TierKey, isAwaited: Bool) -> Bool {
        guard !levels.isEmpty else { return false }
        guard let seen else { return true }
        return isAwaited && seen.witness(key.mixed)
    }

    /// Hands rendered tiles of a family to every tier. The fleet's claim, where there is one, is held until they are there.
    func keep(_ write: TierWrite, under claim: FamilyClaim?) {
        for level in levels { level.writer.submit(write, under: level.tier is any FleetTier ? claim : nil) }
    }

    /// Hands tiles that one tier had to the faster ones, and where the disk had them, to the slower ones as well: another
    /// server may need them.
    func spread(_ write: TierWrite, from kind: TileTier) {
        for level in levels where level.tier.kind != kind { level.writer.submit(write) }
    }

    /// Hands tiles that are asked for again and again to the disk.
    func keepHot(_ write: TierWrite) {
        for level in levels where level.tier.kind == .disk { level.writer.submit(write) }
    }

    /// Before tiles of an edition are deleted: from now on nothing of it is written that is made of what was read before.
    /// Blocks on the writes under way.
    func beginPurge(of edition: TileEdition) {
        let now = MonotonicClock.nanoseconds
        for level in levels { level.writer.forget(edition, before: now) }
    }

    /// Waits for the family that a restart brings back just now; see `WarmRestart`.
    func waitForRestore() { restoring.withLock { _ in } }

    /// Forgets tiles in every tier. Blocks.
    package func delete(_ keys: [TierKey], of family: TierFamilyKey) -> Bool {
        var isDone = true
        for level in levels {
            let start = MonotonicClock.nanoseconds
            if !level.tier.delete(keys, of: family) { isDone = false }
            level.deleteSeconds.observe(nanoseconds: MonotonicClock.nanoseconds - start)
        }
        return isDone
    }

    // MARK: The fleet

    /// How long nobody must have waited for a tile before a server of a fleet begins what nobody waits for.
    static let restTime = Duration.milliseconds(50)

    /// Whether what nobody waits for has to rest: somebody waits for a tile, or did a moment ago. In a fleet alone: a family that
    /// is begun between two requests is put aside half made, its claim with it, and another server begins it as well.
    ///
    /// - Parameter isRenderAwaited: whether somebody waits for a render.
    func isResting(isRenderAwaited: Bool) -> Bool {
        // Alone, or with a tier that cannot be asked, nobody else would begin it.
        guard fleetLevel != nil else { return false }
        let now = MonotonicClock.nanoseconds
        if isRenderAwaited || board.withLock({ $0.isAwaited }) { lastAwaited.store(now, ordering: .relaxed) }
        return now - lastAwaited.load(ordering: .relaxed) < Self.restTime.wholeNanoseconds
    }

    /// Whether this server is one of a fleet.
    var hasFleet: Bool { levels.contains { $0.tier is any FleetTier } }

    /// The claim of a family that this server holds.
    func claim(of family: TierFamilyKey) -> FamilyClaim? { hasFleet ? claims.claim(of: family) : nil }

    /// The tier that a fleet shares, where it can be told and asked.
    var fleetLevel: Level? {
        levels.first { $0.tier is any FleetTier && $0.tier.isAvailable && $0.pace.position == .closed }
    }

    /// Announces that this server renders a family, where there is a fleet and it has not said so already; then looks for tiles
    /// of it that have come meanwhile. `answers` is empty where nobody was asked. Blocks.
    func announce(
        _ family: TierFamilyKey,
        lookingFor keys: [TierKey],
        into buffer: TierBuffer
    ) -> (announcement: Announcement, answers: [TierAnswer], level: Level?) {
        for level in levels {
            // One that is late is not waited for a second time.
            guard let fleet = level.tier as? any FleetTier, fleet.isAvailable, level.pace.position == .closed else {
                continue
            }
            if let claim = claims.claim(of: family) { return (.granted(claim), [], nil) }
            let (claim, answers) = fleet.claim(family, lookingFor: keys, into: buffer)
            switch claim {
            case .elsewhere: return (.elsewhere, answers, level)
            case .granted:
                return (.granted(claims.hold(family, release: level.writer.release)), answers, level)
            }
        }
        return (.granted(nil), [], nil)
    }
}

/// Who waits for a tier, and is then answered or waits for the render.
final class FetchWaiter: Sendable {
    let waiter: PipelineWaiter
    let scope: TileRequest.Scope
    /// Where he is waiting now.
    let place: Lock<Place>

    enum Place: Sendable {
        case fetching
        case rendering(TilePipeline.Board.Job, UInt64)
        /// Answered, or withdrawn.
        case gone
    }

    init(_ waiter: PipelineWaiter, _ scope: TileRequest.Scope) {
        self.waiter = waiter
        self.scope = scope
        place = Lock(.fetching)
    }
}

extension Duration {
    /// Whole nanoseconds, at most a year.
    var wholeNanoseconds: Int {
        let (seconds, attoseconds) = min(max(self, .zero), .seconds(31_536_000)).components
        return Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    }
}
