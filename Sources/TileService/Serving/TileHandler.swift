// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer
import LockFree
import Prewarm
import Synchronization
import Telemetry
import TileCache
import TileModel
import TilePipeline
import TileSources

/// Answers the requests of one reactor.
///
/// The path that everything else serves is `handle` -> `tile`: route in place, make a key, look it up
/// without a lock, send the block's stored bytes. It allocates nothing. Everything else may take its time.
///
/// Thread rule: the reactor's thread alone. Between `turnBegins` and `turnEnds` it is on-line in the cache's epochs,
/// so what a look-up gives stays valid until the turn ends.
final class TileHandler: RequestHandler {
    let shared: ServiceState
    private let participant: CacheParticipant
    private let inbox: ReactorInbox
    private(set) var catalog: ServedCatalog
    private var catalogGeneration: Int
    /// Fields that make a request for a tile more than a plain one.
    private let unusual: KnownFields
    /// The same without If-None-Match.
    private let rare: KnownFields
    /// Field lines in the making, reused.
    private var scratch: [UInt8] = []
    /// See `turnClock`; 0 where it was not read in this turn.
    private var clock = 0
    /// Deferred requests that were not answered yet.
    private var waiting: [Ticket: Waiting] = [:]
    /// Requests for pictures that were not answered yet.
    var waitingPictures: [Ticket: WaitingPicture] = [:]
    let pictureInbox: PictureInbox

    /// What is remembered of a deferred request.
    private struct Waiting {
        /// Nil until the pipeline has taken it.
        var pending: TilePipeline.Pending?
        let entry: ServedCatalog.Entry
        let key: TileKey
        var scope = TileRequest.Scope.tile
        let isVersioned: Bool
        /// Whether the format was chosen by the Accept field.
        var byAccept = false
        /// Which of several allowed origins asks.
        var origin: Int?
        /// To be held against the tile once it is known.
        var conditions: KeptConditions?
        let start: Int
        var retries = 0

        init(_ entry: ServedCatalog.Entry, _ key: TileKey, isVersioned: Bool, start: Int) {
            self.entry = entry
            self.key = key
            self.isVersioned = isVersioned
            self.start = start
        }
    }

    init(shared: ServiceState, mailbox: Mailbox) {
        self.shared = shared
        participant = shared.cache.makeParticipant()
        inbox = ReactorInbox(mailbox: mailbox)
        pictureInbox = PictureInbox(mailbox: mailbox)
        (catalog, catalogGeneration) = shared.catalog.current
        let others: [KnownField] =
            [.ifMatch, .ifUnmodifiedSince, .ifModifiedSince, .range, .ifRange, .orizuruPrewarm]
            + (shared.origins.isEmpty ? [] : [.origin])
        rare = KnownFields(others)
        unusual = KnownFields(others + [.ifNoneMatch])
        scratch.reserveCapacity(1024)
    }

    // MARK: RequestHandler

    func turnBegins() {
        participant.goOnline()
        clock = 0
        if let newer = shared.catalog.newer(than: catalogGeneration) { (catalog, catalogGeneration) = newer }
    }

    func turnEnds() { participant.goOffline() }

