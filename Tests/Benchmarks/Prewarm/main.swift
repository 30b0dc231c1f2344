// SPDX-License-Identifier: Apache-2.0
//
// bench-prewarm [--rounds N] [--copies N] [--only whole|replay|beside]...
//
// `orizuru prewarm` against a running server, over 40 slides of 256 families each:
// 1. how many requests a family costs, how much memory the command holds, and who spends the processor time;
// 2. what recorded viewers find afterwards;
// 3. the p99 of a viewer's hits beside it, next to the same server at rest: an open loop at a fifth of the capacity, in turns.
// Prints the figures with their bars, writes .build/bench/prewarm.json.

import BenchmarkSupport
import Foundation
import Glibc
import TestSupport

struct Bench {
    var rounds = 7
    /// Of 256 families each.
    var copies = 40
    /// Which parts; empty: all.
    private var only: [String] = []
    private(set) var figures: [String: Double] = [:]

    init(_ arguments: [String]) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let text = rest.popFirst() ?? ""
            let value = Int(text)
            switch argument {
            case "--only": only.append(text)
            case "--rounds": rounds = value ?? rounds
            case "--copies": copies = value ?? copies
            default:
                print("bench-prewarm: unknown option \(argument)")
                exit(2)
            }
        }
    }

    func wants(_ part: String) -> Bool { only.isEmpty || only.contains(part) }

    private func prewarm(_ server: MeasuredServer, _ options: [String] = []) throws -> ServerProcess {
        try ServerProcess("orizuru", ["prewarm", "http://127.0.0.1:\(server.port)", "--progress", "none"] + options)
    }

    /// The most that a process has held, in MiB; 0 where it has ended.
    private func peakMebibytes(_ process: ServerProcess) -> Double {
        let text = (try? String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0) / 1024
    }

    /// Milliseconds of processor time of a process; 0 where it has ended.
    private func cpuMilliseconds(_ process: ServerProcess) -> Double {
        let text = (try? String(contentsOfFile: "/proc/\(process.identifier)/stat", encoding: .utf8)) ?? ""
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) * 10
    }

    /// All families of all copies.
    mutating func whole() throws {
        let folder = try LargeSlide.folder(copies: copies)
        // Far less than all: a pre-warm goes through memory into the tiers behind it, or pushes itself out.
        let server = try MeasuredServer(folder.path, ["--memory", "1GiB"])
        defer { server.process.signal(SIGKILL) }
        let families = Double(copies * LargeSlide.families)
        let requests = try server.metric("orizuru_requests_total")
        let before = (try server.cpuMilliseconds(), try server.cpuMilliseconds(threads: "worker-"))
        let start = Date()
        let command = try prewarm(server, ["--levels", "12-14"])
        var (peak, cost) = (0.0, 0.0)
        while command.waitForExit(timeout: 0) == nil {
            peak = max(peak, peakMebibytes(command))
            cost = max(cost, cpuMilliseconds(command))
            usleep(20_000)
        }
        let seconds = Date().timeIntervalSince(start)
        guard command.waitForExit() == 0 else { throw LargeSlide.Failure("prewarm failed:\n\(command.errors)") }
        let sent = try server.metric("orizuru_requests_total") - requests
        let rendered = try server.metric("orizuru_family_renders_total")
        let all = try server.cpuMilliseconds() - before.0
        let workers = try server.cpuMilliseconds(threads: "worker-") - before.1
        let share = workers / (all + cost)
        print("\(Int(families)) families in \(String(format: "%.1f", seconds)) s, \(Int(rendered)) rendered")
        note("requests per family", sent / families, "1.05")
        note("most memory of the command, MiB", peak, "50")
        note("share of all processor time that renders", share, "0.90 at least")
        note("processors kept busy by the workers", workers / seconds / 1000, "all")
        figures["requests_per_family"] = sent / families
        figures["command_peak_mib"] = peak
        figures["render_share_of_cpu"] = share
        figures["families_per_second"] = families / seconds
    }

    /// Recorded viewers after a pre-warm of their slide.
    mutating func replay() throws {
        guard SharedData.isPresent else { return print("SKIPPED: recorded viewers; \(SharedData.reason)") }
        let folder = try LargeSlide.folder().appending(path: "slide-0")
        let server = try MeasuredServer(folder.path, ["--memory", "1GiB", "--look-ahead", "off"])
        defer { server.process.signal(SIGKILL) }
        let command = try prewarm(server)
        guard command.waitForExit(timeout: 120) == 0 else { throw LargeSlide.Failure(command.errors) }
        let encoded = try server.metric("orizuru_tiles_encoded_total")
        let client = try HTTPClient(port: server.port)
        var asked = 0
        for trace in try RecordedTrace.all() {
            for request in trace.requests {
                try client.request(trace.url(request, tileset: "slide-0"))
                let status = try client.readAnswer().status
                guard status == 200 else { throw LargeSlide.Failure("\(status) for a recorded request") }
                asked += 1
            }
        }
        let made = try server.metric("orizuru_tiles_encoded_total") - encoded
        print("\(asked) recorded requests after a pre-warm")
        note("tiles encoded for them", made, "0")
        figures["encoded_after_prewarm"] = made
    }

    /// Hits of viewers beside a pre-warm.
    mutating func beside() throws {
        let folder = try LargeSlide.folder(copies: copies)
        let server = try MeasuredServer(folder.path, ["--memory", "256MiB"])
        defer { server.process.signal(SIGKILL) }
        let path = "/dzi/slide-0_files/12/5_3.jpg"
        for _ in 0..<3 { _ = try HTTPClient.get(port: server.port, path) }
        guard let capacity = try ServerProcess.capacity(port: server.port, path: path) else {
            throw LargeSlide.Failure("wrk said nothing of requests per second")
        }
        let hits = { [path] in
            let loop = try OpenLoop(port: server.port, connections: 32, rate: capacity / 5)
            return try loop.run(seconds: 2) { _ in path }.quantile(0.99)
        }
        var series = Series()
        for _ in 0..<rounds {
            series.add("alone", try hits())
            let command = try prewarm(server, ["--levels", "12-14"])
            usleep(300_000)
            series.add("beside", try hits())
            guard command.waitForExit(timeout: 0) == nil else { throw LargeSlide.Failure("the pre-warm was too short") }
            command.signal(SIGINT)
            _ = command.waitForExit()
            // What was under way is finished.
            usleep(300_000)
        }
        let bar = 2 * series.median("alone") + 1
        print("p99 of hits at \(Int(capacity / 5)) requests/s, medians of \(rounds) rounds")
        note("alone, ms", series.median("alone"), "")
        note("beside a pre-warm, ms", series.median("beside"), String(format: "%.3f", bar))
        figures["hit_p99_ms_alone"] = series.median("alone")
        figures["hit_p99_ms_beside_prewarm"] = series.median("beside")
    }

    private func note(_ name: String, _ value: Double, _ bar: String) {
        let title = name.padding(toLength: 44, withPad: " ", startingAt: 0)
        print("  " + title + String(format: " %10.3f", value) + (bar.isEmpty ? "" : "   bar " + bar))
        fflush(nil)
    }
}

var bench = Bench(Array(CommandLine.arguments.dropFirst()))
do {
    if bench.wants("whole") { try bench.whole() }
    if bench.wants("replay") { try bench.replay() }
    if bench.wants("beside") { try bench.beside() }
    try BenchmarkReport(command: "bench-prewarm", figures: bench.figures).write(as: "prewarm")
} catch {
    print("bench-prewarm: \(error)")
    exit(1)
}
