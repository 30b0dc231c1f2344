// SPDX-License-Identifier: Apache-2.0

import Foundation
import LockFree
import TestSupport
import Testing
import TileModel

@Suite("Families on demand", .serialized)
struct FamilyTests {
    @Test("sixty-four requests at once for a cold family cost one render, and all answers are right")
    func singleFlight() throws {
        let server = try RunningServer([sampleFolder], ["--look-ahead", "off"])
        let family = try #require(Self.family)
        let urls = family.members.filter { $0 != 0 }.map { member -> String in
            let tile = family.coordinate(ofMember: member)
            return "/dzi/tissue_files/\(tile.level)/\(tile.x)_\(tile.y).jpg"
        }
        #expect(urls.count == 20)
        let answers = Lock<[Int: HTTPAnswer]>([:])
        let port = server.port
        let barrier = Barrier(count: 64)
        let threads = try (0..<64).map { index in
            try OSThread(name: "client-\(index)") {
                guard let client = try? HTTPClient(port: port) else { return }
                defer { client.close() }
                barrier.wait()
                guard (try? client.request(urls[index % urls.count])) != nil, let answer = try? client.readAnswer()
                else {
                    return
                }
                answers.withLock { $0[index] = answer }
            }
        }
        for thread in threads { thread.join() }
        let all = answers.withLock { $0 }
        #expect(all.count == 64)
        #expect(try server.metric("orizuru_family_renders_total") == 1)
        // What another server makes of each tile alone, asked one by one.
        let other = try RunningServer([sampleFolder], ["--workers", "1"])
        let expected = try urls.map { try other.get($0).body }
        #expect(Set(expected).count == urls.count, "no two tiles are alike")
        for (index, answer) in all {
            #expect(answer.status == 200)
            #expect(answer.body == expected[index % urls.count], "request \(index) got its own tile")
        }
        #expect(try server.metric("orizuru_family_renders_total") == 1)
    }

