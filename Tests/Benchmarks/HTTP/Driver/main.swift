// SPDX-License-Identifier: Apache-2.0
//
// bench-http: what one stored answer costs, against nginx serving the same bytes from a file.
//
//     bench-http [--rounds N] [--seconds S] [--path /PATH] [-- COMMAND ARGUMENTS...]
//
// COMMAND is a server that prints `listening on http://ADDRESS:PORT`; without one it is hello-server with a body of
// 15 kB. Rounds are interleaved: times on shared machines drift, so only figures of the same round are compared. What is
// compared is processor time per request, summed over the server's threads.

import Glibc
import TestSupport

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
    let nginx = try startNginx(folder: folder)
    if nginx == nil {
        say("bench-http: nginx is not installed: its columns are SKIPPED (apt-get install nginx-light)")
    }

    say(
        "\(options.command.joined(separator: " ")) \(options.path): \(sample.body.count) bytes, \(options.rounds) rounds\n"
    )
    say(
        column("connections", 14, left: true) + column("server", 9, left: true) + column("requests/s", 11)
            + column("p50", 10)
            + column("p99", 10) + column("us CPU", 9) + column("ratio", 8)
    )
    var figures: [(String, Double)] = []
    var kinds: [(name: String, figure: String, connections: Int, fields: [[String]])] = [1, 32, 256].map {
        ("\($0)", "cpu_ratio_nginx_c\($0)", $0, [[], []])
    }
    let contenders = [ours] + (nginx.map { [$0] } ?? [])
    let tags = try contenders.map { contender -> String? in
        let port = contender.url.split(separator: ":")[2].prefix { $0.isNumber }
        let path = contender.url.drop { $0 != ":" }.dropFirst().drop { $0 != ":" }.drop { $0 != "/" }
        return try HTTPClient.get(port: UInt16(port) ?? 0, String(path))["etag"]
    }
    if tags.allSatisfy({ $0 != nil }) {
        kinds.append(("32, 304", "cpu_ratio_nginx_304", 32, tags.map { ["If-None-Match: \($0 ?? "")"] }))
    }
    for kind in kinds {
        var runs: [[Run]] = contenders.map { _ in [] }
        for round in 0...options.rounds {
            for (index, contender) in contenders.enumerated() {
                let result = try load(
                    contender,
                    connections: kind.connections,
                    seconds: options.seconds,
                    fields: kind.fields[index]
                )
                // The first round warms up.
                if round > 0 { runs[index].append(result) }
                if !result.faults.isEmpty, kind.fields[index].isEmpty { say("  \(contender.name): \(result.faults)") }
            }
        }
        let ratio =
            runs.count > 1
            ? median(zip(runs[0], runs[1]).map { $0.microsecondsPerRequest / $1.microsecondsPerRequest }) : .nan
        for (index, contender) in contenders.enumerated() {
            say(
                column(kind.name, 14, left: true) + column(contender.name, 9, left: true)
                    + column(fixed(median(runs[index].map(\.requestsPerSecond)), 0), 11)
                    + column(runs[index].last?.p50 ?? "", 10) + column(runs[index].last?.p99 ?? "", 10)
                    + column(fixed(median(runs[index].map(\.microsecondsPerRequest))), 9)
                    + column(index == 0 ? fixed(ratio) : "", 8)
            )
        }
        figures.append((kind.figure, ratio))
    }
    for contender in contenders {
        guard let calls = try countSystemCalls(contender) else { continue }
        say("system calls per request at 32 connections, \(contender.name): \(fixed(calls))")
        if contender.name == ours.name { figures.append(("syscalls_per_request_c32", calls)) }
    }
    if let allocations = try countAllocations(options, folder: folder) {
        say("allocations per request on a kept connection: \(fixed(allocations, 4))")
        figures.append(("allocations_per_request", allocations))
    }
    try report(figures, options)
    for contender in contenders {
        contender.process.signal(SIGTERM)
        _ = contender.process.waitForExit(timeout: 10)
    }
}

do { try bench() } catch {
    say("bench-http: \(error)")
    exit(1)
}
