// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer

/// Everything that is no tile: documents, probes, preflights and refusals.
extension TileHandler {
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

    func preflight(_ request: borrowing Request, _ responder: inout Responder) {
        scratch.removeAll(keepingCapacity: true)
        if let index = originIndex(request) { scratch += shared.origins[index] }
        unsafe shared.preflight.withUnsafeBytes { head in
            unsafe send(.noContent, head: head, UnsafeRawBufferPointer(start: nil, count: 0), nil, &responder)
        }
    }

    func probe(_ status: Status, _ text: String, _ responder: inout Responder) {
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
