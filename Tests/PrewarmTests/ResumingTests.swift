// SPDX-License-Identifier: Apache-2.0

import Foundation
import LockFree
import TestSupport
import Testing
import TileModel

@testable import Prewarm

@Suite("stopping, going on, and trying again", .timeLimit(.minutes(3)))
struct ResumingTests {
    static let grouped = mapEntry.replacing("\"familyTop\":null", with: "\"familyTop\":null,\"warmLevels\":3")
    static let tile = TinyReply.status(304, "Cache-Status: orizuru; fwd=miss; detail=render\r\n")

    static func server(_ answer: @escaping @Sendable (SeenRequest) -> TinyReply = { _ in tile }) throws -> TinyServer {
        try TinyServer { request in
            request.path == "/catalog.json" ? .status(200, body: "{\"tilesets\":[\(mapEntry)]}") : answer(request)
        }
    }

    static func options(_ server: TinyServer, concurrency: Int = 2) throws -> PrewarmOptions {
        var options = PrewarmOptions(endpoint: try WarmEndpoint(server.url))
        options.concurrency = concurrency
        options.retry = RetryPolicy(limit: 0)
        return options
    }

    static func run(
        _ server: TinyServer,
        _ options: PrewarmOptions,
        shouldStop: @escaping @Sendable () -> Bool = { false }
    ) throws -> PrewarmSummary {
        try server.serve {
            let run = PrewarmRun(options, shouldStop: shouldStop)
            return try run.run(run.fetchTilesets())
        }
    }

    static func paths(_ server: TinyServer) -> [String] { server.seen.map(\.path).filter { $0 != "/catalog.json" } }

    @Test("a run that stops goes on where it was; nothing is asked twice, and the file goes when all is done")
    func resuming() throws {
        let folder = try TemporaryDirectory()
        let file = folder.path + "/resume.json"
        let first = try Self.server()
        var options = try Self.options(first)
        options.resumeFile = file
        let count = Lock(0)
        let summary = try Self.run(first, options) {
            count.withLock {
                $0 += 1; return $0 > 12
            }
        }
        #expect(summary.wasStopped && (1..<20).contains(summary.counts.done))
        #expect(FileManager.default.fileExists(atPath: file))
        let second = try Self.server()
        // The file knows its server by the URL, and this test's second server has another port.
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try text.replacing(first.url, with: second.url).write(toFile: file, atomically: true, encoding: .utf8)
        options.endpoint = try WarmEndpoint(second.url)
        let rest = try Self.run(second, options)
        #expect(rest.isComplete && rest.counts.done == 20 && rest.counts.total == 20)
        let all = Self.paths(first) + Self.paths(second)
        #expect(all.count == 20 && Set(all).count == 20)
        #expect(!FileManager.default.fileExists(atPath: file))
    }

    @Test("whatever moment a run is killed at, the file names every request that has not ended")
    func killed() throws {
        let folder = try TemporaryDirectory()
        let file = folder.path + "/resume.json"
        // What the file says while each request is under way is what a killed run leaves behind.
        let notes = Lock<[(path: String, text: String)]>([])
        let server = try Self.server { request in
            let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            notes.withLock { $0.append((request.path, text)) }
            return Self.tile
        }
        var options = try Self.options(server, concurrency: 3)
        options.resumeFile = file
        let tilesets = try server.serve {
            let run = PrewarmRun(options)
            let tilesets = try run.fetchTilesets()
            #expect(try run.run(tilesets).isComplete)
            return tilesets
        }
        let all = Set(WarmQueue(tilesets, options.part).map(\.request))
        let seen = notes.withLock { $0 }
        #expect(seen.count == 20 && all.count == 20)
        for (index, note) in seen.enumerated() {
            try note.text.write(toFile: file, atomically: true, encoding: .utf8)
            let rest = Array(try WarmJournal(options, tilesets).queue.map(\.request))
            #expect(Set(rest).count == rest.count)
            // Nothing that was not asked for before is left out, and at most one request for each worker comes twice.
            let asked = Set(seen[..<index].map(\.path))
            let repeated = rest.filter { asked.contains(tilesets[0].template.path(of: $0.tile)) }
            #expect(repeated.count <= 3)
            #expect(Set(rest).union(all.filter { asked.contains(tilesets[0].template.path(of: $0.tile)) }) == all)
        }
    }

    @Test("a resume file of something else, or of another program, is refused with its name")
    func foreign() throws {
        let folder = try TemporaryDirectory()
        let file = folder.path + "/resume.json"
        let server = try Self.server()
        var options = try Self.options(server)
        options.resumeFile = file
        let tilesets = try server.serve { try PrewarmRun(options).fetchTilesets() }
        for (text, reason) in [
            ("hello", "no resume file"), ("{}", "no resume file"),
            (ResumePoint(purpose: "http://elsewhere 00").text, "something else"),
            (
                "{\"orizuru_prewarm\":1,\"purpose\":\"a\",\"done\":-1,\"tileset\":0,\"after\":null,\"open\":[]}",
                "no resume file"
            ),
            (
                "{\"orizuru_prewarm\":1,\"purpose\":\"a\",\"done\":0,\"tileset\":0,\"after\":[99,0,0],\"open\":[]}",
                "no tile"
            ),
        ] {
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            let error = #expect(throws: PrewarmError.self) { try PrewarmRun(options).run(tilesets) }
            #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
            #expect(error?.description.contains(file) == true)
        }
    }