    func handle(_ request: borrowing Request, _ responder: inout Responder) {
        if case .options = request.method { return preflight(request, &responder) }
        // SAFETY: the request's bytes are valid and unchanged for this call.
        let path = unsafe request.path.assumingMemoryBound(to: UInt8.self).span
        let route = catalog.router.route(path)
        switch route {
        case .tile(let index, let place, let format, let padded, let isDouble):
            tile(catalog.entries[index], place, format, padded, request, &responder, isDouble: isDouble)
        case .tileByAccept(let index, let place, let padded):
            let entry = catalog.entries[index]
            let format = unsafe entry.tileset.format(accepting: request.field(.accept))
            tile(entry, place, format, padded, request, &responder, byAccept: true)
        case .deepZoom(let index): document(catalog.deepZoom(index), request, &responder)
        case .zoomifyTile(let index, let tier, let column, let row, let format):
            guard let place = catalog.zoomifyTile(index, tier: tier, column: column, row: row) else {
                return refuse(.notFound, "no such tile\n", &responder)
            }
            tile(catalog.entries[index], place, format, false, request, &responder)
        case .tileJSON, .thumbnail, .iiifBase, .iiifInfo, .iiifImage, .zoomify, .wmtsCapabilities, .wmtsKeyValue:
            describe(route, request, &responder)
        case .home, .viewer, .comparison, .asset: page(route, request, &responder)
        case .catalog: document(catalog.catalog, request, &responder)
        case .healthy: probe(.ok, "ok\n", &responder)
        case .ready: shared.isReady ? probe(.ok, "ready\n", &responder) : probe(.unavailable, "stopping\n", &responder)
        case .metrics:
            send(.ok, "text/plain; version=0.0.4; charset=utf-8", shared.metrics.render(), "no-store", &responder)
        case .notFound: refuse(.notFound, "not found\n", &responder)
        }
    }

    func completed(_ ticket: Ticket, _ payload: AnyObject, _ responder: inout Responder) {
        if let picture = payload as? PictureCompletion { return completed(ticket, picture, &responder) }
        guard let completion = payload as? TileCompletion, let waiting = waiting.removeValue(forKey: ticket) else {
            discarded(payload)
            refuse(.internalError, "an answer was lost\n", &responder)
            return
        }
        switch completion.result {
        case .outcome(.tile(let pinned, let tier)):
            let bytes = unsafe StoredTile(headers: pinned.headers, body: pinned.body, block: pinned.object)
            answer(bytes, tier, waiting, &responder)
            pinned.release()
        case .outcome(.file(let file, let tier)): answer(file, tier, waiting, &responder)
        case .outcome(.changing):
            count(waiting, .render, .unavailable)
            refuse(.unavailable, "the tileset is being replaced; try again\n", &responder, retryAfter: 1)
        case .outcome(.missing):
            count(waiting, .render, .notFound)
            refuse(.notFound, "no such tile\n", &responder)
        case .outcome(.failed):
            count(waiting, .render, .internalError)
            refuse(.internalError, "the tile could not be made; the server's log says why\n", &responder)
        case .outcome(.stopped):
            count(waiting, .none, .unavailable)
            refuse(.unavailable, "the server is stopping\n", &responder)
        case .overloaded, .outcome(.overloaded):
            count(waiting, .none, .unavailable)
            refuse(.unavailable, "too many tiles are being rendered; try again\n", &responder, retryAfter: 1)
        case .lookAgain:
            lookAgain(waiting, &responder)
        }
    }

    func discarded(_ payload: AnyObject) {
        guard let completion = payload as? TileCompletion, case .outcome(.tile(let pinned, _)) = completion.result
        else {
            return
        }
        pinned.release()
    }

    func abandoned(_ ticket: Ticket) {
        if waitingPictures.removeValue(forKey: ticket) != nil {
            shared.pictures.withdraw(receiver: pictureInbox, ticket: ticket.bits)
            return
        }
        guard let waiting = waiting.removeValue(forKey: ticket), let pending = waiting.pending else { return }
        shared.pipeline.withdraw(pending)
    }

    // MARK: Tiles

