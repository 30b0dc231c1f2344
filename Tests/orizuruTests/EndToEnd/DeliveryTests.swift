// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import TestSupport
import Testing
import TileModel

@Suite("Delivery of tiles and documents", .serialized)
struct DeliveryTests {
    private let made = "/dzi/tissue_files/12/1_1.jpg"
    private let stored = "/tiles/world/1/0/0.png"

    @Test("a part of a tile is 206 with its place, cold and warm, and what lies beyond the end is 416")
    func ranges() throws {
        let server = try RunningServer([sampleFolder])
        let whole = try RunningServer([sampleFolder]).get(made)
        for _ in 0..<3 {
            let part = try server.get(made, fields: ["Range: bytes=100-299"])
            #expect(part.status == 206 && part.body == Array(whole.body[100..<300]))
            #expect(part["content-range"] == "bytes 100-299/\(whole.body.count)" && part["content-length"] == "200")
            #expect(part["etag"] == whole["etag"] && part["content-type"] == "image/jpeg")
            #expect(part.fields.filter { $0.name == "content-length" }.count == 1)
        }
        #expect(try server.get(made, fields: ["Range: bytes=-50"]).body == Array(whole.body.suffix(50)))
        let beyond = try server.get(made, fields: ["Range: bytes=99999999-"])
        #expect(beyond.status == 416 && beyond["content-range"] == "bytes */\(whole.body.count)")
        let several = try server.get(made, fields: ["Range: bytes=0-1,5-9"])
        #expect(several.status == 200 && several.body == whole.body && several["accept-ranges"] == "bytes")
        let tag = try #require(whole["etag"])
        #expect(try server.get(made, fields: ["Range: bytes=0-9", "If-Range: \(tag)"]).status == 206)
        #expect(try server.get(made, fields: ["Range: bytes=0-9", "If-Range: \"other\""]).body == whole.body)
        #expect(try server.get(made, fields: ["If-Match: \"other\""]).status == 412)
        #expect(try server.get("/assets/viewer.js", fields: ["Range: bytes=0-9"]).body.count == 10)
        let client = try HTTPClient(port: server.port)
        try client.request(made, method: "HEAD", fields: ["Range: bytes=0-9"])
        #expect(try client.readAnswer(hasBody: false).status == 200)
    }

    @Test("a tile that lies in a file has its time, and If-Modified-Since is answered by it")
    func fileTimes() throws {
        let server = try RunningServer([sampleFolder])
        for _ in 0..<2 {
            let answer = try server.get(stored)
            let date = try #require(answer["last-modified"])
            let same = try server.get(stored, fields: ["If-Modified-Since: \(date)"])
            #expect(same.status == 304 && same.body.isEmpty && same["last-modified"] == date)
            #expect(try server.get(stored, fields: ["If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"]).status == 200)
            let other = ["If-None-Match: \"x\"", "If-Modified-Since: \(date)"]
            #expect(try server.get(stored, fields: other).status == 200, "If-None-Match goes before")
        }
        #expect(try server.get(made)["last-modified"] == nil)
    }

    @Test("a 304 carries ETag, Cache-Control, Date and what varies; HEAD carries the fields of GET")
    func notModified() throws {
        let server = try RunningServer([sampleFolder], ["--http-cors-origin", "https://a.example,https://b.example"])
        let whole = try server.get(made)
        let tag = try #require(whole["etag"])
        for _ in 0..<2 {
            let answer = try server.get(made, fields: ["If-None-Match: \(tag)"])
            #expect(answer.status == 304)
            for field in ["etag", "cache-control", "date", "vary"] { #expect(answer[field] != nil, "\(field)") }
        }
        let client = try HTTPClient(port: server.port)
        for path in [made, stored, "/dzi/tissue.dzi", "/"] {
            try client.request(path)
            _ = try client.readAnswer()
            try client.request(path)
            let get = try client.readAnswer()
            try client.request(path, method: "HEAD")
            let head = try client.readAnswer(hasBody: false)
            #expect(
                head.fields.filter { $0.name != "date" }.map(\.name)
                    == get.fields.filter { $0.name != "date" }.map(\.name)
            )
            #expect(head["content-length"] == "\(get.body.count)")
        }
    }

