// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree
import Synchronization
import Testing
import TileModel

@testable import Prewarm

private let catalog = "{\"tilesets\":[\(slideEntry),\(mapEntry)]}"

/// A server with the catalog above, whose tiles are answered by `tile`.
private func makeServer(_ tile: @escaping @Sendable (SeenRequest) -> TinyReply) throws -> TinyServer {
    try TinyServer { request in
        request.path == "/catalog.json" ? .status(200, body: catalog) : tile(request)
    }
}

private func makeOptions(_ server: TinyServer, tilesets: [String] = ["liver"], retries: Int = 3) throws
    -> PrewarmOptions
{
    var options = PrewarmOptions(endpoint: try WarmEndpoint(server.url))
    options.tilesets = tilesets
    options.concurrency = 3
    options.retry = RetryPolicy(limit: retries, firstDelay: .milliseconds(1), longestDelay: .milliseconds(5))
    options.timeout = .seconds(30)
    return options
}

private func warm(_ server: TinyServer, _ options: PrewarmOptions) throws -> PrewarmSummary {
    try server.serve {
        let run = PrewarmRun(options)
        return try run.run(run.fetchTilesets())
    }
}

private let tile = TinyReply.status(200, "Cache-Status: orizuru; fwd=miss; detail=render\r\n", body: "jpeg")

/// What the slide of the catalog costs: one tile on each of the levels 0...7 and the one family below level 8.
private let slideRequests = 9

