// SPDX-License-Identifier: Apache-2.0

import LockFree
import Telemetry
import TileCache
import TileModel

/// One I/O thread: takes calls from the fetch board, asks the tiers one after the other, and brings what they have into
/// memory. Runs on its thread alone; blocks on disks and sockets, which nobody else does.
final class FetchWorker {
    private let stack: TierStack
    private let pipeline: TilePipeline
    private let participant: CacheParticipant
    private let buffer = TierBuffer()
    private var inserter: MemoryInserter
    /// When the call under way began.
    private var begun = 0

    init(_ stack: TierStack, _ pipeline: TilePipeline) {
        self.stack = stack
        self.pipeline = pipeline
        participant = stack.cache.makeParticipant()
        inserter = MemoryInserter(cache: stack.cache, participant: participant)
    }

    /// Works until the stack stops.
    func run() {
        while true {
            let next = stack.board.wait { [stack] board -> (TierStack.Board.Job, MemberForms)?? in
                if stack.isEnding { return .some(nil) }
                return board.take(now: MonotonicClock.nanoseconds).map { .some($0) }
            }
            guard let (job, forms) = next else { return }
            work(at: job, forms)
        }
    }

    private func work(at job: TierStack.Board.Job, _ forms: MemberForms) {
        begun = MonotonicClock.nanoseconds
        let payload = job.payload
        let tileset = payload.tileset
        let family = TierFamilyKey(edition: tileset.edition, parent: payload.tile)
        let asked = job.isWhole ? payload.possibleForms : forms
        var left: [(form: MemberForm, key: TileKey)] = asked.compactMap { form in
            let tile = payload.coordinate(of: form)
            return tileset.key(of: tile, format: payload.format, padded: form.isPadded).map { (form, $0) }
        }
        if job.isWhole {
            left.removeAll { stack.cache.contains($0.key, by: participant) }
        }
        var found: [MemberForm: TileOutcome] = [:]
        for level in stack.levels {
            guard !left.isEmpty else { break }
            // Of what another server renders, only the fleet's tier can have more than at the last look.
            if job.postponements > 0, !(level.tier is any FleetTier) { continue }
            look(in: level, family, payload, asked, &left, &found)
        }
        switch left.isEmpty ? Announcement.granted(nil) : announce(job, family, payload, asked, &left, &found) {
        case .elsewhere where !left.isEmpty:
            // Another server of the fleet renders it: ask again, at growing intervals.
            let delay = min(5_000_000 << min(job.postponements, 4), 50_000_000)
            let until = MonotonicClock.nanoseconds + delay
            let done = MemberForms(found.keys)
            let answered = stack.board.withLock { $0.postpone(job, until: until, found: done) }
            answer(answered, found, payload, nil)
            stack.wakeClock()
        case .elsewhere: answer(stack.board.withLock { $0.finish(job) }, found, payload, nil)
        case .granted(let claim): answer(stack.board.withLock { $0.finish(job) }, found, payload, claim)
        }
        for outcome in found.values { outcome.release() }
    }

    /// Tells the fleet that what is left is going to be rendered here; not where it was waited for long enough.
    private func announce(
        _ job: TierStack.Board.Job,
        _ family: TierFamilyKey,
        _ payload: JobPayload,
        _ asked: MemberForms,
        _ left: inout [(form: MemberForm, key: TileKey)],
        _ found: inout [MemberForm: TileOutcome]
    ) -> Announcement {
        let patience = stack.configuration.fleetPatience.wholeNanoseconds
        guard MonotonicClock.nanoseconds - job.begun < patience else { return .granted(nil) }
        let keys = left.map { TierKey($0.key, of: payload.tileset.edition) }
        let (announcement, answers, level) = stack.announce(family, lookingFor: keys, into: buffer)
        if let level { bring(zip(left, zip(keys, answers)), of: level, family, payload, asked, &left, &found) }
        return announcement
    }

    private func answer(
        _ waiters: [(form: MemberForm?, waiter: FetchWaiter)],
        _ found: [MemberForm: TileOutcome],
        _ payload: JobPayload,
        _ claim: FamilyClaim?
    ) {
        for (form, waiter) in waiters {
            if let form, let outcome = found[form] {
                let isGone = waiter.place.withLock { place -> Bool in
                    defer { place = .gone }
                    if case .gone = place { return true }
                    return false
                }
                if !isGone { waiter.waiter.receiver.receive(outcome.retained(), for: waiter.waiter.ticket) }
            } else {
                pipeline.renderAfterFetch(payload, form, waiter, under: claim)
            }
        }
    }

    /// The tile in memory; where that did not take it, in its file; else in a block that lives for its answer.
    private func outcome(
        _ pinned: PinnedTile?,
        _ bytes: ArraySlice<UInt8>,
        _ name: TierKey,
        _ tier: any Tier
    ) -> TileOutcome {
        if let pinned { return .tile(pinned, tier.kind) }
        if let region = (tier as? any FileTier)?.region(of: name) {
            return .file(FileTile(headers: inserter.headerBlock, region: region), tier.kind)
        }
        return .tile(inserter.uncached(bytes), tier.kind)
    }

