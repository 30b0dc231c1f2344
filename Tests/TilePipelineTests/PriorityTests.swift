// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import Foundation
import LockFree
import Telemetry
import TestSupport
import Testing
import TileCache
import TileModel
import TileSources

@testable import TilePipeline

/// A slide whose families are loaded when they may be, and which notes the order in which they are asked for.
private final class GatedSlide: TileSource {
    private let slide: any TileSource
    /// Whether families may be loaded, and the parents of those that were begun.
    let state = ConditionLock((isOpen: false, begun: [TileCoordinate]()))

    init() throws {
        slide = try openSource(SharedData.packageRoot.appending(path: "tiles-sample/tissue").path, logger: .silent)
    }

    var info: TilesetInfo { slide.info }

    func family(for tile: TileCoordinate) -> Family? { slide.family(for: tile) }

    func readTile(_ tile: TileCoordinate, into buffer: TileBuffer) throws(SourceError) -> StoredTileFile {
        try slide.readTile(tile, into: buffer)
    }

    func load(_ family: Family, into material: FamilyMaterial) throws(SourceError) {
        state.withLock { $0.begun.append(family.parent) }
        state.wait { $0.isOpen ? () : nil }
        try slide.load(family, into: material)
    }

    func open() {
        state.withLock { $0.isOpen = true }
        state.broadcast()
    }
}

/// Keeps the tickets in the order of their answers.
private final class AnswerOrder: TileReceiver {
    private let answers = Lock<[UInt64]>([])

    func receive(_ outcome: TileOutcome, for ticket: UInt64) {
        if case .tile(let pinned, _) = outcome { pinned.release() }
        answers.withLock { $0.append(ticket) }
    }

    var tickets: [UInt64] { answers.withLock { $0 } }
}

private struct NoHeaders: TileHeaderWriting {
    func appendHeaders(
        of key: TileKey,
        entityTag: UInt64,
        format: TileFormat,
        byteCount: Int,
        modified: Int?,
        isGzip: Bool,
        to block: inout [UInt8]
    ) {
        block += "\r\n".utf8
    }
}

@Suite("Who is served first")
struct PriorityTests {
    @Test("a viewer's cold tiles are made before any pre-warm work that has not begun", arguments: [1, 2])
    func viewersFirst(workers: Int) throws {
        let slide = try GatedSlide()
        let cache = try TileCache(configuration: TileCacheConfiguration(byteBudget: 64 << 20), logger: .silent)
        try cache.startKeeper()
        var configuration = TilePipeline.Configuration(workers: workers, nice: 0)
        configuration.looksAhead = false
        let pipeline = TilePipeline(
            configuration: configuration,
            cache: cache,
            metrics: MetricsRegistry(),
            logger: .silent
        )
        try pipeline.start()
        let tileset = OpenTileset(
            ordinal: 1,
            id: "slide",
            source: slide,
            parameters: .standard,
            headers: NoHeaders()
        )
        let participant = cache.makeParticipant()
        let order = AnswerOrder()
        func submit(_ tile: TileCoordinate, _ scope: TileRequest.Scope, ticket: UInt64) throws {
            let key = try #require(tileset.key(of: tile, format: .jpeg, padded: false))
            let submission = participant.withGuard {
                pipeline.submit(
                    TileRequest(tileset: tileset, key: key, scope: scope),
                    receiver: order,
                    ticket: ticket,
                    by: participant
                )
            }
            guard case .pending = submission else {
                Issue.record("\(tile) was not accepted")
                return
            }
        }
        let parentLevel = slide.info.pyramid.maxLevel - 2
        let parents = (0..<9).map { TileCoordinate(level: parentLevel, x: $0 % 3, y: $0 / 3) }
        // Six families of a pre-warm; as many as there are workers are begun, and stand still in their source.
        for (index, parent) in parents[..<6].enumerated() {
            try submit(parent, .family(levels: 3), ticket: 100 + UInt64(index))
        }
        #expect(eventually { slide.state.withLock { Set($0.begun).count } == workers })
        let begun = slide.state.withLock { Set($0.begun) }
        // Then viewers come, for tiles of the other three.
        for (index, parent) in parents[6...].enumerated() {
            let child = TileCoordinate(level: parentLevel + 1, x: parent.x * 2, y: parent.y * 2)
            try submit(child, .tile, ticket: UInt64(index))
        }
        slide.open()
        #expect(eventually { order.tickets.count == 9 })
        pipeline.stop()
        cache.stop()
        let loads = slide.state.withLock { $0.begun }
        let lastViewer = try #require(parents[6...].compactMap { loads.firstIndex(of: $0) }.max())
        let before = loads[..<lastViewer].filter { parents[..<6].contains($0) && !begun.contains($0) }
        #expect(before.isEmpty, "\(loads)")
        #expect(Set(loads).count == 9, "all were made in the end")
        if workers == 1 { #expect(order.tickets.prefix(3) == [0, 1, 2], "\(order.tickets)") }
    }
}
