// SPDX-License-Identifier: Apache-2.0

import CPlatform
import FamilyRendering
import ImageCodecs
import LockFree
import Telemetry
import TileCache
import TileModel
import TileSources

/// One rendering thread: takes jobs from the board and makes their tiles, the awaited ones first.
///
/// All scratch memory (decoded planes, codec handles, the bytes of a family) is the worker's own, kept from job to
/// job and freed with it. Runs on its thread alone.
final class RenderWorker {
    let pipeline: TilePipeline
    let participant: CacheParticipant
    let material = FamilyMaterial()
    let stored = TileBuffer()
    let derived = DerivedTile()
    let storedForm = StoredTileForm()
    var renderers: [ReconstructionParameters: FamilyRenderer] = [:]
    private var headerBlock: [UInt8] = []
    /// Why the tile that is being made comes into memory.
    var arrival = TileArrival.speculative
    /// When the job under way was taken.
    var begun = 0
    /// What was rendered of the family under way, for the tiers behind memory.
    var kept: TierWrite?
    /// The fleet's claim of the family under way; nil where nobody had to be told.
    var claim: FamilyClaim?
    let tierBuffer = TierBuffer()
    var inserter: MemoryInserter

    init(pipeline: TilePipeline) {
        self.pipeline = pipeline
        participant = pipeline.cache.makeParticipant()
        inserter = MemoryInserter(cache: pipeline.cache, participant: participant)
        headerBlock.reserveCapacity(1024)
    }

    /// Works until the pipeline stops.
    func run() {
        while let (job, isUndecided) = nextJob() { work(at: job, isUndecided: isUndecided) }
    }

    /// What a worker that looks for work finds.
    private enum Next {
        case job(TilePipeline.Board.Job, isUndecided: Bool, isMore: Bool)
        /// Only what nobody waits for, and it is not its time.
        case resting
        case end
    }

    private func nextJob() -> (job: TilePipeline.Board.Job, isUndecided: Bool)? {
        var isResting = false
        while true {
            // Far in the future where no viewer can be expected to rest.
            let limit = isResting ? TierStack.restTime : pipeline.lookAhead?.timeToRest ?? .seconds(86_400)
            let found = pipeline.board.wait(forAtMost: limit) { [isResting] state -> Next? in
                if state.isStopping { return .end }
                let leaving = pipeline.tiers?.isResting(isRenderAwaited: state.board.isAwaited) ?? false
                if let job = state.board.take(leavingNobodys: leaving) {
                    return .job(job, isUndecided: state.board.isUndecided(job), isMore: state.board.hasWork)
                }
                return leaving && !isResting && state.board.hasWork ? .resting : nil
            }
            switch found {
            case .end: return nil
            case .resting: isResting = true
            case .job(let job, let isUndecided, let isMore):
                // Whoever asked woke one worker; a family has work for more.
                if isMore { pipeline.board.signal() }
                return (job, isUndecided)
            case nil where isResting: isResting = false
            // Nobody wants anything: time for what viewers at rest will probably want.
            case nil: pipeline.expect(pipeline.lookAhead?.rest() ?? [], as: nil, by: participant)
            }
        }
    }

    // MARK: One job

    /// What this worker holds of the job that it is at.
    enum Loaded {
        case nothing
        case family(FamilyRenderer)
        /// The family's parts could not be read as a whole; single tiles may still be stored as such.
        case unreadable
    }

    private func work(at job: TilePipeline.Board.Job, isUndecided: Bool) {
        var loaded = Loaded.nothing
        begun = MonotonicClock.nanoseconds
        // Of two workers at one family each holds its claim until what it made is written.
        claim = pipeline.tiers?.claim(
            of: TierFamilyKey(edition: job.payload.tileset.edition, parent: job.payload.tile)
        )
        if isUndecided {
            let isMade = !isElsewhere(job)
            let isMore = pipeline.board.withLock { state in
                state.board.decide(job, isMade: isMade)
                return state.board.hasWork
            }
            if isMore { pipeline.board.signal() }
        }
        var last: MemberForm?
        while let (form, isAwaited) = pipeline.board.withLock({ [last] in $0.board.next(of: job, after: last) }) {
            last = form
            arrival = isAwaited ? .requested : .speculative
            let outcome = make(form, of: job, &loaded)
            finish(job, form, outcome, &loaded)
        }
        handOver()
    }