    /// Asks one tier for what is left, and brings what it has into memory.
    private func look(
        in level: TierStack.Level,
        _ family: TierFamilyKey,
        _ payload: JobPayload,
        _ asked: MemberForms,
        _ left: inout [(form: MemberForm, key: TileKey)],
        _ found: inout [MemberForm: TileOutcome]
    ) {
        let tier = level.tier
        guard tier.isAvailable else { return }
        let tileset = payload.tileset
        // A tier whose calls cost more than tiles gives the siblings as well.
        var wanted = left
        if tier.prefersWholeFamilies {
            for form in payload.possibleForms where !asked.contains(form) {
                let tile = payload.coordinate(of: form)
                guard let key = tileset.key(of: tile, format: payload.format, padded: form.isPadded),
                    !stack.cache.contains(key, by: participant)
                else { continue }
                wanted.append((form, key))
            }
        }
        let keys = wanted.map { TierKey($0.key, of: tileset.edition) }
        guard let answers = stack.ask(level, keys, of: family, into: buffer) else { return }
        bring(zip(wanted, zip(keys, answers)), of: level, family, payload, asked, &left, &found)
    }

    /// Brings what a tier answered into memory.
    private func bring(
        _ answers: some Sequence<((form: MemberForm, key: TileKey), (TierKey, TierAnswer))>,
        of level: TierStack.Level,
        _ family: TierFamilyKey,
        _ payload: JobPayload,
        _ asked: MemberForms,
        _ left: inout [(form: MemberForm, key: TileKey)],
        _ found: inout [MemberForm: TileOutcome]
    ) {
        let tier = level.tier
        let tileset = payload.tileset
        var spread = TierWrite(family: family, begun: begun)
        for ((form, key), (name, answer)) in answers {
            guard case .found(let tile) = answer else { continue }
            let isAsked = asked.contains(form)
            let bytes = buffer.bytes[tile.range]
            let pinned = inserter.insert(
                bytes,
                as: key,
                in: tileset,
                cost: tile.cost,
                arrival: isAsked ? .requested : .speculative
            )
            if isAsked {
                found[form] = outcome(pinned, bytes, name, tier)
            } else {
                pinned?.release()
            }
            _ = spread.append(name, cost: tile.cost, bytes: buffer.bytes[tile.range])
        }
        let given = MemberForms(found.keys)
        left.removeAll { given.contains($0.form) }
        stack.spread(spread, from: tier.kind)
    }
}

/// Brings tiles that other tiers kept into memory. One thread's.
struct MemoryInserter {
    private let cache: TileCache
    private let participant: CacheParticipant
    /// Of the tile that was inserted last.
    private(set) var headerBlock: [UInt8] = []

    init(cache: TileCache, participant: CacheParticipant) {
        self.cache = cache
        self.participant = participant
    }

    /// The tile in memory; nil where that does not take it. What tiers keep follows from its edition alone, so its
    /// tag does.
    mutating func insert(
        _ bytes: ArraySlice<UInt8>,
        as key: TileKey,
        in tileset: OpenTileset,
        cost: UInt32,
        arrival: TileArrival,
        identity: UInt64 = 0,
        modified: Int? = nil
    ) -> PinnedTile? {
        headerBlock.removeAll(keepingCapacity: true)
        tileset.headers.appendHeaders(
            of: key,
            entityTag: tileset.entityTag(of: key, fileIdentity: identity),
            format: key.format ?? tileset.format,
            byteCount: bytes.count,
            modified: modified,
            isGzip: OpenTileset.isGzip(bytes, format: key.format ?? tileset.format),
            to: &headerBlock
        )
        // SAFETY: both arrays are alive and unchanged for the call; the cache copies before it returns.
        return unsafe headerBlock.withUnsafeBytes { headers in
            unsafe bytes.withUnsafeBytes { body in
                let outcome = unsafe cache.insert(
                    key,
                    headers: headers,
                    body: body,
                    cost: cost,
                    arrival: arrival,
                    pinned: true,
                    by: participant
                )
                switch outcome {
                case .inserted(let pinned?), .alreadyThere(let pinned?): return pinned
                case .inserted(nil), .alreadyThere(nil), .refused: return nil
                }
            }
        }
    }

    /// The tile that was refused last, in a block outside of memory's budget.
    func uncached(_ bytes: ArraySlice<UInt8>) -> PinnedTile {
        // SAFETY: both arrays are alive and unchanged for the call, which copies.
        unsafe headerBlock.withUnsafeBytes { headers in
            unsafe bytes.withUnsafeBytes { unsafe cache.makeUncached(headers: headers, body: $0) }
        }
    }
}
