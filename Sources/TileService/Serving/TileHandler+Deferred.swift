// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer
import Telemetry
import TileCache
import TileModel
import TilePipeline

/// Tiles that the pipeline makes or fetches: what is remembered of a request until then, and its answer.
extension TileHandler {
    /// What is remembered of a deferred request.
    struct Waiting {
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

    /// Hands a request that memory could not answer to the pipeline.
    func submit(_ waiting: Waiting, _ responder: inout Responder) {
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
    func lookAgain(_ waiting: Waiting, _ responder: inout Responder) {
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

    /// Answers a deferred request with its tile.
    func answer(_ tile: StoredTile, _ tier: TileTier, _ waiting: Waiting, _ responder: inout Responder) {
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
    func answer(_ file: FileTile, _ tier: TileTier, _ waiting: Waiting, _ responder: inout Responder) {
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

    func count(_ waiting: Waiting, _ tier: TileTier, _ status: Status) {
        waiting.entry.counts.add(tier, status)
    }
}