    private func finish(
        _ job: TilePipeline.Board.Job,
        _ form: MemberForm,
        _ outcome: TileOutcome,
        _ loaded: inout Loaded
    ) {
        let formResult: TilePipeline.Board.FormResult =
            switch outcome {
            case .tile(_, .render), .file(_, .render): .made
            case .tile, .file: .found
            case .missing: .missing
            case .failed, .changing, .overloaded, .stopped: .failed
            }
        let (waiters, whole, result) = pipeline.board.withLock { $0.board.finish(job, form, formResult) }
        for waiter in waiters {
            if let claim = waiter.claim { self.claim = claim }
            waiter.receiver.receive(outcome.retained(), for: waiter.ticket)
        }
        outcome.release()
        // Other servers may be waiting for what was asked for here; the siblings follow.
        if !waiters.isEmpty, let claim, let kept {
            pipeline.tiers?.keep(kept, under: claim)
            self.kept = nil
        }
        for waiter in whole {
            waiter.receiver.receive(answer(waiter.form, of: job, result, &loaded), for: waiter.ticket)
        }
    }

    /// What somebody who waited for the whole family is answered with: the tile whose URL they asked for. It is in
    /// memory, unless memory is too small for a family.
    private func answer(
        _ form: MemberForm,
        of job: TilePipeline.Board.Job,
        _ result: TilePipeline.Board.WholeResult,
        _ loaded: inout Loaded
    ) -> TileOutcome {
        guard result != .failed else { return .failed }
        let outcome = make(form, of: job, &loaded)
        if result == .made, case .tile(let pinned, _) = outcome { return .tile(pinned, .render) }
        return outcome
    }

    /// Makes one tile, or finds it made.
    private func make(_ form: MemberForm, of job: TilePipeline.Board.Job, _ loaded: inout Loaded) -> TileOutcome {
        let tileset = job.payload.tileset
        let tile = job.payload.coordinate(of: form)
        let variant =
            job.payload.derived.map { $0.with(isPadded: form.isPadded) }
            ?? TileVariant(format: job.payload.format, isPadded: form.isPadded)
        guard let key = tileset.key(of: tile, as: variant) else { return .missing }
        // Off-line again before anything is made: an insert may wait for the keeper, and a render takes long.
        let found = participant.withGuard {
            pipeline.cache.peek(key, by: participant).map { TileOutcome.tile($0.pin(), $0.tier) }
        }
        if let found { return found }
        let start = MonotonicClock.nanoseconds
        let outcome: TileOutcome
        if job.payload.derived != nil {
            outcome = derive(variant, tile, key, tileset, start: start)
        } else if job.payload.isRendered, form.member != 0 {
            outcome = render(form, key, of: job, &loaded, start: start)
        } else {
            outcome = read(tile, form, key, tileset, start: start)
        }
        pipeline.metrics.renderSeconds.observe(nanoseconds: MonotonicClock.nanoseconds - start)
        return outcome
    }

    // MARK: Memory

    /// Puts a tile into memory; where there is no room, into a block that lives for its answer only.
    func store(
        _ bytes: UnsafeRawBufferPointer,
        as key: TileKey,
        _ file: StoredTileFile,
        _ tileset: OpenTileset,
        start: Int
    ) -> TileOutcome {
        headerBlock.removeAll(keepingCapacity: true)
        tileset.headers.appendHeaders(
            of: key,
            entityTag: tileset.entityTag(of: key, fileIdentity: file.identity),
            format: file.format,
            byteCount: bytes.count,
            modified: file.modified,
            isGzip: unsafe OpenTileset.isGzip(bytes, format: file.format),
            to: &headerBlock
        )
        let cost = UInt32(clamping: (MonotonicClock.nanoseconds - start) / 1000)
        // SAFETY: `bytes` is the caller's for the call; the cache copies before it returns.
        return unsafe headerBlock.withUnsafeBytes { headers in
            let outcome = unsafe pipeline.cache.insert(
                key,
                headers: headers,
                body: bytes,
                cost: cost,
                arrival: arrival,
                pinned: true,
                by: participant
            )
            switch outcome {
            case .inserted(let pinned?), .alreadyThere(let pinned?): return .tile(pinned, .render)
            case .inserted(nil), .alreadyThere(nil), .refused:
                return unsafe .tile(pipeline.cache.makeUncached(headers: headers, body: bytes), .render)
            }
        }
    }

    // MARK: Faults

    func report(_ error: any Error, _ job: TilePipeline.Board.Job) {
        report(error, job.payload.tileset, job.payload.tile)
    }

    func report(_ error: any Error, _ tileset: OpenTileset, _ tile: TileCoordinate) {
        pipeline.logger.log(
            .error,
            limitedBy: tileset.fault,
            "a tile could not be made as it should",
            ["tileset": .string(tileset.id), "tile": .string(tile.description), "reason": .string("\(error)")]
        )
    }
}

extension TileOutcome {
    /// The same, with a reference of its own.
    func retained() -> TileOutcome {
        if case .tile(let pinned, let tier) = self { return .tile(pinned.retain(), tier) }
        return self
    }

    func release() {
        if case .tile(let pinned, _) = self { pinned.release() }
    }
}