    @Test("of several allowed origins each is told its own, others none, and only then do answers vary by Origin")
    func origins() throws {
        let open = try RunningServer([sampleFolder])
        #expect(try open.get(made, fields: ["Origin: https://b.example"])["vary"] == nil)
        let one = try RunningServer([sampleFolder], ["--http-cors-origin", "https://a.example"])
        let single = try one.get(made)
        #expect(single["access-control-allow-origin"] == "https://a.example" && single["vary"] == nil)
        let several = try RunningServer([sampleFolder], ["--http-cors-origin", "https://a.example, https://b.example"])
        for path in [made, made, "/catalog.json"] {
            let allowed = try several.get(path, fields: ["Origin: https://b.example"])
            #expect(allowed["access-control-allow-origin"] == "https://b.example" && allowed["vary"] == "Origin")
            #expect(allowed["timing-allow-origin"] == "https://b.example")
            let other = try several.get(path, fields: ["Origin: https://c.example"])
            #expect(other["access-control-allow-origin"] == nil && other["vary"] == "Origin" && other.status == 200)
        }
        let client = try HTTPClient(port: several.port)
        try client.request(made, method: "OPTIONS", fields: ["Origin: https://a.example"])
        let preflight = try client.readAnswer()
        #expect(preflight.status == 204 && preflight["access-control-allow-origin"] == "https://a.example")
        #expect(preflight["access-control-allow-methods"] == "GET, HEAD, OPTIONS")
    }

