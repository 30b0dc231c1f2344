// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPServer
import LockFree
import Telemetry
import TestSupport
import Testing
import TileCache
import TileModel
import TilePipeline

@testable import TileService

/// A shared tier that has one enormous tile, in a file; and a fleet in which another server is always about to render.
private final class StagedTier: FleetTier, FileTier {
    let kind = TileTier.shared
    let prefersWholeFamilies = false
    var isAvailable: Bool { true }
    let bytes = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
    private let path: String
    let state = Lock((asked: 0, claims: 0, releases: 0, written: 0, isElsewhere: false, hasTile: true))

    init(_ folder: TemporaryDirectory) throws { path = try folder.write("tile", [1, 2, 3] + bytes) }

    func get(_ keys: [TierKey], of family: TierFamilyKey, into buffer: TierBuffer) -> [TierAnswer] {
        let hasTile = state.withLock { state in
            state.asked += 1
            return state.hasTile
        }
        buffer.removeAll()
        return keys.map { key in
            guard hasTile, key.tile == TileCoordinate(level: 12, x: 3, y: 2) else { return .absent }
            let range = buffer.take(bytes.count)
            buffer.bytes.replaceSubrange(range, with: bytes)
            return .found(TierTile(range: range, cost: 1))
        }
    }

    func region(of key: TierKey) -> TierRegion? {
        let descriptor = unsafe open(path, O_RDONLY)
        return descriptor < 0 ? nil : TierRegion(descriptor: descriptor, offset: 3, byteCount: bytes.count)
    }

    func insert(_ write: TierWrite) -> TierInsertOutcome {
        state.withLock { $0.written += write.tiles.count }
        return .stored
    }

    func delete(_ keys: [TierKey], of family: TierFamilyKey) -> Bool { true }
    func close() {}

    func claim(
        _ family: TierFamilyKey,
        lookingFor keys: [TierKey],
        into buffer: TierBuffer
    ) -> (claim: FleetClaim, answers: [TierAnswer]) {
        let claim = state.withLock { state -> FleetClaim in
            state.claims += 1
            return state.isElsewhere ? .elsewhere : .granted
        }
        return (claim, get(keys, of: family, into: buffer))
    }

    func release(_ family: TierFamilyKey) { state.withLock { $0.releases += 1 } }
}

@Suite("A service with tiers behind memory", .serialized)
struct TierServiceTests {
    private static let big = "/dzi/tissue_files/12/3_2.jpg"
    private static let other = "/dzi/tissue_files/12/4_2.jpg"

    private static func service(_ tier: StagedTier) throws -> TileService {
        var http = HTTPServerConfiguration()
        http.listen = [ListenAddress("127.0.0.1", port: 0)]
        http.reactors = 1
        var configuration = TileService.Configuration(
            paths: [SharedData.packageRoot.appending(path: "tiles-sample").path],
            cache: TileCacheConfiguration(byteBudget: TileCacheConfiguration.minByteBudget),
            pipeline: TilePipeline.Configuration(workers: 1),
            http: http
        )
        configuration.makeSharedTier = { (_, _) throws(ThreadError) -> any FleetTier in tier }
        configuration.tiers.fleetPatience = .milliseconds(300)
        configuration.tiers.patience = .seconds(30)
        let service = try TileService(configuration, logger: .silent)
        try service.start()
        return service
    }

    @Test("a tile that memory does not take is sent from its file: whole, in part, by its tag")
    func file() throws {
        let folder = try TemporaryDirectory()
        let tier = try StagedTier(folder)
        let service = try Self.service(tier)
        defer { service.stop(deadline: .seconds(5)) }
        let port = service.ports[0]
        let whole = try HTTPClient.get(port: port, Self.big)
        #expect(whole.status == 200 && whole["cache-status"] == "orizuru; hit; detail=shared")
        expectBytes(whole.body, equal: tier.bytes)
        #expect(whole["content-length"] == "700000")
        let part = try HTTPClient.get(port: port, Self.big, fields: ["Range: bytes=100-299"])
        #expect(part.status == 206)
        expectBytes(part.body, equal: Array(tier.bytes[100..<300]))
        #expect(part["content-range"] == "bytes 100-299/700000")
        // From memory or from its file, a rendered tile has the tag of its edition, and that is known without it.
        let known = try HTTPClient.get(port: port, Self.big, fields: ["If-None-Match: \(whole["etag"] ?? "")"])
        #expect(known.status == 304)
        let beyond = try HTTPClient.get(port: port, Self.big, fields: ["Range: bytes=900000-"])
        #expect(beyond.status == 416)
        #expect(tier.state.withLock { $0.asked } >= 3, "it is in memory after all")
    }

    @Test("what no tier has is rendered, written to them, and the announcement to the fleet is taken back")
    func claims() throws {
        let folder = try TemporaryDirectory()
        let tier = try StagedTier(folder)
        let service = try Self.service(tier)
        let answer = try HTTPClient.get(port: service.ports[0], Self.other)
        #expect(answer.status == 200 && answer["cache-status"] == "orizuru; fwd=miss; detail=render")
        #expect(eventually { tier.state.withLock { $0.releases > 0 && $0.releases == $0.claims } })
        #expect(tier.state.withLock { $0.written } > 0)
        service.stop(deadline: .seconds(5))
    }

    @Test(
        "a tile that another server renders is waited for, asked for again, and rendered after all when it does not come"
    )
    func elsewhere() throws {
        let folder = try TemporaryDirectory()
        let tier = try StagedTier(folder)
        tier.state.withLock { $0.isElsewhere = true }
        let service = try Self.service(tier)
        defer { service.stop(deadline: .seconds(5)) }
        let port = service.ports[0]
        let answer = try HTTPClient.get(port: port, Self.other)
        #expect(answer.status == 200 && answer["cache-status"] == "orizuru; fwd=miss; detail=render")
        #expect(tier.state.withLock { $0.asked } > 2)
        // And where it does come, nothing is rendered.
        tier.state.withLock { $0.hasTile = false }
        let late = try OSThread(name: "late") {
            usleep(100_000)
            tier.state.withLock { $0.hasTile = true }
        }
        let given = try HTTPClient.get(port: port, Self.big)
        late.join()
        #expect(given.status == 200 && given["cache-status"] == "orizuru; hit; detail=shared")
        expectBytes(given.body, equal: tier.bytes)
    }
}
