// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import LockFree
import TestSupport
import Testing
import TileModel

@Suite("The server as a whole", .serialized)
struct ServerTests {
    @Test("a tile is answered conditionally, by HEAD, and readable for other origins")
    func semantics() throws {
        let server = try RunningServer([sampleFolder])
        let path = "/dzi/tissue_files/12/1_1.jpg"
        let first = try server.get(path)
        let tag = try #require(first["etag"])
        #expect(first["cache-status"] == "orizuru; fwd=miss; detail=render")
        #expect(first["access-control-allow-origin"] == "*")
        #expect(first["cache-control"]?.contains("max-age=3600") == true)
        let second = try server.get(path, fields: ["If-None-Match: \"0\", W/\(tag)"])
        #expect(second.status == 304 && second.body.isEmpty && second["etag"] == tag)
        #expect(second["access-control-allow-origin"] == "*")
        let client = try HTTPClient(port: server.port)
        defer { client.close() }
        try client.request(path, method: "HEAD")
        let head = try client.readAnswer(hasBody: false)
        #expect(head.status == 200 && head["content-length"] == "\(first.body.count)" && head["etag"] == tag)
        try client.request(path, method: "OPTIONS", fields: ["Origin: http://a.example"])
        let preflight = try client.readAnswer()
        #expect(preflight.status == 204 && preflight["access-control-allow-methods"]?.contains("GET") == true)
    }

    @Test("a tile that was never rendered is 304 for who knows it, and still not rendered")
    func conditionalWithoutRendering() throws {
        let path = "/dzi/tissue_files/12/1_1.jpg"
        let first = try RunningServer([sampleFolder])
        let tag = try #require(try first.get(path)["etag"])
        let restarted = try RunningServer([sampleFolder])
        #expect(try restarted.get(path, fields: ["If-None-Match: \(tag)"]).status == 304)
        #expect(try restarted.metric("orizuru_family_renders_total") == 0)
        #expect(try restarted.get(path)["etag"] == tag, "an ETag outlives the process")
        let otherQuality = try RunningServer([sampleFolder], ["--quality", "80"])
        #expect(try otherQuality.get(path, fields: ["If-None-Match: \(tag)"]).status == 200)
    }

    @Test("a stored tile that changes on disk gets another ETag, and no 304 for the old one")
    func changedFile() throws {
        let folder = try TemporaryDirectory()
        let map = try folder.copy(URL(fileURLWithPath: sampleFolder + "/world"), to: "world")
        let options = ["--memory", "4MiB"]
        let path = "/tiles/world/1/0/0.png"
        let first = try RunningServer([map], options)
        let before = try first.get(path)
        let tag = try #require(before["etag"])
        let other = try Data(contentsOf: URL(fileURLWithPath: map + "/1/1/1.png"))
        try other.write(to: URL(fileURLWithPath: map + "/1/0/0.png"))
        let second = try RunningServer([map], options)
        let after = try second.get(path, fields: ["If-None-Match: \(tag)"])
        #expect(after.status == 200 && after.body == [UInt8](other))
        #expect(after["etag"] != tag)
    }

    @Test("a URL with the tileset's version may be kept for ever, one with another version may not")
    func versionedURL() throws {
        let server = try RunningServer([sampleFolder])
        let tileset = try #require(try server.catalog().first { $0.id == "tissue" })
        let url = tileset.url(TileCoordinate(level: 12, x: 0, y: 0))
        #expect(try server.get(url)["cache-control"]?.contains("immutable") == true)
        let other = url.replacingOccurrences(of: "v=", with: "v=0")
        #expect(try server.get(other)["cache-control"]?.contains("immutable") == false)
    }

