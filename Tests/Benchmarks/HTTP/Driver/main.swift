// SPDX-License-Identifier: Apache-2.0
//
// bench-http: what one stored answer costs, against nginx serving the same bytes from a file or from memory, h2o, varnish.
//
//     bench-http [--rounds N] [--seconds S] [--path /PATH] [--quick] [--only ROW,...] [--threads N]
//                [-- COMMAND ARGUMENTS...]
//
// COMMAND is a server that prints `listening on http://ADDRESS:PORT`; without one it is hello-server with a body of
// 15 kB. Rounds are interleaved: times on shared machines drift, so only figures of the same round are compared. What is
// compared is processor time per request, summed over the server's threads. bare-loop is no server: it shows what of that
// time is the kernel's on this machine.

import Glibc
import TestSupport

/// One row of the table: a kind of load.
struct Kind {
    let name: String
    let figure: String
    var connections = 32
    /// Fields of every request, for each contender.
    var fields: [[String]]?
    /// Connections that are open beside them and say nothing.
    var idle = 0
    /// Whether all peers take part, or nginx alone.
    var isForAll = true
}

func bench() throws {
    let options = Options(Array(CommandLine.arguments.dropFirst()))
    guard path(of: "wrk") != nil else {
        return say("bench-http: SKIPPED, wrk is not installed (apt-get install wrk)")
    }
    let process = try ServerProcess(options.command[0], Array(options.command.dropFirst()))
    let port = try process.waitUntilListening()
    let ours = Contender(name: "orizuru", process: process, url: "http://127.0.0.1:\(port)\(options.path)")
    let sample = try HTTPClient.get(port: port, options.path)
    guard sample.status == 200 else { return say("bench-http: \(options.path) gives status \(sample.status)") }

    var template = Array("/tmp/orizuru-bench-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { return say("bench-http: no temporary folder") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { _ = try? run("/bin/rm", ["-rf", folder]) }
    unsafe chmod(folder, 0o755)
    unsafe mkdir(folder + "/www", 0o755)
    write(sample.body, to: folder + "/www/tile.jpg")
    write("index".utf8, to: folder + "/www/index.html")
    let contenders = [ours] + (try Peers(folder: folder, byteCount: sample.body.count).start())
    // What the first request set off (siblings being rendered) is over before anything is counted.
    sleep(options.isQuick ? 1 : 5)

    say(
        "\(options.command.joined(separator: " ")) \(options.path): \(sample.body.count) bytes, \(options.rounds) rounds\n"
    )
    say(
        column("connections", 16, left: true) + column("server", 11, left: true) + column("requests/s", 11)
            + column("p50 ms", 9) + column("p99 ms", 9) + column("us CPU", 9) + column("of nginx", 10)
            + column("MiB", 8)
    )
    var figures: [(String, Double)] = []
    for kind in try kinds(contenders, isQuick: options.isQuick) where options.includes(kind) {
        try measure(kind, contenders, options, &figures)
    }
    for contender in contenders.prefix(2) where options.counts {
        guard let calls = try countSystemCalls(contender, threads: options.threads) else { continue }
        say("system calls per request at 32 connections, \(contender.name): \(fixed(calls))")
        if contender.name == ours.name { figures.append(("syscalls_per_request_c32", calls)) }
    }
    for (name, fields) in [("allocations_per_request", []), ("allocations_per_304", conditions(of: sample))]
    where (name == "allocations_per_request" || !fields.isEmpty) && options.counts {
        guard let allocations = try countAllocations(options, folder: folder, fields: fields) else { break }
        say("\(name) on a kept connection: \(fixed(allocations, 4))")
        figures.append((name, allocations))
    }
    try report(figures, options)
    for contender in contenders {
        contender.process.signal(SIGTERM)
        if contender.process.waitForExit(timeout: 10) == nil { contender.process.signal(SIGKILL) }
    }
}

func conditions(of answer: HTTPAnswer) -> [String] { answer["etag"].map { ["If-None-Match: \($0)"] } ?? [] }

func kinds(_ contenders: [Contender], isQuick: Bool) throws -> [Kind] {
    var kinds = [1, 32, 256].map { Kind(name: "\($0)", figure: "_c\($0)", connections: $0) }
    let tags = try contenders.map { conditions(of: try HTTPClient.get(port: $0.port, $0.path)) }
    if let own = tags.first, !own.isEmpty {
        kinds.append(Kind(name: "32, 304", figure: "_304", fields: tags, isForAll: false))
    }
    guard !isQuick else { return kinds }
    kinds.append(Kind(name: "32, idle 1000", figure: "_idle1000", idle: 1000, isForAll: false))
    kinds.append(Kind(name: "32, idle 10000", figure: "_idle10000", idle: 10_000, isForAll: false))
    // Each leaves thousands of closed connections in the kernel, so it comes last.
    let closing = contenders.map { _ in ["Connection: close"] }
    kinds.append(Kind(name: "32, one each", figure: "_close", fields: closing, isForAll: false))
    return kinds
}

func measure(_ kind: Kind, _ all: [Contender], _ options: Options, _ figures: inout [(String, Double)]) throws {
    // Of 20,000 descriptors that a process usually has, 10,000 can be held once.
    let contenders = Array(all.prefix(kind.isForAll ? all.count : kind.idle > 5000 ? 1 : 2))
    let held = try contenders.map { try IdleConnections(kind.idle, to: $0) }
    var runs: [[Run]] = contenders.map { _ in [] }
    for round in 0...options.rounds {
        // Another one begins each round: what one leaves behind in the kernel is not always the same one's trouble.
        for place in contenders.indices {
            let index = (place + round) % contenders.count
            let contender = contenders[index]
            let fields = kind.fields?[index] ?? []
            let result = try load(
                contender,
                connections: kind.connections,
                seconds: options.seconds,
                threads: options.threads,
                fields: fields
            )
            // The first round warms up.
            if round > 0 { runs[index].append(result) }
            if !result.faults.isEmpty, kind.fields == nil { say("  \(contender.name): \(result.faults)") }
        }
    }
    func ratio(_ a: Int, _ b: Int) -> Double {
        median(zip(runs[a], runs[b]).map { $0.microsecondsPerRequest / $1.microsecondsPerRequest })
    }
    for (index, contender) in contenders.enumerated() {
        say(
            column(kind.name, 16, left: true) + column(contender.name, 11, left: true)
                + column(fixed(median(runs[index].map(\.requestsPerSecond)), 0), 11)
                + column(fixed(median(runs[index].map(\.p50)), 3), 9)
                + column(fixed(median(runs[index].map(\.p99)), 3), 9)
                + column(fixed(median(runs[index].map(\.microsecondsPerRequest))), 9)
                + column(contenders.count > 1 ? fixed(ratio(index, 1)) : "", 10)
                + column(fixed(residentMebibytes(contender.process.identifier), 1), 8)
        )
    }
    figures.append(("cpu_us\(kind.figure)", median(runs[0].map(\.microsecondsPerRequest))))
    if contenders.count > 1 { figures.append(("cpu_ratio_nginx\(kind.figure)", ratio(0, 1))) }
    if kind.isForAll, kind.connections == 32, contenders.count > 1 {
        let peers = contenders.indices.filter { $0 > 0 && contenders[$0].name != "bare-loop" }
        figures.append(("cpu_ratio_best_peer_c32", peers.map { ratio(0, $0) }.max() ?? .nan))
    }
    if let floor = contenders.firstIndex(where: { $0.name == "bare-loop" }), contenders.count > 2 {
        figures.append(("cpu_ratio_floor\(kind.figure)", ratio(0, floor)))
        figures.append(("floor_ratio_nginx\(kind.figure)", ratio(floor, 1)))
    }
    withExtendedLifetime(held) {}
}

do { try bench() } catch {
    say("bench-http: \(error)")
    exit(1)
}
