// SPDX-License-Identifier: Apache-2.0
//
// bench-shared --server EXECUTABLE [--rounds N] [--requests N]
//
// The shared tier as servers and their clients see it. The executable has to be built with the package trait Redis.
//
// 1. How many round trips a cold family costs that another server has put into Redis (counted by Redis).
// 2. How many families two servers render that are asked for the same cold families at once.
// 3. How long it takes until Redis is used again after it hung.
// 4. Latency of cold tiles while Redis hangs and the circuit breaker is open, next to a server that has no Redis: an open
//    loop at a fifth of the capacity, in turns, each time fresh servers. Writes .build/bench/shared.json.

import BenchmarkSupport
import Foundation
import LockFree
import TestSupport

struct Options {
    var server = ""
    var rounds = 7
    var requests = 500
}

var chosen = Options()
var arguments = CommandLine.arguments.dropFirst()
while let option = arguments.popFirst() {
    let value = arguments.popFirst() ?? ""
    switch option {
    case "--server": chosen.server = value
    case "--rounds": chosen.rounds = Int(value) ?? chosen.rounds
    case "--requests": chosen.requests = Int(value) ?? chosen.requests
    default:
        print("bench-shared: unknown option \(option)")
        exit(2)
    }
}

let options = chosen

enum BenchFailure: Error {
    case status(String, Int)
    case notOpen
    case notWritten
    case notClosed
}

func verdict(_ what: String, _ figure: Double, _ bar: Double) {
    print("  \(what): \(figure <= bar ? "holds" : "MISSED"), \(format(figure)) for at most \(format(bar))")
}

func format(_ value: Double) -> String { String(format: "%.2f", value) }

/// A server of the slides, with its port.
struct Node {
    let process: ServerProcess
    let port: UInt16

    init(_ slides: String, redis: RedisServer?) throws {
        var arguments = ["serve", slides, "--listen", "127.0.0.1:0", "--log-level", "error"]
        arguments += CommandLine.arguments.contains("--with-disk") ? [] : ["--no-disk-cache"]
        if let redis { arguments += ["--redis", "unix:\(redis.socket)"] }
        process = try ServerProcess(options.server, arguments)
        port = try process.waitUntilListening()
    }

    /// The sum of all series of a metric.
    func metric(_ name: String) throws -> Double {
        let text = try HTTPClient.get(port: port, "/metrics").text
        return text.split(separator: "\n").filter { $0.hasPrefix(name + " ") || $0.hasPrefix(name + "{") }
            .reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? 0) }
    }
}

/// Asks for cold tiles at fixed moments, whatever became of the earlier ones, and gives the milliseconds from when each
/// should have been asked for to its last byte, in ascending order.
func openLoop(_ port: UInt16, families: Range<Int>, perSecond: Double) throws -> [Double] {
    let lanes = 8
    let latencies = Lock<[Double]>([])
    let failures = Lock(0)
    let start = Date().timeIntervalSinceReferenceDate + 0.05
    let threads = try (0..<lanes).map { lane in
        try OSThread(name: "lane") {
            guard let client = try? HTTPClient(port: port) else { return failures.withLock { $0 += 1 } }
            var mine: [Double] = []
            for (index, family) in families.enumerated() where index % lanes == lane {
                let due = start + Double(index) / perSecond
                let wait = due - Date().timeIntervalSinceReferenceDate
                if wait > 0 { usleep(UInt32(wait * 1e6)) }
                guard (try? client.request(CopiedSlides.path(family: family))) != nil,
                    (try? client.readAnswer())?.status == 200
                else { return failures.withLock { $0 += 1 } }
                mine.append((Date().timeIntervalSinceReferenceDate - due) * 1000)
            }
            let taken = mine
            latencies.withLock { $0 += taken }
        }
    }
    threads.forEach { $0.join() }
    guard failures.withLock({ $0 }) == 0 else { throw BenchFailure.status("open loop", failures.withLock { $0 }) }
    return latencies.withLock { $0 }.sorted()
}

/// Cold tiles a second that a server makes when eight clients ask without a pause.
func capacity(_ slides: String, _ families: Range<Int>) throws -> Double {
    let node = try Node(slides, redis: nil)
    let port = node.port
    let start = Date()
    try askAll(port, families).forEach { $0.join() }
    return Double(families.count) / Date().timeIntervalSince(start)
}

/// Commands that Redis executed for look-ups, per family that one server had put there and another one asked for.
func roundTrips(_ slides: String) throws -> Double {
    let redis = try RedisServer()
    let families = 0..<54
    let first = try Node(slides, redis: redis)
    for family in families { _ = try HTTPClient.get(port: first.port, CopiedSlides.path(family: family)) }
    // Written behind: until nothing new has come for a second.
    var size = ""
    var still = 0
    for _ in 0..<600 where still < 10 {
        usleep(100_000)
        let now = try redis.command("DBSIZE")
        still = now == size && !now.hasPrefix("0") ? still + 1 : 0
        size = now
    }
    guard still == 10 else { throw BenchFailure.notWritten }
    let second = try Node(slides, redis: redis)
    try redis.command("CONFIG", "RESETSTAT")
    for family in families {
        let answer = try HTTPClient.get(port: second.port, CopiedSlides.path(family: family))
        guard answer.status == 200 else { throw BenchFailure.status("family \(family)", answer.status) }
    }
    let looked = try redis.calls(of: "mget") + redis.calls(of: "get")
    let rendered = try second.metric("orizuru_family_renders_total")
    print("\(families.count) families: \(looked) look-ups, \(Int(rendered)) rendered again")
    return Double(looked) / Double(families.count)
}

