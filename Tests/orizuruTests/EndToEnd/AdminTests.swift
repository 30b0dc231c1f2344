// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing
import TileModel

@Suite("The admin listener", .serialized)
struct AdminTests {
    @Test("a pre-warm job makes everything ready, and says how far it is")
    func job() throws {
        let subject = try AdministeredServer([sampleFolder])
        let job = try #require(try subject.json("POST", "/jobs?tileset=tissue")["job"] as? Int)
        let end = try subject.wait(for: job)
        #expect(end["state"] as? String == "finished" && end["failed"] as? Int == 0)
        #expect(end["done"] as? Int == end["total"] as? Int && (end["families"] as? Int ?? 0) > 0)
        let renders = try subject.server.metric("orizuru_family_renders_total")
        #expect(renders > 0)
        let tissue = try #require(try subject.server.catalog().first { $0.id == "tissue" })
        let client = try HTTPClient(port: subject.server.port)
        defer { client.close() }
        for tile in try #require(tissue.pyramid).allTiles {
            try client.request(tissue.url(tile))
            #expect(try client.readAnswer()["cache-status"]?.hasPrefix("orizuru; hit") == true, "\(tile)")
        }
        #expect(try subject.server.metric("orizuru_family_renders_total") == renders)
        #expect((try subject.json("GET", "/jobs")["jobs"] as? [Any])?.count == 1)
        #expect(subject.server.process.errors.contains("admin: started a pre-warm job"))
    }

    @Test("a job can be cancelled, and others go on")
    func cancel() throws {
        let subject = try AdministeredServer([sampleFolder])
        let slow = try #require(try subject.json("POST", "/jobs?rate=0.5")["job"] as? Int)
        let fast = try #require(try subject.json("POST", "/jobs?tileset=small-tissue")["job"] as? Int)
        #expect(try subject.wait(for: fast)["state"] as? String == "finished")
        #expect(try subject.json("GET", "/jobs/\(slow)")["state"] as? String == "running")
        _ = try subject.json("DELETE", "/jobs/\(slow)")
        let end = try subject.wait(for: slow)
        #expect(end["state"] as? String == "cancelled")
        #expect(try #require(end["done"] as? Int) < #require(end["total"] as? Int))
        #expect(try subject.ask("GET", "/jobs/99").status == 404)
    }

    @Test("a running job does not hold up the end of the server")
    func stopping() throws {
        let subject = try AdministeredServer([sampleFolder])
        _ = try subject.json("POST", "/jobs?rate=0.1")
        subject.server.process.signal(SIGTERM)
        #expect(subject.server.process.waitForExit(timeout: 20) == 0)
    }

    @Test("after a purge a tile is what its file holds, also where the file changed without a trace")
    func purge() throws {
        let folder = try TemporaryDirectory()
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/small-tissue.dzi"), to: "s.dzi")
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/small-tissue_files"), to: "s_files")
        let subject = try AdministeredServer([folder.path])
        let (path, other) = ("/dzi/s_files/10/0_0.jpg", "/dzi/s_files/10/1_0.jpg")
        let old = try subject.server.get(path).body
        let untouched = try subject.server.get(other).body
        #expect(try subject.server.get(path)["cache-status"]?.contains("hit") == true)
        // Another tile of the same size takes its place.
        let file = folder.path + "/s_files/10/0_0.jpg"
        var changed = old
        changed.insert(contentsOf: [0xFF, 0xFE, 0, 3, 65], at: 2)
        try Data(changed).write(to: URL(fileURLWithPath: file))
        #expect(try subject.server.get(path).body == old, "memory still has it")
        let purged = try subject.json("POST", "/purge?tileset=s&levels=10&pixels=0,0,200,200")
        #expect((purged["memory_tiles"] as? Int ?? 0) >= 1 && purged["complete"] as? Bool == true)
        #expect(try subject.server.get(path).body == changed)
        let rest = try subject.server.get(other)
        #expect(rest.body == untouched && rest["cache-status"]?.contains("hit") == true, "it was not meant")
        #expect(subject.server.process.errors.contains("admin: purged tiles"))
    }

    @Test("purging a deep map takes no longer than what is in memory, and asking for its thumbnail ends nothing")
    func deepMap() throws {
        let folder = try TemporaryDirectory()
        let tile = try Data(contentsOf: URL(fileURLWithPath: sampleFolder + "/world/0/0/0.png"))
        for path in ["deep/26/0/0.png", "wide/0/0/0.png", "wide/22/0/0.png"] { try folder.write(path, [UInt8](tile)) }
        let subject = try AdministeredServer([folder.path])
        for map in ["deep", "wide"] {
            let purged = try subject.json("POST", "/purge?tileset=\(map)")
            #expect(purged["families"] as? Int == 0 && purged["complete"] as? Bool == true)
            let status = try subject.server.get("/thumbnail/\(map).jpg").status
            #expect([200, 400, 404].contains(status), "\(map): \(status)")
        }
        #expect(try subject.server.get("/tiles/wide/0/0/0.png").status == 200)
    }

    @Test("what a web page asks for is refused where no token tells who asks")
    func webPages() throws {
        let subject = try AdministeredServer([sampleFolder])
        let answer = try subject.ask("POST", "/reload", fields: ["Origin: http://elsewhere.example"])
        #expect(answer.status == 403 && answer.text.contains("--admin-token-file"))
        #expect(try subject.ask("POST", "/reload").status == 200)
    }

    @Test("rendered tiles that wait to be written are purged with those on disk: they do not come back")
    func purgeRendered() throws {
        let folder = try TemporaryDirectory()
        let subject = try AdministeredServer(
            [sampleFolder],
            ["--cache-dir", folder.path("tiles"), "--look-ahead", "off"]
        )
        // Of a family each.
        let paths = [0, 4, 8].map { "/dzi/tissue_files/12/\($0)_0.jpg" }
        for path in paths { #expect(try subject.server.get(path)["cache-status"]?.contains("render") == true) }
        let purged = try subject.json("POST", "/purge?tileset=tissue")
        #expect(purged["complete"] as? Bool == true)
        // Longer than write-behind waits for the rest of a family.
        usleep(1_500_000)
        #expect(try eventually { try subject.server.metric("orizuru_write_behind_bytes{tier=\"disk\"}") == 0 })
        for path in paths {
            #expect(try subject.server.get(path)["cache-status"]?.contains("render") == true, "\(path)")
        }
    }

    @Test("purging under load gives no error and no stale tile after the answer")
    func purgeUnderLoad() throws {
        let folder = try TemporaryDirectory()
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/small-tissue.dzi"), to: "s.dzi")
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/small-tissue_files"), to: "s_files")
        let subject = try AdministeredServer([folder.path])
        let path = "/dzi/s_files/10/0_0.jpg"
        let file = URL(fileURLWithPath: folder.path + "/s_files/10/0_0.jpg")
        let original = try Data(contentsOf: file)
        let load = (0..<4).map { _ in LoadClient(port: subject.server.port, path: path) }
        for round in 1...20 {
            var next = original
            next.insert(contentsOf: [0xFF, 0xFE, 0, 4, 65, UInt8(round)], at: 2)
            // Whole at once: a reader sees the old one or the new one.
            try next.write(to: file, options: .atomic)
            _ = try subject.json("POST", "/purge?tileset=s")
            #expect(try subject.server.get(path).body == [UInt8](next), "round \(round)")
        }
        let failures = load.map { $0.stop() }
        #expect(failures.allSatisfy { $0.requests > 0 && $0.errors == 0 }, "\(failures)")
    }

    @Test("reloading finds what is new")
    func reload() throws {
        let folder = try TemporaryDirectory()
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "a")
        let subject = try AdministeredServer([folder.path])
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "b")
        let answer = try subject.json("POST", "/reload")
        #expect(answer["kept"] as? Int == 1 && answer["opened"] as? Int == 1)
        #expect(try subject.server.catalog().map(\.id) == ["a", "b"])
    }

    @Test("with a token, nothing is answered without it")
    func token() throws {
        let folder = try TemporaryDirectory()
        let file = folder.path + "/token"
        try "0123456789abcdef-secret\n".write(toFile: file, atomically: true, encoding: .utf8)
        let subject = try AdministeredServer([sampleFolder], ["--admin-token-file", file])
        for fields in [
            [], ["Authorization: Bearer wrong"], ["Authorization: Bearer 0123456789abcdef-secreT"],
            ["Authorization: Basic 0123456789abcdef-secret"],
        ] {
            let answer = try subject.ask("POST", "/reload", fields: fields)
            #expect(answer.status == 401 && answer["www-authenticate"] == "Bearer", "\(fields)")
        }
        #expect(
            try subject.ask("GET", "/jobs", fields: ["Authorization: bearer 0123456789abcdef-secret"]).status == 200
        )
    }

    @Test("an admin listener that others can reach needs a token")
    func open() throws {
        let process = try ServerProcess("orizuru", ["serve", sampleFolder, "--admin", "0.0.0.0:0"])
        #expect(process.waitForExit(timeout: 30) == 2)
        #expect(process.errors.contains("adminTokenFile"))
    }

    @Test("paths and methods that are none get an answer that helps")
    func help() throws {
        let subject = try AdministeredServer([sampleFolder])
        #expect(try subject.ask("GET", "/").text.contains("POST   /purge"))
        #expect(try subject.ask("POST", "/purge?tileset=nothing").status == 404)
        #expect(try subject.ask("GET", "/reload").status == 405)
        #expect(try subject.ask("POST", "/jobs?levels=x").text.contains("levels=x is not accepted"))
        #expect(try subject.ask("PUT", "/jobs").status == 405)
    }
}

/// A thread that asks for one path over and over.
private final class LoadClient: @unchecked Sendable {
    // @unchecked Sendable: the counts are written by the thread alone and read after its end.
    private var requests = 0
    private var errors = 0
    private var isEnding = false
    private let lock = NSLock()
    private let done = DispatchSemaphore(value: 0)

    init(port: UInt16, path: String) {
        Thread.detachNewThread { [self] in
            let client = try? HTTPClient(port: port)
            defer { client?.close() }
            while !lock.withLock({ isEnding }) {
                do {
                    try client?.request(path)
                    if try client?.readAnswer().status != 200 { errors += 1 }
                } catch {
                    errors += 1
                }
                requests += 1
            }
            done.signal()
        }
    }

    func stop() -> (requests: Int, errors: Int) {
        lock.withLock { isEnding = true }
        done.wait()
        return (requests, errors)
    }
}
