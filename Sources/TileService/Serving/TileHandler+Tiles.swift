// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer
import Prewarm
import Telemetry
import TileCache
import TileModel
import TilePipeline

/// Tiles that memory has. What it has not goes on in +Deferred.
extension TileHandler {
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
}