@Suite("warming a server", .timeLimit(.minutes(3)))
struct PrewarmRunTests {
    @Test("each family and each other tile is asked for once, marked, over one connection per worker")
    func all() throws {
        let server = try makeServer { _ in tile }
        let summary = try warm(server, makeOptions(server, tilesets: []))
        let seen = server.seen.filter { $0.path != "/catalog.json" }
        // The map: 4 tiles on level 1 and 16 on level 2.
        #expect(seen.count == slideRequests + 20 && Set(seen.map(\.path)).count == seen.count)
        #expect(seen.contains { $0.path == "/tiles/liver/8/0_0.jpg?v=00ff" })
        #expect(!seen.contains { $0.path.hasPrefix("/tiles/liver/9/") || $0.path.hasPrefix("/tiles/liver/10/") })
        #expect(
            seen.allSatisfy {
                $0.fields.contains("X-Orizuru-Prewarm: family; levels=3")
                    || $0.fields.contains("X-Orizuru-Prewarm: family; levels=1")
            }
        )
        #expect(seen.allSatisfy { $0.fields.contains("Host: 127.0.0.1:\(server.port)") })
        #expect(server.connections <= 1 + 3)
        #expect(summary.isComplete && summary.counts.warmed == seen.count && summary.counts.misses == seen.count)
        #expect(summary.counts.families == 1 && summary.counts.bytes == 4 * seen.count)
    }

    @Test("busy answers are asked again, after as long as the server says")
    func busy() throws {
        let server = try makeServer { $0.earlier < 2 ? .status(503, "Retry-After: 0\r\n") : tile }
        let summary = try warm(server, makeOptions(server))
        #expect(
            summary.isComplete && summary.counts.warmed == slideRequests && summary.counts.retries == 2 * slideRequests
        )
    }

    @Test("a server that stays busy is given up on after the bound, and the failure says why")
    func alwaysBusy() throws {
        let server = try makeServer { $0.path.contains("/3/") ? .status(503) : tile }
        let summary = try warm(server, makeOptions(server))
        #expect(!summary.isComplete && summary.counts.failed == 1 && summary.counts.warmed == slideRequests - 1)
        #expect(summary.counts.retries == 3 && summary.gaveUp == nil)
        #expect(
            summary.failures == [
                WarmFailure(
                    tileset: "liver",
                    path: "/tiles/liver/3/0_0.jpg?v=00ff",
                    reason: "the server answered 503 (tried 4 times)"
                )
            ]
        )
    }

    @Test("an answer that is cut, and a connection that is reset, are tried again")
    func cut() throws {
        let server = try makeServer { request in
            switch request.earlier {
            case 0: .last("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            case 1: .reset
            case 2: .last("")
            default: tile
            }
        }
        let summary = try warm(server, makeOptions(server, retries: 4))
        #expect(summary.isComplete && summary.counts.warmed == slideRequests)
    }

    @Test("a connection that the server closes between requests costs no retry")
    func closedWhileResting() throws {
        let closing = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
        let server = try makeServer { _ in .last(closing) }
        var options = try makeOptions(server, retries: 0)
        options.concurrency = 1
        let summary = try warm(server, options)
        #expect(summary.isComplete && summary.counts.retries == 0 && server.connections >= slideRequests)
    }

    @Test("a server that says Connection: close is connected to anew, without a failed attempt")
    func connectionClose() throws {
        let server = try makeServer { _ in .last("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx") }
        let summary = try warm(server, makeOptions(server, retries: 0))
        #expect(summary.isComplete && server.connections == slideRequests + 1 && server.seen.count == slideRequests + 1)
    }

    @Test("a silent server, and one that trickles, run into the time limit and are tried again")
    func slow() throws {
        let server = try makeServer { request in
            if request.path.contains("/2/"), request.earlier == 0 { return .silence }
            if request.path.contains("/4/"), request.earlier == 0 {
                return .trickle("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", pauseMilliseconds: 100)
            }
            return tile
        }
        var options = try makeOptions(server)
        options.timeout = .milliseconds(700)
        let summary = try warm(server, options)
        #expect(summary.isComplete && summary.counts.retries >= 2)
    }

    @Test("what is no HTTP is a failure at once, and the next request gets a connection of its own")
    func garbage() throws {
        let server = try makeServer { $0.path.contains("/5/") ? .bytes("220 mail ready\r\n\r\n") : tile }
        let summary = try warm(server, makeOptions(server))
        #expect(summary.counts.failed == 1 && summary.counts.warmed == slideRequests - 1 && summary.counts.retries == 0)
        #expect(summary.failures.first?.reason.hasPrefix("the answer is not HTTP") == true)
    }

    @Test("bytes behind an answer end the connection before they are taken for the next one")
    func excess() throws {
        let poison = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"
        let server = try makeServer { _ in .bytes(poison) }
        let summary = try warm(server, makeOptions(server, retries: 0))
        #expect(summary.isComplete && summary.counts.warmed == slideRequests)
    }

    @Test("so do bytes that come while nothing is asked")
    func lateExcess() throws {
        let ready = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        let server = try makeServer { _ in .delayed(ready, pauseMilliseconds: 20, then: "HTTP/1.1 500 X\r\n\r\n") }
        try server.serve {
            let connection = WarmConnection(endpoint: try WarmEndpoint(server.url), timeout: .seconds(30))
            for _ in 0..<3 {
                let limits = HTTPResponseLimits(bodyBytes: 0, keepsBody: false)
                #expect(try connection.get("/tile", limits: limits).head.status == 200)
                // Long enough for the excess to arrive; were it not, the test would pass all the same.
                usleep(200_000)
            }
        }
    }

    @Test("a missing tile is absent in a map and a failure in a slide")
    func absent() throws {
        let server = try makeServer { $0.path.contains("/2/") ? .status(404) : tile }
        let summary = try warm(server, makeOptions(server, tilesets: []))
        #expect(summary.counts.absent == 16 && summary.counts.failed == 1 && summary.failures.first?.tileset == "liver")
    }

    @Test("an error of the server is a failure at once")
    func serverError() throws {
        let server = try makeServer { $0.path.contains("/2/") ? .status(500) : tile }
        let summary = try warm(server, makeOptions(server))
        #expect(summary.counts.failed == 1 && summary.counts.retries == 0)
        #expect(summary.failures.first?.reason == "the server answered 500")
    }

    @Test("when the server goes away, the run gives up instead of asking for every tile in vain")
    func gone() throws {
        let server = try makeServer { _ in tile }
        let options = try makeOptions(server, tilesets: ["world"], retries: 1)
        let tilesets = try server.serve { try PrewarmRun(options).fetchTilesets() }
        let summary = try PrewarmRun(options).run(tilesets)
        #expect(summary.gaveUp?.hasPrefix("the server has gone: connecting to 127.0.0.1:") == true)
        #expect(!summary.isComplete && summary.counts.failed >= 3 && summary.counts.done < summary.counts.total)
    }

    @Test("asked to stop, it finishes what is in flight and leaves the rest")
    func stopping() throws {
        let stop = Flag()
        let server = try makeServer { request in
            if request.path.contains("/world/2/") { stop.raise() }
            return tile
        }
        let options = try makeOptions(server, tilesets: ["world"])
        let summary = try server.serve {
            let run = PrewarmRun(options, shouldStop: { stop.isRaised })
            return try run.run(run.fetchTilesets())
        }
        #expect(summary.wasStopped && !summary.isComplete && summary.counts.failed == 0)
        // What was asked was answered and counted; the catalog is one more.
        #expect(summary.counts.done == server.seen.count - 1 && summary.counts.done < 20)
    }

    @Test("a wait for another try ends at once when asked to stop")
    func stoppingWhileWaiting() throws {
        let stop = Flag()
        let server = try makeServer { _ in
            stop.raise()
            return .status(503, "Retry-After: 100\r\n")
        }
        let options = try makeOptions(server)
        let summary = try server.serve {
            let run = PrewarmRun(options, shouldStop: { stop.isRaised })
            return try run.run(run.fetchTilesets())
        }
        #expect(summary.wasStopped && summary.counts.done == 0)
    }

    @Test("levels restrict what is asked for, and levels that are nowhere ask for nothing")
    func levels() throws {
        let server = try makeServer { _ in tile }
        var options = try makeOptions(server)
        options.part.levels = 6...9
        #expect(try warm(server, options).counts.warmed == 3)
        let other = try Self.freshServer()
        options.endpoint = try WarmEndpoint(other.url)
        options.part.levels = 20...22
        let summary = try warm(other, options)
        #expect(summary.counts.total == 0 && summary.isComplete)
    }

    private static func freshServer() throws -> TinyServer { try makeServer { _ in tile } }

    @Test("a tileset that the server does not have is named, with those that it has")
    func unknown() throws {
        let server = try makeServer { _ in tile }
        let options = try makeOptions(server, tilesets: ["lver"])
        let error = #expect(throws: PrewarmError.self) { try warm(server, options) }
        #expect(error?.description == "the server has no tileset lver; it has liver, world")
    }

    @Test("a catalog that is not there, or elsewhere, is an error with the URL")
    func noCatalog() throws {
        let server = try TinyServer { _ in .status(302, "Location: http://other/\r\n") }
        let options = try makeOptions(server)
        let error = #expect(throws: PrewarmError.self) { try warm(server, options) }
        #expect(error?.description.contains("\(server.url)/catalog.json") == true)
        #expect(error?.description.contains("it answered 302, to http://other/;") == true)
    }

    @Test("a chunked catalog below a prefix is read, and tiles are asked for below it")
    func prefix() throws {
        let size = String(catalog.utf8.count, radix: 16)
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(size)\r\n\(catalog)\r\n0\r\n\r\n"
        let server = try TinyServer { $0.path == "/maps/catalog.json" ? .bytes(chunked) : tile }
        var options = try makeOptions(server)
        options.endpoint = try WarmEndpoint(server.url + "/maps/")
        #expect(try warm(server, options).isComplete)
        #expect(server.seen.allSatisfy { $0.path.hasPrefix("/maps/") })
    }

    @Test("a host that nobody knows is a clear error")
    func unresolved() throws {
        let options = PrewarmOptions(endpoint: try WarmEndpoint("http://no-such-host.invalid:1"))
        let error = #expect(throws: PrewarmError.self) { try PrewarmRun(options).fetchTilesets() }
        #expect(error?.description.contains("looking up no-such-host.invalid failed") == true)
    }
}

/// A flag that several threads share.
private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)

    var isRaised: Bool { value.load(ordering: .relaxed) }

    func raise() { value.store(true, ordering: .relaxed) }
}