    @Test("after a pre-warm, requesting every tile renders nothing")
    func prewarm() throws {
        let server = try RunningServer([sampleFolder])
        let prewarm = try ServerProcess("orizuru", ["prewarm", "http://127.0.0.1:\(server.port)"])
        #expect(prewarm.waitForExit(timeout: 120) == 0, "\(prewarm.errors)")
        let renders = try server.metric("orizuru_family_renders_total")
        let encoded = try server.metric("orizuru_tiles_encoded_total")
        #expect(renders > 0)
        let again = try ServerProcess("orizuru", ["prewarm", "http://127.0.0.1:\(server.port)", "--progress", "json"])
        #expect(again.waitForExit(timeout: 120) == 0, "\(again.errors)")
        #expect(again.output.contains("\"misses\":0"), "what is warm is counted as a hit: \(again.output)")
        let client = try HTTPClient(port: server.port)
        defer { client.close() }
        for tileset in try server.catalog() {
            for tile in try #require(tileset.pyramid).allTiles {
                try client.request(tileset.url(tile))
                try client.request("/tiles/\(tileset.id)/\(tile.level)/\(tile.x)/\(tile.y).\(tileset.format)")
                for _ in 0..<2 {
                    let answer = try client.readAnswer()
                    #expect(answer.status == 200)
                    #expect(answer["cache-status"]?.hasPrefix("orizuru; hit") == true, "\(tileset.id) \(tile)")
                }
            }
        }
        #expect(try server.metric("orizuru_family_renders_total") == renders)
        #expect(try server.metric("orizuru_tiles_encoded_total") == encoded)
    }

    @Test("a pre-warm into a cache folder, without a server, leaves a later server nothing to render")
    func prewarmIntoFolder() throws {
        let folder = try TemporaryDirectory()
        let cache = folder.path + "/cache"
        let prewarm = try ServerProcess("orizuru", ["prewarm", sampleFolder + "/tissue", "--cache-dir", cache])
        #expect(prewarm.waitForExit(timeout: 120) == 0, "\(prewarm.errors)")
        let server = try RunningServer([sampleFolder + "/tissue"], ["--cache-dir", cache])
        let tissue = try #require(try server.catalog().first)
        let client = try HTTPClient(port: server.port)
        defer { client.close() }
        for tile in try #require(tissue.pyramid).allTiles {
            try client.request(tissue.url(tile))
            #expect(try client.readAnswer().status == 200)
        }
        // On a machine that is busy with other tests the disk may be too late for somebody: then his tile is rendered.
        let late = try server.metric("orizuru_tier_expired_total")
        let renders = try server.metric("orizuru_family_renders_total")
        #expect(renders <= late, "\(renders) renders, \(late) were too late")
    }

    @Test("a pre-warm of a path needs a folder to fill, and one of a server none")
    func prewarmPlaces() throws {
        for arguments in [["prewarm", sampleFolder], ["prewarm", "http://127.0.0.1:1", "--cache-dir", "/tmp/x"]] {
            let process = try ServerProcess("orizuru", arguments)
            #expect(process.waitForExit(timeout: 30) == 2)
            #expect(process.errors.contains("--cache-dir"))
        }
    }

    @Test("a pre-warm of a server that is not there fails, says so, and its exit code says it")
    func prewarmFails() throws {
        let prewarm = try ServerProcess("orizuru", ["prewarm", "http://127.0.0.1:1", "--retries", "0"])
        #expect(prewarm.waitForExit(timeout: 60) == 1)
        #expect(prewarm.errors.contains("127.0.0.1:1"))
    }

    @Test("a full render queue answers 503 with Retry-After at once, and memory hits go on")
    func overload() throws {
        let server = try RunningServer([sampleFolder], ["--workers", "1", "--queue-limit", "1"])
        let hot = "/dzi/tissue_files/8/0_0.jpg"
        #expect(try server.get(hot).status == 200)
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 2900, height: 2150), tileSize: 256, overlap: 0))
        let cold = pyramid.allTiles.filter { $0.level == 12 && $0.x % 4 == 0 && $0.y % 4 == 0 }
        #expect(cold.count == 9)
        var clients: [HTTPClient] = []
        for tile in cold {
            let client = try HTTPClient(port: server.port)
            try client.request("/dzi/tissue_files/12/\(tile.x)_\(tile.y).jpg")
            clients.append(client)
        }
        #expect(try server.get(hot).status == 200)
        let answers = try clients.map { try $0.readAnswer() }
        let refused = answers.filter { $0.status == 503 }
        #expect(answers.contains { $0.status == 200 })
        #expect(!refused.isEmpty)
        #expect(refused.allSatisfy { $0["retry-after"] == "1" })
        #expect(answers.count { $0.status == 200 } + refused.count == cold.count)
        #expect(try server.metric("orizuru_render_dropped_total{reason=\"overload\"}") == Double(refused.count))
    }

    @Test("work for clients that went away before it was begun is not begun")
    func abandoned() throws {
        let folder = try TemporaryDirectory()
        for index in 0..<8 { try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "tissue-\(index)") }
        let server = try RunningServer([folder.path], ["--workers", "1"])
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 2900, height: 2150), tileSize: 256, overlap: 0))
        let cold = pyramid.allTiles.filter { $0.level == 12 && $0.x % 4 == 0 && $0.y % 4 == 0 }
        let clients = try (0..<8).flatMap { index in
            try cold.map { tile in
                let client = try HTTPClient(port: server.port)
                try client.request("/dzi/tissue-\(index)_files/12/\(tile.x)_\(tile.y).jpg")
                return client
            }
        }
        // The only worker has begun a few of these families; the others wait when all clients go away.
        let waiting = try Self.poll {
            try server.metric("orizuru_render_queue_depth")
        } until: {
            $0 > 20
        }
        for client in clients { client.reset() }
        let dropped = try Self.poll {
            try server.metric("orizuru_render_dropped_total{reason=\"abandoned\"}")
        } until: {
            $0 > 0
        }
        _ = try Self.poll {
            try server.metric("orizuru_render_queue_depth")
        } until: {
            $0 == 0
        }
        #expect(dropped > 0, "\(waiting) families waited")
        #expect(try server.metric("orizuru_family_renders_total") < Double(clients.count))
    }

    /// Reads until the value is as it should be, or too long; the last value.
    private static func poll(_ read: () throws -> Double, until isReached: (Double) -> Bool) throws -> Double {
        var value = Double.nan
        _ = try eventually {
            value = try read()
            return isReached(value)
        }
        return value
    }

    /// The first whole family of the sample slide.
    private static var family: Family? {
        Pyramid(deepZoom: GridSize(width: 2900, height: 2150), tileSize: 256, overlap: 0).map { pyramid in
            Family(parent: TileCoordinate(level: 10, x: 0, y: 0), in: pyramid)
        }
    }
}
