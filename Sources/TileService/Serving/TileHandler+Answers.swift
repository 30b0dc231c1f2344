// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer
import TileModel
import TilePipeline

/// What goes out for a tile: the whole, a part, or what the request's conditions make of it; from memory or from a file.
extension TileHandler {
    /// Sends a tile, a part of it, or what its request's conditions make of it.
    func answer(
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
    func beginLines(_ context: AnswerContext) {
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
    func sendNotModified(
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

    func sendNotModified(_ context: AnswerContext, _ responder: inout Responder) {
        // SAFETY: the state's own array, alive as long as the state.
        unsafe shared.notModifiedHead.withUnsafeBytes { head in
            unsafe send(.notModified, head: head, UnsafeRawBufferPointer(start: nil, count: 0), nil, &responder)
        }
        context.entry.counts.add(context.tier, .notModified)
    }

    /// Sends an answer behind the scratch lines.
    func send(
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

    /// Sends a part of a file behind the scratch lines.
    func send(
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
}

/// What is known of an answer besides its tile.
struct AnswerContext {
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
enum PartText {
    static let refusal = "the range lies beyond the end\n"

    static func range(_ part: Range<Int>, of byteCount: Int) -> String {
        "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(byteCount)"
    }

    static func lines(_ part: Range<Int>, of byteCount: Int) -> String.UTF8View {
        "Content-Range: \(range(part, of: byteCount))\r\nContent-Length: \(part.count)\r\n".utf8
    }
}