/// Asks a server for one cold tile of each family on eight connections.
func askAll(_ port: UInt16, _ families: Range<Int>) throws -> [OSThread] {
    try (0..<8).map { lane in
        try OSThread(name: "client") {
            guard let client = try? HTTPClient(port: port) else { return }
            for family in families where family % 8 == lane {
                try? client.request(CopiedSlides.path(family: family))
                _ = try? client.readAnswer()
            }
        }
    }
}

/// How many families two servers with one Redis render, for each that both are asked for at once.
func rendersOfTwo(_ slides: String) throws -> Double {
    let redis = try RedisServer()
    let nodes = [try Node(slides, redis: redis), try Node(slides, redis: redis)]
    let families = 0..<108
    let threads = try nodes.flatMap { try askAll($0.port, families) }
    threads.forEach { $0.join() }
    let rendered = try nodes.map { try $0.metric("orizuru_family_renders_total") }.reduce(0, +)
    let expired = try nodes.map { try $0.metric("orizuru_tier_expired_total") }.reduce(0, +)
    print("two servers, \(families.count) cold families: \(Int(rendered)) rendered, \(Int(expired)) requests too late")
    return rendered / Double(families.count)
}

/// Seconds from the moment at which a Redis that hung goes on until the breaker is closed. It has just opened then, so that the
/// first back-off, 0.4 to 0.6 s, is ahead.
func recovery(_ slides: String) throws -> Double {
    let redis = try RedisServer()
    let node = try Node(slides, redis: redis)
    _ = try HTTPClient.get(port: node.port, CopiedSlides.path(family: 0))
    try openBreaker(node, redis, families: 1..<19)
    redis.signal(SIGCONT)
    let start = Date()
    for _ in 0..<10_000 {
        if try node.metric("orizuru_breaker_state{tier=\"shared\"}") == 0 { return Date().timeIntervalSince(start) }
        usleep(2000)
    }
    throw BenchFailure.notClosed
}

/// Stops Redis, and asks for cold tiles until it is left alone.
func openBreaker(_ node: Node, _ redis: RedisServer, families: Range<Int>) throws {
    redis.signal(SIGSTOP)
    for family in families {
        for child in 0..<2 {
            _ = try HTTPClient.get(port: node.port, CopiedSlides.path(family: family, child: child))
            if try node.metric("orizuru_breaker_state{tier=\"shared\"}") > 0 { return }
        }
    }
    throw BenchFailure.notOpen
}

func run() throws {
    let directory = try TemporaryDirectory()
    let slideCount = (options.requests + CopiedSlides.familiesPerSlide - 1) / CopiedSlides.familiesPerSlide + 2
    let slides = try CopiedSlides.make(slideCount, in: directory)
    let trips = try roundTrips(slides)
    var fleet = Series()
    for _ in 0..<min(options.rounds, 5) {
        fleet.add("renders", try rendersOfTwo(slides))
        fleet.add("recovery", try recovery(slides))
    }
    verdict("renders of a family by two servers", fleet.median("renders"), 1.05)
    verdict("seconds until a Redis that hung is used again", fleet.median("recovery"), 1.6)

    let full = try capacity(slides, 0..<options.requests)
    let perSecond = full / 5
    print("capacity: \(Int(full)) cold tiles a second; measured at \(Int(perSecond))")
    var series = Series()
    for round in 0..<options.rounds {
        // In turns, and who is first changes.
        for turn in 0..<2 {
            let hasRedis = (round + turn) % 2 == 0
            let redis = hasRedis ? try RedisServer() : nil
            let node = try Node(slides, redis: redis)
            let warmUp = options.requests..<options.requests + CopiedSlides.familiesPerSlide
            if let redis { try openBreaker(node, redis, families: warmUp) }
            for family in warmUp { _ = try HTTPClient.get(port: node.port, CopiedSlides.path(family: family)) }
            let latencies = try openLoop(node.port, families: 0..<options.requests, perSecond: perSecond)
            let name = hasRedis ? "open" : "without"
            series.add("\(name) p50", latencies[latencies.count / 2])
            series.add("\(name) p99", latencies[latencies.count * 99 / 100])
            redis?.signal(SIGCONT)
        }
    }
    print("cold tiles, milliseconds      p50      p99")
    for (label, name) in [("without Redis", "without"), ("Redis hangs, breaker open", "open")] {
        let middle = String(format: "%8.2f", series.median("\(name) p50"))
        let tail = String(format: "%9.2f", series.median("\(name) p99"))
        print("  \(label.padding(toLength: 26, withPad: " ", startingAt: 0))\(middle)\(tail)")
    }
    verdict(
        "p99 while Redis hangs, milliseconds",
        series.median("open p99"),
        1.3 * series.median("without p99") + 0.5
    )
    let difference = series.median("open p99") - series.median("without p99")
    try BenchmarkReport(
        command: "make bench-shared",
        figures: [
            "round_trips_per_family": trips,
            "renders_per_family_two_servers": fleet.median("renders"),
            "recovery_seconds": fleet.median("recovery"),
            "p99_ratio_breaker_open": series.medianRatio("open p99", "without p99"),
            "p99_difference_ms_breaker_open": difference,
            "p99_ms_without": series.median("without p99"),
        ]
    ).write(as: "shared")
}

do {
    try run()
} catch {
    print("bench-shared: \(error)")
    exit(1)
}
