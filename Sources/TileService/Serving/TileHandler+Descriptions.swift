// SPDX-License-Identifier: Apache-2.0

import HTTPFrontend
import HTTPMessages
import HTTPServer
import TileDescriptions
import TileModel
import TilePipeline

/// The protocols of other viewers: TileJSON, WMTS, IIIF, Zoomify, and thumbnails.
extension TileHandler {
    func describe(_ route: Route, _ request: borrowing Request, _ responder: inout Responder) {
        switch route {
        case .tileJSON(let index): document(catalog.tileJSON(index, base: base(request)), request, &responder)
        case .zoomify(let index): document(catalog.zoomify(index), request, &responder)
        case .wmtsCapabilities: document(catalog.mapTileService(base: base(request)), request, &responder)
        case .wmtsKeyValue: mapTileService(request, &responder)
        case .iiifBase(let index): redirectToInfo(index, request, &responder)
        case .iiifInfo(let index):
            let accepts = unsafe request.field(.accept).map { unsafe String(decoding: $0, as: UTF8.self) } ?? ""
            let info = catalog.iiif(index, base: base(request), asLinkedData: accepts.contains("application/ld+json"))
            document(info, request, &responder, more: [("Vary", "Accept")])
        case .iiifImage(let index): image(catalog.entries[index], request, &responder)
        case .thumbnail(let index): thumbnail(catalog.entries[index], request, &responder)
        default: refuse(.notFound, "not found\n", &responder)
        }
    }

    /// What absolute URLs begin with: the address that the client asked for. Empty where it named none (HTTP/1.0).
    private func base(_ request: borrowing Request) -> String {
        RequestOrigin(request, trusting: shared.trustedProxies).base ?? ""
    }

    // MARK: WMTS

    private func mapTileService(_ request: borrowing Request, _ responder: inout Responder) {
        let query = unsafe String(decoding: request.query, as: UTF8.self)
        do throws(WMTSRequestError) {
            switch try WMTSKeyValueRequest(query: query) {
            case .capabilities: document(catalog.mapTileService(base: base(request)), request, &responder)
            case .tile(let layer, let place, let format, let gridName):
                let entry = try catalog.layer(layer, format: format, gridName: gridName)
                guard entry.tileset.pyramid.contains(place) else {
                    throw WMTSRequestError(.outOfRange, locator: "TILEMATRIX", "has no such tile")
                }
                tile(entry, place, format, true, request, &responder)
            }
        } catch {
            send(
                error.code == .notSupported ? .notImplemented : .badRequest,
                "application/xml",
                Array(error.report.utf8),
                "no-store",
                &responder
            )
        }
    }

    // MARK: IIIF and thumbnails

    private func redirectToInfo(_ index: Int, _ request: borrowing Request, _ responder: inout Responder) {
        guard catalog.entries[index].summary.hasImageService else {
            return refuse(.notFound, "not found\n", &responder)
        }
        let place = "\(base(request))/iiif/\(catalog.entries[index].tileset.id)/info.json"
        send(
            .seeOther,
            "text/plain; charset=utf-8",
            Array("\(place)\n".utf8),
            "no-cache",
            &responder,
            [
                ("Location", place)
            ]
        )
    }

    private func image(_ entry: ServedCatalog.Entry, _ request: borrowing Request, _ responder: inout Responder) {
        guard entry.summary.hasImageService else { return refuse(.notFound, "not found\n", &responder) }
        // SAFETY: the request's bytes are valid and unchanged for this call.
        let segments = Router.segments(of: unsafe request.path.assumingMemoryBound(to: UInt8.self).span)
        guard segments.count == 6 else { return refuse(.notFound, "not found\n", &responder) }
        let asked: IIIFImageRequest
        do {
            asked = try IIIFImageRequest(
                region: segments[2],
                size: segments[3],
                rotation: segments[4],
                qualityAndFormat: segments[5],
                full: entry.tileset.pyramid.size,
                maxArea: IIIFDocument.maxArea
            )
        } catch {
            return refuse(.badRequest, "\(error)\n", &responder)
        }
        // What viewers ask for nearly always is a tile as it is stored or rendered anyway.
        if entry.tileset.canMake(asked.format), !asked.isMirrored, asked.quarterTurns == 0, asked.quality == .color,
            let place = PicturePlan.tile(showing: asked.region, at: asked.size, in: entry.tileset.pyramid)
        {
            return tile(entry, place, asked.format, false, request, &responder)
        }
        var picture = PictureRequest(tileset: entry.tileset, region: asked.region, size: asked.size)
        picture.isMirrored = asked.isMirrored
        picture.quarterTurns = asked.quarterTurns
        picture.colours =
            switch asked.quality {
            case .color: .all
            case .gray: .gray
            case .bitonal: .blackAndWhite
            }
        picture.format = asked.format
        submit(picture, entry, request, &responder)
    }

