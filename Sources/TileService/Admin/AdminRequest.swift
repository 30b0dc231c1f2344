// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Prewarm
import TileDescriptions

/// What an operator asks of the admin listener. Pure: from method, path and query.
///
/// Everything is in the query, so that a line of curl does it: `curl -X POST '.../jobs?tileset=liver&levels=0-12'`.
enum AdminRequest: Equatable, Sendable {
    case help
    case listJobs
    case startJob(WarmOrder)
    case showJob(Int)
    case cancelJob(Int)
    /// Tiles of one tileset.
    case purge(tileset: String, WarmPart)
    case reload

    /// What a job is to warm.
    struct WarmOrder: Equatable, Sendable {
        /// Ids; empty: all.
        var tilesets: [String] = []
        var part = WarmPart()
        /// Requests per second; nil: as fast as the workers are.
        var rate: Double?
    }

    static let helpText = """
        GET    /jobs                                    pre-warm jobs, running and ended
        POST   /jobs?tileset=ID&levels=A-B&rate=N       start one; also bbox=W,S,E,N (maps), pixels=X,Y,W,H (slides)
        GET    /jobs/N                                  how far one is
        DELETE /jobs/N                                  end one
        POST   /purge?tileset=ID&levels=A-B             forget tiles in memory, on disk and in the shared tier
        POST   /reload                                  search the paths again, as SIGHUP does

        """

    /// - Parameter query: as it came: percent-encoded, without its question mark.
    init(method: Method, path: String, query: String) throws(AdminFault) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        switch (parts.first ?? "", parts.count) {
        case ("", 1):
            try Self.check(method, [.get])
            self = .help
        case ("jobs", 1):
            try Self.check(method, [.get, .post])
            if case .get = method {
                self = .listJobs
            } else {
                self = .startJob(try Self.order(query))
            }
        case ("jobs", 2):
            guard let number = Int(parts[1]), number > 0 else { throw AdminFault(.notFound, "no job \(parts[1])") }
            try Self.check(method, [.get, .delete])
            if case .get = method { self = .showJob(number) } else { self = .cancelJob(number) }
        case ("purge", 1):
            try Self.check(method, [.post])
            var order = try Self.order(query, names: ["tileset", "levels", "bbox", "pixels"])
            guard let tileset = order.tilesets.popLast(), order.tilesets.isEmpty else {
                throw AdminFault(.badRequest, "tileset=ID has to name one tileset")
            }
            self = .purge(tileset: tileset, order.part)
        case ("reload", 1):
            try Self.check(method, [.post])
            self = .reload
        default: throw AdminFault(.notFound, "there is no \(path); GET / lists what there is")
        }
    }

    private static func check(_ method: Method, _ allowed: [Method]) throws(AdminFault) {
        guard allowed.contains(where: { $0.rawValue == method.rawValue }) else {
            throw AdminFault(.methodNotAllowed, "use \(allowed.map { "\($0.name)" }.joined(separator: " or "))")
        }
    }

    private static func order(
        _ query: String,
        names: Set<String> = ["tileset", "levels", "bbox", "pixels", "rate"]
    ) throws(AdminFault) -> WarmOrder {
        var order = WarmOrder()
        for pair in query.split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = queryDecoded(sides[0]), let value = queryDecoded(sides.count == 2 ? sides[1] : "") else {
                throw AdminFault(.badRequest, "the query is not well encoded")
            }
            guard names.contains(name) else {
                let known = names.sorted().joined(separator: ", ")
                throw AdminFault(.badRequest, "\"\(name)\" is not known here; known are \(known)")
            }
            func refused(_ accepted: String) -> AdminFault {
                AdminFault(.badRequest, "\(name)=\(value) is not accepted; expected \(accepted)")
            }
            switch name {
            case "tileset": order.tilesets.append(value)
            case "levels":
                guard let levels = WarmPart.levels(parsing: value) else { throw refused("A-B, A-, -B or one level") }
                order.part.levels = levels
            case "bbox":
                guard let box = WarmPart.box(parsing: value) else { throw refused("west,south,east,north in degrees") }
                order.part.add(box)
            case "pixels":
                guard let rect = WarmPart.pixels(parsing: value) else { throw refused("x,y,width,height in pixels") }
                order.part.pixels.append(rect)
            default:
                guard let rate = Double(value), WarmPace.rates.contains(rate) else {
                    throw refused("requests per second, from 0.000001 to 1000000")
                }
                order.rate = rate
            }
        }
        return order
    }
}

/// Why a request of an operator is refused.
struct AdminFault: Error, Equatable {
    let status: Status
    let reason: String

    init(_ status: Status, _ reason: String) {
        self.status = status
        self.reason = reason
    }
}
