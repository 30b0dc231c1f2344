// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer
import Telemetry
import TileCache
import TileModel
import TilePipeline

/// Answers the requests of one reactor.
///
/// The path that everything else serves is `handle` -> `tile`: route in place, make a key, look it up
/// without a lock, send the block's stored bytes. It allocates nothing. Everything else may take its time.
///
/// Files: +Tiles (from memory), +Deferred (from the pipeline), +Answers (what goes out for a tile), +Documents,
/// +Descriptions, +Pages.
///
/// Thread rule: the reactor's thread alone. Between `turnBegins` and `turnEnds` it is on-line in the cache's epochs,
/// so what a look-up gives stays valid until the turn ends.
final class TileHandler: RequestHandler {
    let shared: ServiceState
    let participant: CacheParticipant
    let inbox: ReactorInbox
    private(set) var catalog: ServedCatalog
    private var catalogGeneration: Int
    /// Fields that make a request for a tile more than a plain one.
    let unusual: KnownFields
    /// The same without If-None-Match.
    let rare: KnownFields
    /// Field lines in the making, reused.
    var scratch: [UInt8] = []
    /// See `turnClock`; 0 where it was not read in this turn.
    var clock = 0
    /// Deferred requests that were not answered yet.
    var waiting: [Ticket: Waiting] = [:]
    /// Requests for pictures that were not answered yet.
    var waitingPictures: [Ticket: WaitingPicture] = [:]
    let pictureInbox: PictureInbox

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

    /// Which of several allowed origins asks; nil where there are not several, or another one asks.
    func originIndex(_ request: borrowing Request) -> Int? {
        guard !shared.origins.isEmpty, let origin = unsafe request.field(.origin) else { return nil }
        return unsafe shared.origins.index(of: origin)
    }
}