    @Test("each tileset has the Cache-Control that the configuration gives it")
    func cachePolicies() throws {
        let server = try RunningServer(
            [sampleFolder],
            [
                "--http-max-age", "2h", "--http-stale-if-error", "7d",
                "--http-cache-control", "world: private, max-age=1d, immutable, stale-while-revalidate=60; x: no-store",
            ]
        )
        #expect(
            try server.get(made)["cache-control"]
                == "public, max-age=7200, stale-while-revalidate=86400, stale-if-error=604800"
        )
        #expect(
            try server.get(stored)["cache-control"] == "private, max-age=86400, immutable, stale-while-revalidate=60"
        )
    }

    @Test("Server-Timing names the tier, with the time it took where it was not memory")
    func serverTiming() throws {
        let server = try RunningServer([sampleFolder])
        #expect(try server.get(made)["server-timing"]?.hasPrefix("tile;desc=render;dur=") == true)
        #expect(try server.get(made)["server-timing"] == "tile;desc=warm;dur=0")
        #expect(try server.get(made)["server-timing"] == "tile;desc=hot;dur=0")
    }

    @Test("SIGHUP opens the catalog again: what changed is new, what did not keeps its tiles in memory")
    func reload() throws {
        let folder = try TemporaryDirectory()
        let map = try folder.copy(URL(fileURLWithPath: sampleFolder + "/world"), to: "world")
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "tissue")
        let server = try RunningServer([folder.path])
        _ = try server.get(made)
        let tag = try #require(try server.get(stored)["etag"])
        let other = try Data(contentsOf: URL(fileURLWithPath: map + "/1/1/1.png"))
        try other.write(to: URL(fileURLWithPath: map + "/1/0/0.png"))
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "another")
        // The version of a map is made of its folders; a tile written over in place does not change it.
        try FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: map)
        server.process.signal(SIGHUP)
        #expect(try eventually { try server.catalog().count == 3 })
        #expect(try server.catalog().map(\.id).sorted() == ["another", "tissue", "world"])
        #expect(try server.get(made)["cache-status"]?.contains("hit") == true)
        let changed = try server.get(stored, fields: ["If-None-Match: \(tag)"])
        #expect(changed.status == 200 && changed.body == [UInt8](other))
    }

    @Test("a loose tile that was written over in place is not served from memory after SIGHUP; rendered ones stay")
    func overwrittenTile() throws {
        let folder = try TemporaryDirectory()
        let map = try folder.copy(URL(fileURLWithPath: sampleFolder + "/world"), to: "world")
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "tissue")
        let server = try RunningServer([folder.path])
        _ = try server.get(made)
        let before = try server.get(stored)
        #expect(try server.get(stored)["cache-status"]?.contains("hit") == true)
        let other = try Data(contentsOf: URL(fileURLWithPath: map + "/1/1/1.png"))
        // In place: neither the folder's time nor, with it, the tileset's version changes.
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: map + "/1/0/0.png"))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: other)
        try handle.close()
        server.process.signal(SIGHUP)
        #expect(eventually { server.process.errors.contains("opened the catalog again") })
        let after = try server.get(stored)
        #expect(after.body == [UInt8](other) && after["etag"] != before["etag"])
        #expect(try server.get(made)["cache-status"]?.contains("hit") == true)
    }

    @Test("a query is tolerated on every route")
    func queries() throws {
        let server = try RunningServer([sampleFolder])
        for path in [
            "/", "/catalog.json", "/healthz", "/readyz", "/metrics", "/dzi/tissue.dzi", "/viewer/tissue",
            "/assets/viewer.js", made, stored, "/tiles/tissue/12/1/1.jpg",
        ] {
            for query in ["?", "?v=1", "?a=b&c=%2F?"] {
                #expect(try server.get(path + query).status == 200, "\(path)\(query)")
            }
        }
    }

    @Test("refusals that come before any route are readable for other origins, too")
    func refusalsAcrossOrigins() throws {
        let server = try RunningServer([sampleFolder])
        #expect(try server.get("/nothing")["access-control-allow-origin"] == "*")
        let client = try HTTPClient(port: server.port)
        try client.request(made, method: "DELETE")
        let answer = try client.readAnswer()
        #expect(answer.status == 405 && answer["access-control-allow-origin"] == "*")
        try client.send("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readAnswer()["access-control-allow-origin"] == "*")
    }

    @Test("while the server stops, /readyz says 503 to who is connected, and /healthz 200")
    func readiness() throws {
        let server = try RunningServer([sampleFolder])
        #expect(try server.get("/readyz").status == 200)
        let clients = try (0..<40).map { _ in try HTTPClient(port: server.port) }
        // A request whose head does not end keeps the server from being done at once.
        let holding = try HTTPClient(port: server.port)
        try holding.send("GET / HTTP/1.1\r\nHost: a\r\n")
        server.process.signal(SIGTERM)
        var statuses: [Int] = []
        var isClosing = false
        for client in clients {
            guard (try? client.request("/readyz")) != nil, let answer = try? client.readAnswer() else { break }
            statuses.append(answer.status)
            // The first to be told may be answered before the reactors know that they are to end.
            if answer.status == 503, answer["connection"] == "close" {
                isClosing = true
                break
            }
            usleep(20_000)
        }
        #expect(statuses.last == 503 && isClosing)
    }

    @Test("a Unix socket beside an address serves the same, and its file goes with the server")
    func unixSocket() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path("oz.sock")
        let process = try ServerProcess(
            "orizuru",
            ["serve", sampleFolder, "--no-disk-cache", "--listen", "unix:\(path), 127.0.0.1:0"]
        )
        _ = try process.waitUntilListening()
        #expect(process.output.contains("listening on unix:\(path)\n"))
        let curl = try ServerProcess("/usr/bin/curl", ["-s", "--unix-socket", path, "http://x/healthz"])
        #expect(curl.waitForExit() == 0 && curl.output == "ok\n")
        process.signal(SIGTERM)
        #expect(process.waitForExit() == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("sockets handed over as systemd does are served")
    func handedOver() throws {
        // bash opens nothing that listens: Python does, and becomes the server under the same process number.
        let program = """
            import os, socket, sys
            s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
            os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
            os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
            os.execv(sys.argv[1], sys.argv[1:])
            """
        let executable = ServerProcess.productsFolder + "/orizuru"
        let process = try ServerProcess(
            "/usr/bin/python3",
            ["-c", program, executable, "serve", sampleFolder, "--no-disk-cache", "--listen", "systemd"]
        )
        let port = try process.waitUntilListening()
        #expect(try HTTPClient.get(port: port, "/healthz").text == "ok\n")
        process.signal(SIGTERM)
        #expect(process.waitForExit() == 0)
    }

    @Test("the access log has a line for each answer, from trusted proxies with their client")
    func accessLog() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path("access.log")
        let server = try RunningServer([sampleFolder], ["--log-access", path, "--http-trusted-proxies", "127.0.0.0/8"])
        _ = try server.get(made, fields: ["X-Forwarded-For: 203.0.113.9"])
        _ = try server.get("/nothing")
        server.process.signal(SIGTERM)
        #expect(server.process.waitForExit() == 0)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("203.0.113.9 - - [") == true)
        #expect(lines.first?.contains("\"GET \(made) HTTP/1.1\" 200 ") == true)
        #expect(lines.last?.contains("\"GET /nothing HTTP/1.1\" 404 ") == true)
    }
}
