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
    private let participant: CacheParticipant
    let material = FamilyMaterial()
    let stored = TileBuffer()
    let derived = DerivedTile()
    private let storedForm = StoredTileForm()
    private var renderers: [ReconstructionParameters: FamilyRenderer] = [:]
    private var headerBlock: [UInt8] = []
    /// Why the tile that is being made comes into memory.
    private var arrival = TileArrival.speculative
    /// When the job under way was taken.
    private var begun = 0
    /// What was rendered of the family under way, for the tiers behind memory.
    private var kept: TierWrite?
    /// The fleet's claim of the family under way; nil where nobody had to be told.
    private var claim: FamilyClaim?
    private let tierBuffer = TierBuffer()
    private var inserter: MemoryInserter

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
    private enum Loaded {
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

    /// Gives the tiers what was rendered since the job was taken: the requests have been answered.
    private func handOver() {
        if let kept { pipeline.tiers?.keep(kept, under: claim) }
        kept = nil
        claim = nil
    }

    /// Whether a family that nobody waits for was made by another server of the fleet, or is being made there: one that is
    /// expected, or what is left of one that was put aside, whose claim ended with that. What there is of it comes into memory.
    /// Where there is a fleet, this blocks for a round trip or two.
    private func isElsewhere(_ job: TilePipeline.Board.Job) -> Bool {
        let (tileset, payload) = (job.payload.tileset, job.payload)
        guard let tiers = pipeline.tiers, let level = tiers.fleetLevel, payload.isRendered else { return false }
        let begun = MonotonicClock.nanoseconds
        let wanted = payload.possibleForms.compactMap { form in
            tileset.key(of: payload.coordinate(of: form), format: payload.format, padded: form.isPadded)
        }.filter { !pipeline.cache.contains($0, by: participant) }
        let keys = wanted.map { TierKey($0, of: tileset.edition) }
        let family = TierFamilyKey(edition: tileset.edition, parent: payload.tile)
        func bring(_ answers: [TierAnswer]) -> Bool {
            var spread = TierWrite(family: family, begun: begun)
            for (key, (name, answer)) in zip(wanted, zip(keys, answers)) {
                guard case .found(let tile) = answer else { continue }
                let bytes = tierBuffer.bytes[tile.range]
                inserter.insert(bytes, as: key, in: tileset, cost: tile.cost, arrival: .speculative)?.release()
                _ = spread.append(name, cost: tile.cost, bytes: bytes)
            }
            tiers.spread(spread, from: level.tier.kind)
            return !spread.tiles.isEmpty
        }
        if bring(tiers.ask(level, keys, of: family, into: tierBuffer) ?? []) { return true }
        let (announcement, answers, _) = tiers.announce(family, lookingFor: keys, into: tierBuffer)
        guard case .granted(let claim) = announcement else { return true }
        self.claim = claim
        return bring(answers)
    }

    /// Notes a tile that follows from its edition alone. One that lies in a file of its own does not, nor does a stand-in.
    private func keep(_ bytes: UnsafeRawBufferPointer, _ key: TileKey, _ job: JobKeyed, start: Int) {
        guard let tiers = pipeline.tiers else { return }
        let name = TierKey(key, of: job.tileset.edition)
        guard tiers.admits(name, isAwaited: arrival == .requested) else { return }
        let cost = UInt32(clamping: (MonotonicClock.nanoseconds - start) / 1000)
        var write =
            kept
            ?? TierWrite(
                family: TierFamilyKey(edition: job.tileset.edition, parent: job.parent),
                begun: begun
            )
        kept = nil
        _ = unsafe write.append(name, cost: cost, bytes: bytes)
        kept = write
    }

    /// Whose tile is being kept.
    private struct JobKeyed {
        let tileset: OpenTileset
        let parent: TileCoordinate
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

    // MARK: Families

    private func render(
        _ form: MemberForm,
        _ key: TileKey,
        of job: TilePipeline.Board.Job,
        _ loaded: inout Loaded,
        start: Int
    ) -> TileOutcome {
        let tileset = job.payload.tileset
        if case .nothing = loaded { loaded = load(job) }
        guard case .family(let renderer) = loaded else { return standIn(form, key, job, reason: nil, start: start) }
        if case .plain = material.part(ofMember: form.member) {
            // It lies in a file of its own, which is part of its tag.
            return read(job.payload.coordinate(of: form), form, key, tileset, start: start)
        }
        // What is rendered as its source means it has a tag that is known before it is made.
        let identity = material.deviation(ofMember: form.member)
        let whose = JobKeyed(tileset: tileset, parent: job.payload.tile)
        do {
            let outcome: TileOutcome
            if job.payload.format == .png {
                let picture = try renderer.picture(member: form.member, padded: form.isPadded)
                let bytes = try PNGCodec.encode(picture, content: .photographic)
                let rendered = StoredTileFile(format: .png, identity: identity)
                outcome = unsafe bytes.withUnsafeBytes { bytes in
                    if identity == 0 { unsafe keep(bytes, key, whose, start: start) }
                    return unsafe store(bytes, as: key, rendered, tileset, start: start)
                }
            } else {
                let bytes = try unsafe renderer.render(member: form.member, padded: form.isPadded)
                let rendered = StoredTileFile(format: .jpeg, identity: identity)
                if identity == 0 { unsafe keep(bytes, key, whose, start: start) }
                outcome = unsafe store(bytes, as: key, rendered, tileset, start: start)
            }
            pipeline.metrics.tilesEncoded.add()
            return outcome
        } catch RenderError.missing where !material.isDamaged(member: form.member) {
            return .missing
        } catch {
            return standIn(form, key, job, reason: error, start: start)
        }
    }

    private func load(_ job: TilePipeline.Board.Job) -> Loaded {
        guard let family = job.payload.family else { preconditionFailure("a stored tile has no family to load") }
        pipeline.board.withLock { $0.board.begin(job) }
        do {
            try job.payload.tileset.source.load(family, into: material)
        } catch {
            report(error, job)
            return .unreadable
        }
        let renderer = renderer(for: job.payload.tileset.parameters)
        renderer.begin(material)
        return .family(renderer)
    }

    func renderer(for parameters: ReconstructionParameters) -> FamilyRenderer {
        let renderer = renderers[parameters] ?? FamilyRenderer(parameters: parameters)
        renderers[parameters] = renderer
        return renderer
    }

    /// The plain tile of its level, where what it would be rendered from is damaged: never a wrong tile.
    private func standIn(
        _ form: MemberForm,
        _ key: TileKey,
        _ job: TilePipeline.Board.Job,
        reason: (any Error)?,
        start: Int
    ) -> TileOutcome {
        if let reason { report(reason, job) }
        let outcome = read(job.payload.coordinate(of: form), form, key, job.payload.tileset, start: start)
        // The source has more of this tile than a file of its own: that it cannot be shown is a fault, not a hole.
        if case .missing = outcome { return .failed }
        return outcome
    }

    // MARK: Stored tiles

    private func read(
        _ tile: TileCoordinate,
        _ form: MemberForm,
        _ key: TileKey,
        _ tileset: OpenTileset,
        start: Int
    ) -> TileOutcome {
        do {
            let asked = key.format ?? tileset.format
            if !form.isPadded, asked == tileset.format,
                let minimum = pipeline.sentFromFileBytes(of: key, in: tileset, isAwaited: arrival == .requested),
                let range = try tileset.source.storedRange(of: tile, atLeast: minimum)
            {
                return sent(range, as: key, tileset)
            }
            let file = try tileset.source.readTile(tile, into: stored)
            // A file may be of another format than its tileset: it is passed on as what it is, unless another is asked for.
            let target = asked == tileset.format ? file.format : asked
            guard form.isPadded || target != file.format else {
                return unsafe stored.withUnsafeBytes { unsafe store($0, as: key, file, tileset, start: start) }
            }
            let made = try storedForm.made(
                stored.bytes,
                format: file.format,
                as: target,
                padded: form.isPadded,
                tile: tile,
                pyramid: tileset.pyramid,
                quality: tileset.parameters.quality
            )
            pipeline.metrics.tilesEncoded.add()
            let new = StoredTileFile(format: target, identity: file.identity, modified: file.modified)
            return unsafe made.withUnsafeBytes { unsafe store($0, as: key, new, tileset, start: start) }
        } catch {
            return outcome(of: error, tile, tileset)
        }
    }

    /// How a request ends whose tile could not be read.
    private func outcome(of error: any Error, _ tile: TileCoordinate, _ tileset: OpenTileset) -> TileOutcome {
        switch error {
        case SourceError.missing: return .missing
        case SourceError.changed:
            pipeline.sourceChanged(tileset)
            return .changing
        default:
            report(error, tileset, tile)
            return .failed
        }
    }

    private func derive(
        _ variant: TileVariant,
        _ tile: TileCoordinate,
        _ key: TileKey,
        _ tileset: OpenTileset,
        start: Int
    ) -> TileOutcome {
        do {
            let (bytes, file) = try derive(variant, of: tile, tileset)
            return unsafe bytes.withUnsafeBytes { unsafe store($0, as: key, file, tileset, start: start) }
        } catch RenderError.missing {
            return .missing
        } catch {
            return outcome(of: error, tile, tileset)
        }
    }

    /// A tile that memory does not keep, or not yet: its bytes go from the file to the socket.
    private func sent(_ range: StoredTileRange, as key: TileKey, _ tileset: OpenTileset) -> TileOutcome {
        var block: [UInt8] = []
        tileset.headers.appendHeaders(
            of: key,
            entityTag: tileset.entityTag(of: key, fileIdentity: range.tile.identity),
            format: range.tile.format,
            byteCount: range.count,
            modified: range.tile.modified,
            isGzip: range.isCompressed,
            to: &block
        )
        return .file(FileTile(headers: block, range: range), .render)
    }

    // MARK: Memory

    /// Puts a tile into memory; where there is no room, into a block that lives for its answer only.
    private func store(
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

    private func report(_ error: any Error, _ job: TilePipeline.Board.Job) {
        report(error, job.payload.tileset, job.payload.tile)
    }

    private func report(_ error: any Error, _ tileset: OpenTileset, _ tile: TileCoordinate) {
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