    func tile(
        _ entry: ServedCatalog.Entry,
        _ place: TileCoordinate,
        _ format: TileFormat,
        _ padded: Bool,
        _ request: borrowing Request,
        _ responder: inout Responder,
        isDouble: Bool = false,
        byAccept: Bool = false
    ) {
        guard format.rawValue == entry.tileset.format.rawValue || entry.tileset.canMake(format),
            let key = Self.key(of: place, format, padded, isDouble, entry.tileset, request)
        else {
            entry.counts.add(.none, .notFound)
            refuse(.notFound, "no such tile\n", &responder)
            return
        }
        let start = turnClock()
        let isVersioned = Self.names(version: entry.versionText, request)
        guard !byAccept, !request.has(anyOf: unusual) else {
            return unusualTile(entry, key, isVersioned, byAccept: byAccept, start, request, &responder)
        }
        guard let found = shared.cache.find(key, by: participant) else {
            return submit(Waiting(entry, key, isVersioned: isVersioned, start: start), &responder)
        }
        // SAFETY: three views of the block that was found, valid until the turn ends.
        let stored = unsafe StoredTile(headers: found.headers, body: found.body, block: found.object)
        unsafe entry.lines.with(found.tier, isVersioned: isVersioned && stored.isOfVersion) { lines in
            unsafe responder.send(
                status: .ok,
                head: stored.headers,
                body: stored.body,
                owner: stored.owner,
                extra: lines
            )
        }
        entry.counts.add(found.tier, .ok)
        noteHit(found.tier, start)
        noteFirstUse(found.tier, key, entry)
    }

    /// Tells the look-ahead what it made for somebody: a tile is warm until it is asked for.
    private func noteFirstUse(_ tier: TileTier, _ key: TileKey, _ entry: ServedCatalog.Entry) {
        guard tier.rawValue == TileTier.warm.rawValue else { return }
        shared.pipeline.noteFirstUse(of: key, in: entry.tileset, by: participant)
    }

    /// A request with conditions, for a part, for a whole family, from an origin that is told apart, or without an extension.
    private func unusualTile(
        _ entry: ServedCatalog.Entry,
        _ key: TileKey,
        _ isVersioned: Bool,
        byAccept: Bool,
        _ start: Int,
        _ request: borrowing Request,
        _ responder: inout Responder
    ) {
        if !byAccept, !request.has(anyOf: rare), let known = unsafe request.field(.ifNoneMatch),
            let found = shared.cache.find(key, by: participant)
        {
            let stored = unsafe StoredTile(headers: found.headers, body: found.body, block: found.object)
            if unsafe EntityTag.isListed(stored.entityTag, in: known) {
                sendNotModified(stored, found.tier, entry, isVersioned: isVersioned && stored.isOfVersion, &responder)
                noteHit(found.tier, start)
                noteFirstUse(found.tier, key, entry)
                return
            }
        }
        let origin = originIndex(request)
        let warmLevels = Self.warmLevels(request)
        let wantsFamily = warmLevels != nil
        if !wantsFamily, let found = shared.cache.find(key, by: participant) {
            let stored = unsafe StoredTile(headers: found.headers, body: found.body, block: found.object)
            var isGet = false
            if case .get = request.method { isGet = true }
            let outcome = stored.outcome(of: request.preconditions, isGet: isGet)
            var context = AnswerContext(
                entry: entry,
                tier: found.tier,
                isVersioned: isVersioned && stored.isOfVersion,
                origin: origin
            )
            context.byAccept = byAccept
            answer(stored, outcome, context, &responder)
            noteHit(found.tier, start)
            noteFirstUse(found.tier, key, entry)
            return
        }
        var waiting = Waiting(entry, key, isVersioned: isVersioned, start: start)
        waiting.origin = origin
        waiting.byAccept = byAccept
        waiting.scope = warmLevels.map { .family(levels: $0) } ?? .tile
        if request.has(anyOf: Preconditions.fields) { waiting.conditions = KeptConditions(request) }
        if !wantsFamily, let conditions = waiting.conditions, conditions.namesTags,
            let tag = entry.tileset.knownEntityTag(of: key)
        {
            // A tile that is rendered has its tag before it is: nothing need be made to say that it is the same.
            var text: [UInt8] = []
            EntityTagText.append(tag, to: &text)
            if case .notModified = conditions.outcome(tag: text, byteCount: 0) {
                var context = AnswerContext(entry: entry, tier: .none, isVersioned: isVersioned, origin: origin)
                context.byAccept = byAccept
                beginLines(context)
                TileHeaders.appendEntityTagLine(tag, to: &scratch)
                sendNotModified(context, &responder)
                return
            }
        }
        submit(waiting, &responder)
    }

