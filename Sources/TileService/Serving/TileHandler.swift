// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer
import LockFree
import Synchronization
import Telemetry
import TileCache
import TileModel
import TilePipeline

/// Answers the requests of one reactor.
///
/// The path that everything else serves is `handle` -> `tile` -> `answerHit`: route in place, make a key, look it up
/// without a lock, send the block's stored bytes. It allocates nothing. Everything else may take its time.
///
/// Thread rule: the reactor's thread alone. Between `turnBegins` and `turnEnds` it is on-line in the cache's epochs,
/// so what a look-up gives stays valid until the turn ends.
final class TileHandler: RequestHandler {
    private let shared: ServiceState
    private let participant: CacheParticipant
    private let inbox: ReactorInbox
    private var catalog: ServedCatalog
    private var catalogGeneration: Int
    private let lines: AnswerLines
    /// Field lines in the making, reused.
    private var scratch: [UInt8] = []
    /// Deferred requests that were not answered yet.
    private var waiting: [Ticket: Waiting] = [:]

    /// What is remembered of a deferred request.
    private struct Waiting {
        /// Nil until the pipeline has taken it.
        var pending: TilePipeline.Pending?
        let request: TileRequest
        let counts: RequestCounts
        let isVersioned: Bool
        /// The value of If-None-Match, to be compared with the tile's tag once that is known.
        let knownTags: [UInt8]?
        let start: Int
        var retries = 0
    }

    init(shared: ServiceState, mailbox: Mailbox) {
        self.shared = shared
        participant = shared.cache.makeParticipant()
        inbox = ReactorInbox(mailbox: mailbox)
        (catalog, catalogGeneration) = shared.catalog.current
        lines = shared.lines
    }

    // MARK: RequestHandler

    func turnBegins() {
        participant.goOnline()
        if let newer = shared.catalog.newer(than: catalogGeneration) { (catalog, catalogGeneration) = newer }
    }

    func turnEnds() { participant.goOffline() }

    func handle(_ request: borrowing Request, _ responder: inout Responder) {
        if request.method == .options {
            unsafe shared.preflight.withUnsafeBytes { head in
                unsafe responder.send(
                    status: .noContent,
                    head: head,
                    body: UnsafeRawBufferPointer(start: nil, count: 0),
                    owner: nil
                )
            }
            return
        }
        // SAFETY: the request's bytes are valid and unchanged for this call.
        let path = unsafe request.path.assumingMemoryBound(to: UInt8.self).span
        switch catalog.router.route(path) {
        case .tile(let index, let place, let format, let padded):
            tile(catalog.entries[index], place, format, padded, request, &responder)
        case .deepZoom(let index): document(catalog.deepZoom(index), request, &responder)
        case .viewer(let index): document(catalog.viewer(index), request, &responder)
        case .asset(let index): document(Pages.assets[index].document, request, &responder)
        case .home: document(catalog.home, request, &responder)
        case .catalog: document(catalog.catalog, request, &responder)
        case .healthy: probe(.ok, "ok\n", &responder)
        case .ready: shared.isReady ? probe(.ok, "ready\n", &responder) : probe(.unavailable, "stopping\n", &responder)
        case .metrics:
            send(.ok, "text/plain; version=0.0.4; charset=utf-8", shared.metrics.render(), "no-store", &responder)
        case .notFound: refuse(.notFound, "not found\n", &responder)
        }
    }

    func completed(_ ticket: Ticket, _ payload: AnyObject, _ responder: inout Responder) {
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
        case .outcome(.missing):
            count(waiting, .render, .notFound)
            refuse(.notFound, "no such tile\n", &responder)
        case .outcome(.failed):
            count(waiting, .render, .internalError)
            refuse(.internalError, "the tile could not be made; the server's log says why\n", &responder)
        case .outcome(.stopped):
            count(waiting, .none, .unavailable)
            refuse(.unavailable, "the server is stopping\n", &responder)
        case .overloaded:
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
        guard let waiting = waiting.removeValue(forKey: ticket), let pending = waiting.pending else { return }
        shared.pipeline.withdraw(pending)
    }

    // MARK: Tiles

    private func tile(
        _ entry: ServedCatalog.Entry,
        _ place: TileCoordinate,
        _ format: TileFormat,
        _ padded: Bool,
        _ request: borrowing Request,
        _ responder: inout Responder
    ) {
        let start = MonotonicClock.nanoseconds
        let tileset = entry.tileset
        let counts = entry.counts
        guard format == tileset.format, let key = tileset.key(of: place, format: format, padded: padded) else {
            counts.add(.none, .notFound)
            refuse(.notFound, "no such tile\n", &responder)
            return
        }
        let isVersioned = Self.names(version: entry.versionText, request)
        let known = unsafe request.field(.ifNoneMatch)
        let wantsFamily = Self.wantsFamily(request)
        if !wantsFamily, let found = shared.cache.find(key, by: participant) {
            let stored = unsafe StoredTile(headers: found.headers, body: found.body, block: found.object)
            if let known = unsafe known, unsafe stored.isListed(in: known) {
                notModified(stored, found.tier, isVersioned, &responder)
                counts.add(found.tier, .notModified)
            } else {
                send(stored, found.tier, isVersioned, &responder)
                counts.add(found.tier, .ok)
            }
            shared.latency[found.tier].observe(nanoseconds: MonotonicClock.nanoseconds - start)
            return
        }
        let waiting = unsafe Waiting(
            request: TileRequest(tileset: tileset, key: key, scope: wantsFamily ? .family : .tile),
            counts: counts,
            isVersioned: isVersioned,
            knownTags: known.map { unsafe Array($0) },
            start: start
        )
        if !wantsFamily, let known = waiting.knownTags, let tag = tileset.knownEntityTag(of: key),
            EntityTagText.isListed(tag, in: known), known != [UInt8(ascii: "*")]
        {
            // A tile that is rendered has its tag before it is: nothing need be made to say that it is the same.
            notModified(tag, .none, isVersioned, &responder)
            counts.add(.none, .notModified)
            return
        }
        submit(waiting, &responder)
    }