    private func thumbnail(_ entry: ServedCatalog.Entry, _ request: borrowing Request, _ responder: inout Responder) {
        guard entry.summary.isDecodable else { return refuse(.notFound, "not found\n", &responder) }
        let region = entry.summary.thumbnailRegion
        let side = 256
        let part = min(Double(side) / Double(max(region.width, region.height)), 1)
        let size = GridSize(
            width: max(Int((Double(region.width) * part).rounded()), 1),
            height: max(Int((Double(region.height) * part).rounded()), 1)
        )
        submit(PictureRequest(tileset: entry.tileset, region: region, size: size), entry, request, &responder)
    }

    // MARK: Pictures

    private func submit(
        _ picture: PictureRequest,
        _ entry: ServedCatalog.Entry,
        _ request: borrowing Request,
        _ responder: inout Responder
    ) {
        guard PicturePlan(region: picture.region, size: picture.size, pyramid: picture.tileset.pyramid) != nil else {
            return refuse(.badRequest, "the picture would take more pixels than are read for one\n", &responder)
        }
        let headers =
            documentHeaders(request) + [
                ("Cache-Control", entry.cacheControl), ("Accept-Ranges", "bytes"),
                ("Content-Type", "\(picture.format.mediaType)"),
            ]
        let waiting = WaitingPicture(headers: headers, conditions: KeptConditions(request))
        let ticket = responder.deferred()
        waitingPictures[ticket] = waiting
        if !shared.pictures.submit(picture, receiver: pictureInbox, ticket: ticket.bits) {
            pictureInbox.receive(shared.isReady ? .overloaded : .stopped, for: ticket.bits)
        }
    }

    func completed(_ ticket: Ticket, _ completion: PictureCompletion, _ responder: inout Responder) {
        guard let waiting = waitingPictures.removeValue(forKey: ticket) else {
            return refuse(.internalError, "an answer was lost\n", &responder)
        }
        switch completion.outcome {
        case .picture(let bytes):
            // Its tiles may lie in files of their own, so only its bytes tell whether it is the same.
            let tag = Document.entityTag(of: bytes)
            answer(bytes, tag, waiting.headers, waiting.conditions, &responder)
        case .failed: refuse(.internalError, "the picture could not be made; the server's log says why\n", &responder)
        case .overloaded:
            refuse(.unavailable, "too much is being rendered; try again\n", &responder, retryAfter: 1)
        case .stopped: refuse(.unavailable, "the server is stopping\n", &responder)
        }
    }
}

/// What is remembered of a request for a picture.
struct WaitingPicture {
    let headers: [(StaticString, String)]
    let conditions: KeptConditions
}

/// Carries pictures from their threads to the reactor that waits for them, through its mailbox. Any thread.
final class PictureInbox: PictureReceiver {
    private let mailbox: Mailbox

    init(mailbox: Mailbox) { self.mailbox = mailbox }

    /// A reactor that has stopped takes nothing; then nobody waits.
    func receive(_ outcome: PictureOutcome, for ticket: UInt64) {
        _ = mailbox.post(Ticket(bits: ticket), PictureCompletion(outcome))
    }
}

/// How a picture ended, as it lies in a mailbox.
final class PictureCompletion: Sendable {
    let outcome: PictureOutcome

    init(_ outcome: PictureOutcome) { self.outcome = outcome }
}