    /// Answers a deferred request with its tile.
    private func answer(_ tile: StoredTile, _ tier: TileTier, _ waiting: Waiting, _ responder: inout Responder) {
        let duration = MonotonicClock.nanoseconds - waiting.start
        var context = AnswerContext(
            entry: waiting.entry,
            tier: tier,
            isVersioned: waiting.isVersioned && tile.isOfVersion,
            origin: waiting.origin
        )
        context.duration = duration
        context.byAccept = waiting.byAccept
        answer(tile, waiting.conditions?.outcome(of: tile) ?? .whole, context, &responder)
        shared.latency[tier].observe(nanoseconds: duration)
    }

    /// Answers a deferred request with a tile that lies in a file.
    private func answer(_ file: FileTile, _ tier: TileTier, _ waiting: Waiting, _ responder: inout Responder) {
        let duration = MonotonicClock.nanoseconds - waiting.start
        // SAFETY: the file's own array, alive for the call; there is no body in memory, and so no block to keep.
        unsafe file.headers.withUnsafeBytes { headers in
            let none = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
            let tile = unsafe StoredTile(headers: headers, body: none, block: nil)
            var context = AnswerContext(
                entry: waiting.entry,
                tier: tier,
                isVersioned: waiting.isVersioned && tile.isOfVersion,
                origin: waiting.origin
            )
            context.duration = duration
            context.byAccept = waiting.byAccept
            beginLines(context)
            let outcome = unsafe waiting.conditions?.outcome(
                tag: tile.entityTag,
                lastModified: tile.lastModified,
                byteCount: file.byteCount
            )
            switch outcome ?? .whole {
            case .whole:
                unsafe send(.ok, head: headers, file, 0..<file.byteCount, context, &responder)
            case .part(let part):
                unsafe scratch.append(contentsOf: tile.validatorLines)
                scratch += PartText.lines(part, of: file.byteCount)
                unsafe send(.partialContent, head: tile.linesBehindLength, file, part, context, &responder)
            case .notModified:
                unsafe scratch.append(contentsOf: tile.validatorLines)
                sendNotModified(context, &responder)
            case .rangeNotSatisfiable:
                context.entry.counts.add(tier, .rangeNotSatisfiable)
                refuse(.rangeNotSatisfiable, PartText.refusal, &responder, contentRange: file.byteCount)
            case .preconditionFailed:
                context.entry.counts.add(tier, .preconditionFailed)
                refuse(.preconditionFailed, "the tile is another one\n", &responder)
            }
        }
        shared.latency[tier].observe(nanoseconds: duration)
    }

    /// Sends a part of a file behind the scratch lines.
    private func send(
        _ status: Status,
        head: UnsafeRawBufferPointer,
        _ file: FileTile,
        _ part: Range<Int>,
        _ context: AnswerContext,
        _ responder: inout Responder
    ) {
        guard let descriptor = file.descriptor() else {
            context.entry.counts.add(context.tier, .unavailable)
            refuse(.unavailable, "the tile's file cannot be opened now; try again\n", &responder, retryAfter: 1)
            return
        }
        context.entry.counts.add(context.tier, status)
        unsafe scratch.withUnsafeBytes { lines in
            let state = file.fileState.map { FileBody.State(size: Int64($0.size), modified: Int64($0.modified)) }
            let body = FileBody(
                descriptor: descriptor,
                offset: Int64(file.offset + part.lowerBound),
                count: part.count,
                state: state
            )
            unsafe responder.send(status: status, head: head, file: body, extra: lines)
        }
    }