    /// Answers a deferred request with its tile.
    private func answer(_ tile: StoredTile, _ tier: TileTier, _ waiting: Waiting, _ responder: inout Responder) {
        if let known = waiting.knownTags, tile.isListed(in: known) {
            notModified(tile, tier, waiting.isVersioned, &responder)
            count(waiting, tier, .notModified)
        } else {
            send(tile, tier, waiting.isVersioned, &responder)
            count(waiting, tier, .ok)
        }
        shared.latency[tier].observe(nanoseconds: MonotonicClock.nanoseconds - waiting.start)
    }

    private func send(_ tile: StoredTile, _ tier: TileTier, _ isVersioned: Bool, _ responder: inout Responder) {
        unsafe lines[tier, isVersioned: isVersioned && tile.isOfVersion].withUnsafeBytes { extra in
            unsafe responder.send(
                status: .ok,
                head: tile.headers,
                body: tile.body,
                owner: tile.owner,
                extra: extra
            )
        }
    }

    /// Hands a request that memory could not answer to the pipeline.
    private func submit(_ waiting: Waiting, _ responder: inout Responder) {
        let ticket = responder.deferred()
        var waiting = waiting
        switch shared.pipeline.submit(waiting.request, receiver: inbox, ticket: ticket.bits, by: participant) {
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
        if let found = shared.cache.find(waiting.request.key, by: participant) {
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

    private func count(_ waiting: Waiting, _ tier: TileTier, _ status: Status) { waiting.counts.add(tier, status) }

    // MARK: Conditions

    /// Whether the query is `v=` and the tileset's version: then the URL can be kept for ever.
    private static func names(version: [UInt8], _ request: borrowing Request) -> Bool {
        let query = unsafe request.query
        guard query.count == version.count + 2, unsafe query[0] == UInt8(ascii: "v"),
            unsafe query[1] == UInt8(ascii: "=")
        else { return false }
        for index in 0..<version.count where unsafe query[index + 2] != version[index] { return false }
        return true
    }

    private static func wantsFamily(_ request: borrowing Request) -> Bool {
        guard let value = unsafe request.field(.orizuruPrewarm) else { return false }
        return unsafe value.elementsEqual("family".utf8)
    }

    private func notModified(_ tile: StoredTile, _ tier: TileTier, _ isVersioned: Bool, _ responder: inout Responder) {
        scratch.removeAll(keepingCapacity: true)
        unsafe scratch.append(contentsOf: tile.entityTagLine)
        sendNotModified(tier, isVersioned && tile.isOfVersion, &responder)
    }

    private func notModified(_ tag: UInt64, _ tier: TileTier, _ isVersioned: Bool, _ responder: inout Responder) {
        scratch.removeAll(keepingCapacity: true)
        TileHeaders.appendEntityTagLine(tag, to: &scratch)
        sendNotModified(tier, isVersioned, &responder)
    }

    private func sendNotModified(_ tier: TileTier, _ isVersioned: Bool, _ responder: inout Responder) {
        scratch += lines[tier, isVersioned: isVersioned]
        unsafe shared.notModifiedHead.withUnsafeBytes { head in
            unsafe scratch.withUnsafeBytes { extra in
                unsafe responder.send(
                    status: .notModified,
                    head: head,
                    body: UnsafeRawBufferPointer(start: nil, count: 0),
                    owner: nil,
                    extra: extra
                )
            }
        }
    }

    // MARK: Documents and refusals

    private func document(_ document: Document?, _ request: borrowing Request, _ responder: inout Responder) {
        guard let document else {
            refuse(.notFound, "not found\n", &responder)
            return
        }
        let isKnown: Bool =
            if let known = unsafe request.field(.ifNoneMatch) {
                unsafe EntityTagText.isListed(Array(document.entityTag.utf8), in: Array(known))
            } else { false }
        responder.send(
            status: isKnown ? .notModified : .ok,
            headers: shared.documentHeaders + [
                ("ETag", document.entityTag), ("Cache-Control", "no-cache"), ("Content-Type", document.mediaType),
            ],
            body: isKnown ? [] : document.body
        )
    }

    private func probe(_ status: Status, _ text: String, _ responder: inout Responder) {
        send(status, "text/plain; charset=utf-8", Array(text.utf8), "no-store", &responder)
    }

    private func refuse(_ status: Status, _ text: String, _ responder: inout Responder, retryAfter: Int? = nil) {
        send(status, "text/plain; charset=utf-8", Array(text.utf8), "no-store", &responder, retryAfter)
    }

    private func send(
        _ status: Status,
        _ mediaType: String,
        _ body: [UInt8],
        _ cacheControl: String,
        _ responder: inout Responder,
        _ retryAfter: Int? = nil
    ) {
        var headers = shared.documentHeaders
        headers.append(("Content-Type", mediaType))
        headers.append(("Cache-Control", cacheControl))
        if let retryAfter { headers.append(("Retry-After", String(retryAfter))) }
        responder.send(status: status, headers: headers, body: body)
    }
}