    @Test("a resume file whose numbers the catalog does not bear out is refused, whatever they are")
    func impossible() throws {
        let folder = try TemporaryDirectory()
        let file = folder.path + "/resume.json"
        let server = try Self.server()
        var options = try Self.options(server)
        options.resumeFile = file
        let tilesets = try server.serve {
            let count = Lock(0)
            let run = PrewarmRun(options) {
                count.withLock {
                    $0 += 1
                    return $0 > 6
                }
            }
            let tilesets = try run.fetchTilesets()
            _ = try run.run(tilesets)
            return tilesets
        }
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let purpose = try #require(text.split(separator: "\"purpose\":\"").last?.split(separator: "\"").first)
        for (place, reason) in [
            ("\"done\":9223372036854775807,\"tileset\":0,\"after\":null", "requests are done"),
            ("\"done\":21,\"tileset\":0,\"after\":null", "requests are done"),
            ("\"done\":1,\"tileset\":0,\"after\":[30,0,0]", "not there"),
            ("\"done\":1,\"tileset\":2,\"after\":null", "not there"),
            ("\"done\":1,\"tileset\":1,\"after\":[0,0,0]", "not there"),
        ] {
            let lie = "{\"orizuru_prewarm\":1,\"purpose\":\"\(purpose)\",\(place),\"open\":[]}"
            try lie.write(toFile: file, atomically: true, encoding: .utf8)
            let error = #expect(throws: PrewarmError.self) { try PrewarmRun(options).run(tilesets) }
            #expect(error?.description.contains(reason) == true, "\(place): \(error?.description ?? "")")
        }
    }

    @Test("failures are kept, and only they are tried again")
    func failures() throws {
        let folder = try TemporaryDirectory()
        let file = folder.path + "/failed.jsonl"
        let server = try Self.server { $0.path.contains("/2/1/") ? .status(500) : Self.tile }
        var options = try Self.options(server)
        options.failedFile = file
        let summary = try Self.run(server, options)
        #expect(summary.counts.failed == 4 && summary.counts.warmed == 16)
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 4 && lines.allSatisfy { $0.contains("the server answered 500") })
        let mended = try Self.server()
        options.endpoint = try WarmEndpoint(mended.url)
        options.retryFile = file
        let again = try Self.run(mended, options)
        #expect(again.isComplete && again.counts.total == 4)
        #expect(Self.paths(mended).allSatisfy { $0.contains("/2/1/") })
        #expect(try String(contentsOfFile: file, encoding: .utf8).isEmpty, "nothing failed again")
    }

    @Test("time that is over ends a run without a failure")
    func duration() throws {
        let server = try Self.server { _ in .delayed("", pauseMilliseconds: 100, then: "HTTP/1.1 304 X\r\n\r\n") }
        var options = try Self.options(server, concurrency: 1)
        options.duration = .milliseconds(250)
        let summary = try Self.run(server, options)
        #expect(summary.wasTimeUp && !summary.wasStopped && !summary.isComplete && summary.counts.failed == 0)
        #expect((1..<20).contains(summary.counts.done))
    }

    @Test("requests carry the number of levels that they stand for, and want no bytes of what is warm")
    func requests() throws {
        let server = try TinyServer { request in
            request.path == "/catalog.json" ? .status(200, body: "{\"tilesets\":[\(Self.grouped)]}") : Self.tile
        }
        let summary = try Self.run(server, try Self.options(server))
        #expect(summary.isComplete && summary.counts.total == 4)
        let seen = server.seen.filter { $0.path != "/catalog.json" }
        #expect(seen.allSatisfy { $0.fields.contains("X-Orizuru-Prewarm: family; levels=2") })
        #expect(seen.allSatisfy { $0.fields.contains("If-None-Match: *") })
    }

    @Test("the header's value is read as it is written, and nothing else is")
    func headerValues() {
        for levels in 1...3 { #expect(PrewarmProtocol.levels(of: PrewarmProtocol.value(levels: levels)) == levels) }
        #expect(PrewarmProtocol.levels(of: "family") == 3)
        for text in ["", "tile", "family;", "family; levels=0", "family; levels=4", "family; levels=2; x", "familyx"] {
            #expect(PrewarmProtocol.levels(of: text) == nil, "\(text)")
        }
    }

    @Test("a rate spaces requests evenly, and saves nothing up")
    func pace() {
        var pace = WarmPace(rate: 10, rampUp: .seconds(8))
        #expect(pace.slot(at: .zero) == .zero)
        #expect(pace.slot(at: .zero) == .milliseconds(100))
        #expect(pace.slot(at: .milliseconds(50)) == .milliseconds(200))
        #expect(pace.slot(at: .seconds(5)) == .seconds(5))
        #expect(pace.slot(at: .seconds(5)) == .milliseconds(5100))
        #expect(pace.start(ofWorker: 0, of: 4) == .zero && pace.start(ofWorker: 3, of: 4) == .seconds(6))
        var free = WarmPace(rate: nil, rampUp: .zero)
        #expect(free.slot(at: .seconds(1)) == .seconds(1) && free.slot(at: .seconds(1)) == .seconds(1))
        for rate in [0, .leastNonzeroMagnitude, 1e-30, .infinity] {
            var pace = WarmPace(rate: rate, rampUp: .zero)
            #expect(pace.slot(at: .zero) == .zero && pace.slot(at: .zero) > .zero)
        }
    }

    @Test("a plan counts requests, families and tiles, and asks for nothing")
    func plan() throws {
        let server = try Self.server()
        var options = try Self.options(server)
        options.rate = 2
        let plan = try server.serve {
            let run = PrewarmRun(options)
            return run.plan(try run.fetchTilesets())
        }
        #expect(plan.rows.map(\.requests) == [20] && plan.rows.map(\.tiles) == [20] && plan.isPaced)
        #expect(plan.duration == .seconds(10) && Self.paths(server).isEmpty)
    }
}