    @Test("SIGTERM in the middle of load cuts no answer, refuses no accepted request, and ends with exit code 0")
    func drain() throws {
        let server = try RunningServer([sampleFolder])
        let port = server.port
        struct Counts: Sendable {
            var answered = 0
            var cut = 0
            var unanswered = 0
        }
        let counts = Lock(Counts())
        let threads = try (0..<16).map { index in
            try OSThread(name: "client-\(index)") {
                var round = index
                // Until the server refuses connections.
                while let client = try? HTTPClient(port: port) {
                    defer { client.close() }
                    for turn in 0..<50 {
                        round += 1
                        guard (try? client.request("/dzi/tissue_files/12/\(round % 12)_\(round % 9).jpg")) != nil else {
                            break
                        }
                        do {
                            let answer = try client.readAnswer()
                            counts.withLock { $0.answered += 1 }
                            if answer["connection"] == "close" { break }
                        } catch {
                            let isBegun =
                                if case HTTPClientError.ended(let bytes) = error { !bytes.isEmpty } else { false }
                            counts.withLock { counts in
                                // An answer that has begun must come whole. A kept connection may be closed while a
                                // request is under way to it, a fresh one that was accepted may not.
                                if isBegun { counts.cut += 1 } else if turn == 0 { counts.unanswered += 1 }
                            }
                            break
                        }
                    }
                }
            }
        }
        usleep(700_000)
        server.process.signal(SIGTERM)
        #expect(server.process.waitForExit(timeout: 60) == 0, "\(server.process.errors.suffix(500))")
        for thread in threads { thread.join() }
        let result = counts.withLock { $0 }
        #expect(result.answered > 100)
        #expect(result.cut == 0)
        #expect(result.unanswered == 0)
    }

    @Test("ten times the byte budget can be requested: the budget holds, and so does the process")
    func budget() throws {
        let folder = try TemporaryDirectory()
        for index in 0..<24 {
            try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "tissue-\(index)")
        }
        let budget = 4 << 20
        let server = try RunningServer([folder.path], ["--memory", "\(budget)", "--quality", "95"])
        var bytes = 0
        var resident: [Int] = []
        for tileset in try server.catalog() {
            let client = try HTTPClient(port: server.port)
            defer { client.close() }
            let urls = try #require(tileset.pyramid).allTiles.map { tileset.url($0) }
            for url in urls { try client.request(url) }
            for url in urls {
                let answer = try client.readAnswer(timeout: 120)
                #expect(answer.status == 200, "\(url)")
                bytes += answer.body.count
            }
            #expect(try server.metric("orizuru_memory_bytes") <= Double(budget))
            resident.append(try server.memory("VmRSS"))
        }
        // What was warm after a third of the load does not grow by more than a fraction of what passed through.
        let growth = resident[resident.count - 1] - resident[resident.count / 3]
        #expect(growth < budget, "\(resident)")
        #expect(bytes > 10 * budget)
        #expect(try server.metric("orizuru_evictions_total{reason=\"pressure\"}") > 0)
        // A debug build's own pages and stacks are counted, too.
        #expect(try server.memory("VmRSS") <= budget * 115 / 100 + 64 << 20)
    }

    @Test("a second SIGTERM ends at once")
    func impatientEnd() throws {
        let server = try RunningServer([sampleFolder])
        let client = try HTTPClient(port: server.port)
        // A request whose head does not end keeps the drain waiting.
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n")
        usleep(200_000)
        server.process.signal(SIGTERM)
        usleep(1_000_000)
        server.process.signal(SIGTERM)
        #expect(server.process.waitForExit(timeout: 10) == 1)
    }

    @Test("a configuration that cannot be served is refused with what to do, and exit code 2")
    func refusedConfiguration() throws {
        for (arguments, hint) in [
            (["serve"], "orizuru serve"), (["serve", sampleFolder, "--qualty", "80"], "--quality"),
            (["serve", sampleFolder, "--reconstruction", "exact", "--quality", "80"], "exact"),
            (["serve", sampleFolder, "--memory", "much"], "memory"),
        ] {
            let process = try ServerProcess("orizuru", arguments)
            #expect(process.waitForExit(timeout: 30) == 2)
            #expect(process.errors.contains(hint), "\(process.errors)")
        }
    }

    @Test("a port that is taken is said so, with exit code 1")
    func portTaken() throws {
        let server = try RunningServer([sampleFolder])
        let second = try ServerProcess(
            "orizuru",
            ["serve", sampleFolder, "--no-disk-cache", "--listen", "127.0.0.1:\(server.port)"]
        )
        #expect(second.waitForExit(timeout: 30) == 1)
        #expect(second.errors.contains("\(server.port)"))
    }
}