    /// Sends a tile, a part of it, or what its request's conditions make of it.
    private func answer(
        _ tile: StoredTile,
        _ outcome: ConditionalOutcome,
        _ context: AnswerContext,
        _ responder: inout Responder
    ) {
        beginLines(context)
        switch outcome {
        case .whole:
            unsafe send(.ok, head: tile.headers, tile.body, tile.owner, &responder)
            context.entry.counts.add(context.tier, .ok)
        case .notModified:
            unsafe scratch.append(contentsOf: tile.validatorLines)
            sendNotModified(context, &responder)
        case .part(let part):
            unsafe scratch.append(contentsOf: tile.validatorLines)
            unsafe scratch += PartText.lines(part, of: tile.body.count)
            // SAFETY: a range within the body, by the parser of ranges.
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: tile.body[part])
            unsafe send(.partialContent, head: tile.linesBehindLength, bytes, tile.owner, &responder)
            context.entry.counts.add(context.tier, .partialContent)
        case .rangeNotSatisfiable:
            context.entry.counts.add(context.tier, .rangeNotSatisfiable)
            unsafe refuse(.rangeNotSatisfiable, PartText.refusal, &responder, contentRange: tile.body.count)
        case .preconditionFailed:
            context.entry.counts.add(context.tier, .preconditionFailed)
            refuse(.preconditionFailed, "the tile is another one\n", &responder)
        }
    }

    /// Starts the scratch lines with those that are not stored with the tile.
    private func beginLines(_ context: AnswerContext) {
        scratch.removeAll(keepingCapacity: true)
        unsafe context.entry.lines.with(context.tier, isVersioned: context.isVersioned) { lines in
            unsafe scratch.append(contentsOf: lines)
        }
        if let origin = context.origin { scratch += shared.origins[origin] }
        // An extension says the same to everybody; without one, caches must keep the formats apart.
        if context.byAccept { scratch += "Vary: Accept\r\n".utf8 }
        if let duration = context.duration, context.tier.rawValue > TileTier.warm.rawValue {
            let tenths = duration / 100_000
            scratch += "Server-Timing: tile;desc=\(context.tier.label);dur=\(tenths / 10).\(tenths % 10)\r\n".utf8
        }
    }

    /// The 304 of a tile in memory, which is nearly as frequent as the tile: without a detour.
    private func sendNotModified(
        _ tile: StoredTile,
        _ tier: TileTier,
        _ entry: ServedCatalog.Entry,
        isVersioned: Bool,
        _ responder: inout Responder
    ) {
        scratch.removeAll(keepingCapacity: true)
        unsafe scratch.append(contentsOf: tile.validatorLines)
        scratch += shared.notModifiedHead
        // SAFETY: the lines are the entry's, the head is ours, both unchanged during the call.
        unsafe entry.lines.with(tier, isVersioned: isVersioned) { lines in
            unsafe scratch.withUnsafeBytes { head in
                let none = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
                unsafe responder.send(status: .notModified, head: head, body: none, owner: nil, extra: lines)
            }
        }
        entry.counts.add(tier, .notModified)
    }

    private func sendNotModified(_ context: AnswerContext, _ responder: inout Responder) {
        // SAFETY: the state's own array, alive as long as the state.
        unsafe shared.notModifiedHead.withUnsafeBytes { head in
            unsafe send(.notModified, head: head, UnsafeRawBufferPointer(start: nil, count: 0), nil, &responder)
        }
        context.entry.counts.add(context.tier, .notModified)
    }

    /// Sends an answer behind the scratch lines.
    private func send(
        _ status: Status,
        head: UnsafeRawBufferPointer,
        _ body: UnsafeRawBufferPointer,
        _ owner: BodyOwner?,
        _ responder: inout Responder
    ) {
        unsafe scratch.withUnsafeBytes { lines in
            unsafe responder.send(status: status, head: head, body: body, owner: owner, extra: lines)
        }
    }

    /// The time at which the reactor turned to the request under way: when its turn began, or when the hit before it in
    /// the same turn was answered. One reading of the clock per hit instead of two.
    private func turnClock() -> Int {
        if clock == 0 { clock = MonotonicClock.nanoseconds }
        return clock
    }

    private func noteHit(_ tier: TileTier, _ start: Int) {
        clock = MonotonicClock.nanoseconds
        shared.latency[tier].observe(nanoseconds: clock - start)
    }

    /// Hands a request that memory could not answer to the pipeline.
    private func submit(_ waiting: Waiting, _ responder: inout Responder) {
        let ticket = responder.deferred()
        var waiting = waiting
        switch shared.pipeline.submit(
            TileRequest(tileset: waiting.entry.tileset, key: waiting.key, scope: waiting.scope),
            receiver: inbox,
            ticket: ticket.bits,
            by: participant
        ) {
        case .pending(let pending): waiting.pending = pending
        case .inMemory: inbox.post(.lookAgain, ticket)
        case .overloaded: inbox.post(.overloaded, ticket)
        case .stopped: inbox.post(.outcome(.stopped), ticket)
        }
        self.waiting[ticket] = waiting
    }

    /// The tile came into memory between the look-up and the pipeline's lock. It may have left again: a few times over,
    /// that is a memory far too small for the load.
    private func lookAgain(_ waiting: Waiting, _ responder: inout Responder) {
        if let found = shared.cache.find(waiting.key, by: participant) {
            let stored = unsafe StoredTile(headers: found.headers, body: found.body, block: found.object)
            answer(stored, found.tier, waiting, &responder)
            return
        }
        guard waiting.retries < 8 else {
            count(waiting, .none, .unavailable)
            refuse(.unavailable, "the tile does not stay in memory; try again\n", &responder, retryAfter: 1)
            return
        }
        var again = waiting
        again.retries += 1
        submit(again, &responder)
    }

    private func count(_ waiting: Waiting, _ tier: TileTier, _ status: Status) {
        waiting.entry.counts.add(tier, status)
    }

    // MARK: Requests

    /// The key of what a request asks for: nearly always a tile that is stored or rendered in the form of its URL.
    @inline(__always)
    private static func key(
        of tile: TileCoordinate,
        _ format: TileFormat,
        _ padded: Bool,
        _ isDouble: Bool,
        _ tileset: OpenTileset,
        _ request: borrowing Request
    ) -> TileKey? {
        if !isDouble, !tileset.isCompressed, let key = tileset.key(of: tile, format: format, padded: padded) {
            return key
        }
        let variant = TileVariant(
            format: format,
            isPadded: padded,
            isDouble: isDouble,
            isInflated: tileset.isCompressed && refusesGzip(request)
        )
        return tileset.key(of: tile, as: variant)
    }

    private static func refusesGzip(_ request: borrowing Request) -> Bool {
        guard let value = unsafe request.field(.acceptEncoding) else { return false }
        return unsafe !AcceptEncoding.takesGzip(value)
    }

    /// Whether the query is `v=` and the tileset's version: then the URL can be kept for ever.
    private static func names(version: [UInt8], _ request: borrowing Request) -> Bool {
        let query = unsafe request.query
        guard query.count == version.count + 2, unsafe query[0] == UInt8(ascii: "v"),
            unsafe query[1] == UInt8(ascii: "=")
        else { return false }
        for index in 0..<version.count where unsafe query[index + 2] != version[index] { return false }
        return true
    }

    /// How many levels a pre-warm wants to be warm with the tile; nil where the request is no pre-warm's.
    private static func warmLevels(_ request: borrowing Request) -> Int? {
        guard let value = unsafe request.field(.orizuruPrewarm) else { return nil }
        return unsafe PrewarmProtocol.levels(of: String(decoding: value, as: UTF8.self))
    }

    /// Which of several allowed origins asks; nil where there are not several, or another one asks.
    func originIndex(_ request: borrowing Request) -> Int? {
        guard !shared.origins.isEmpty, let origin = unsafe request.field(.origin) else { return nil }
        return unsafe shared.origins.index(of: origin)
    }

    // MARK: Documents and refusals

    /// `more`: further fields of this document.
    func document(
        _ document: Document?,
        _ request: borrowing Request,
        _ responder: inout Responder,
        more: [(StaticString, String)] = []
    ) {
        guard let document else {
            refuse(.notFound, "not found\n", &responder)
            return
        }
        let headers =
            documentHeaders(request) + more + [
                ("Cache-Control", "no-cache"), ("Accept-Ranges", "bytes"), ("Content-Type", document.mediaType),
            ]
        answer(document.body, document.entityTag, headers, KeptConditions(request), &responder)
    }

    /// Sends bytes with a tag (in quotes), a part of them, or what their request's conditions make of them.
    func answer(
        _ body: [UInt8],
        _ entityTag: String,
        _ headers: [(StaticString, String)],
        _ conditions: KeptConditions,
        _ responder: inout Responder
    ) {
        var headers = headers + [("ETag", entityTag)]
        switch conditions.outcome(tag: Array(entityTag.utf8), byteCount: body.count) {
        case .whole: responder.send(status: .ok, headers: headers, body: body)
        case .notModified: responder.send(status: .notModified, headers: headers, body: [])
        case .part(let part):
            headers.append(("Content-Range", PartText.range(part, of: body.count)))
            responder.send(status: .partialContent, headers: headers, body: Array(body[part]))
        case .rangeNotSatisfiable:
            refuse(.rangeNotSatisfiable, PartText.refusal, &responder, contentRange: body.count)
        case .preconditionFailed: refuse(.preconditionFailed, "it is another one\n", &responder)
        }
    }

    /// The fields of every document, for who asks.
    func documentHeaders(_ request: borrowing Request) -> [(StaticString, String)] {
        guard let index = originIndex(request), let rules = shared.crossOrigin else { return shared.documentHeaders }
        return shared.documentHeaders + CrossOriginRules.fields(for: rules.allowedOrigins[index])
    }

    private func preflight(_ request: borrowing Request, _ responder: inout Responder) {
        scratch.removeAll(keepingCapacity: true)
        if let index = originIndex(request) { scratch += shared.origins[index] }
        unsafe shared.preflight.withUnsafeBytes { head in
            unsafe send(.noContent, head: head, UnsafeRawBufferPointer(start: nil, count: 0), nil, &responder)
        }
    }

    private func probe(_ status: Status, _ text: String, _ responder: inout Responder) {
        send(status, "text/plain; charset=utf-8", Array(text.utf8), "no-store", &responder)
    }

    func refuse(
        _ status: Status,
        _ text: String,
        _ responder: inout Responder,
        retryAfter: Int? = nil,
        contentRange: Int? = nil
    ) {
        var headers: [(StaticString, String)] = []
        if let retryAfter { headers.append(("Retry-After", String(retryAfter))) }
        if let contentRange { headers.append(("Content-Range", "bytes */\(contentRange)")) }
        send(status, "text/plain; charset=utf-8", Array(text.utf8), "no-store", &responder, headers)
    }

    func send(
        _ status: Status,
        _ mediaType: String,
        _ body: [UInt8],
        _ cacheControl: String,
        _ responder: inout Responder,
        _ more: [(StaticString, String)] = []
    ) {
        let headers =
            shared.documentHeaders + [("Content-Type", mediaType), ("Cache-Control", cacheControl)] + more
        responder.send(status: status, headers: headers, body: body)
    }
}

/// What is known of an answer besides its tile.
private struct AnswerContext {
    let entry: ServedCatalog.Entry
    let tier: TileTier
    let isVersioned: Bool
    /// Which of several allowed origins asks.
    let origin: Int?
    /// Nanoseconds, where they are worth telling.
    var duration: Int?
    /// Whether the format was chosen by the Accept field.
    var byAccept = false

    init(entry: ServedCatalog.Entry, tier: TileTier, isVersioned: Bool, origin: Int?) {
        self.entry = entry
        self.tier = tier
        self.isVersioned = isVersioned
        self.origin = origin
    }
}

/// What answers with parts say (RFC 9110, 14.4).
private enum PartText {
    static let refusal = "the range lies beyond the end\n"

    static func range(_ part: Range<Int>, of byteCount: Int) -> String {
        "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(byteCount)"
    }

    static func lines(_ part: Range<Int>, of byteCount: Int) -> String.UTF8View {
        "Content-Range: \(range(part, of: byteCount))\r\nContent-Length: \(part.count)\r\n".utf8
    }
}
