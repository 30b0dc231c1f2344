// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Prewarm
import Testing
import TileModel

@testable import TileService

@Suite("What operators ask for")
struct AdminRequestTests {
    static func request(_ method: Method, _ path: String, _ query: String = "") throws(AdminFault) -> AdminRequest {
        try AdminRequest(method: method, path: path, query: query)
    }

    @Test("jobs are started, listed, shown and cancelled by path and method")
    func jobs() throws {
        #expect(try Self.request(.get, "/") == .help)
        #expect(try Self.request(.get, "/jobs") == .listJobs)
        #expect(try Self.request(.get, "/jobs/7") == .showJob(7))
        #expect(try Self.request(.delete, "/jobs/7") == .cancelJob(7))
        var order = AdminRequest.WarmOrder()
        order.tilesets = ["a", "b c"]
        order.part.levels = 2...9
        order.rate = 2.5
        #expect(try Self.request(.post, "/jobs", "tileset=a&levels=2-9&rate=2.5&tileset=b%20c") == .startJob(order))
        #expect(try Self.request(.post, "/jobs") == .startJob(AdminRequest.WarmOrder()))
    }

    @Test("a purge names one tileset, and perhaps a part of it")
    func purge() throws {
        var part = WarmPart()
        part.pixels = [.init(x: 1, y: 2, width: 3, height: 4)]
        #expect(try Self.request(.post, "/purge", "tileset=a&pixels=1,2,3,4") == .purge(tileset: "a", part))
        #expect(try Self.request(.post, "/reload") == .reload)
    }

    @Test(
        "what cannot be meant is refused with a status that says why",
        arguments: [
            (Method.get, "/nothing", "", Status.notFound), (.get, "/jobs/x", "", .notFound),
            (.get, "/jobs/0", "", .notFound), (.get, "/jobs/1/2", "", .notFound),
            (.get, "/purge", "", .methodNotAllowed),
            (.post, "/purge", "", .badRequest), (.post, "/purge", "tileset=a&tileset=b", .badRequest),
            (.post, "/purge", "tileset=a&rate=3", .badRequest), (.delete, "/jobs", "", .methodNotAllowed),
            (.post, "/jobs", "level=3", .badRequest), (.post, "/jobs", "levels=9-2", .badRequest),
            (.post, "/jobs", "bbox=1,2,3", .badRequest), (.post, "/jobs", "pixels=0,0,0,1", .badRequest),
            (.post, "/jobs", "rate=nan", .badRequest), (.post, "/jobs", "rate=1e-30", .badRequest),
            (.post, "/jobs", "tileset=%zz", .badRequest),
            (.get, "", "", .notFound),
        ]
    )
    func refusals(method: Method, path: String, query: String, status: Status) {
        let fault = #expect(throws: AdminFault.self) { try Self.request(method, path, query) }
        #expect(fault?.status == status, "\(fault?.reason ?? "")")
    }
}
