// SPDX-License-Identifier: Apache-2.0
//
// bench-latency: whether anybody has to wait for somebody else. Open loop, at 20 % of what the server can do.
//
//     bench-latency [--rounds N] [--only slow,workers,starved,refused]
//
// slow: hits of a server that holds 200 slow and 10,000 idle connections, next to one that holds none.
// workers: hits while every worker renders, next to the same server at rest. starved: cold tiles while hits saturate the
// reactors. refused: how quickly a full queue says so. Rounds are interleaved; figures are medians of the rounds.

import BenchmarkSupport
import Foundation
import Glibc
import Telemetry
import TestSupport
import TileModel

struct Bench {
    var rounds = 7
    var only: Set<String> = ["slow", "workers", "starved", "refused"]
    var figures: [String: Double] = [:]
    let slide = SharedData.packageRoot.appending(path: ".build/bench/large-slide").path
    let size = GridSize(width: 8192, height: 8192)
    /// What a slide of the sample is called where it is not the only one: the folder below `large-slide`.
    static let slideName = "tissue"

    init(_ arguments: [String]) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--rounds": rounds = rest.popFirst().flatMap { Int($0) } ?? rounds
            case "--only": only = Set((rest.popFirst() ?? "").split(separator: ",").map(String.init))
            default:
                print("bench-latency: unknown option \(argument)")
                exit(2)
            }
        }
    }

    func start(_ paths: [String], _ options: [String]) throws -> (process: ServerProcess, port: UInt16) {
        let process = try ServerProcess(
            "orizuru",
            ["serve"] + paths + ["--listen", "127.0.0.1:0", "--no-disk-cache"] + options
        )
        return (process, try process.waitUntilListening())
    }

    /// A fifth of what one round of as many requests as possible comes to.
    func rate(_ port: UInt16, _ path: String) throws -> Double {
        max(try (ServerProcess.capacity(port: port, path: path) ?? 10_000) / 5, 500)
    }

    /// A stored or rendered tile of the sample that is in memory from now on.
    func warm(_ port: UInt16) throws -> String {
        let path = "/dzi/tissue_files/12/5_3.jpg"
        for _ in 0..<3 { _ = try HTTPClient.get(port: port, path) }
        sleep(2)
        return path
    }

    /// The p99 of hits, in milliseconds.
    func hits(_ port: UInt16, _ path: String, _ rate: Double) throws -> Double {
        let loop = try OpenLoop(port: port, connections: 32, rate: rate)
        return try loop.run(seconds: 2) { _ in path }.quantile(0.99)
    }

    func note(_ name: String, _ base: [Double], _ loaded: [Double], _ bar: String) {
        let middle = { (values: [Double]) in values.sorted()[values.count / 2] }
        let (a, b) = (middle(base), middle(loaded))
        let title = name.padding(toLength: 44, withPad: " ", startingAt: 0)
        print(title + String(format: " %8.3f ms  %8.3f ms   bar ", a, b) + bar)
        fflush(nil)
    }

    mutating func slow() throws {
        let sample = SharedData.packageRoot.appending(path: "tiles-sample").path
        let options = ["--http-connections", "12000", "--http-connections-per-address", "12000"]
        let (calm, calmPort) = try start([sample], options)
        let (busy, busyPort) = try start([sample], options)
        defer { for process in [calm, busy] { process.signal(SIGKILL) } }
        let path = try warm(calmPort)
        _ = try warm(busyPort)
        let rate = try rate(calmPort, path)
        // Of 20,000 descriptors that a process usually has, ours and the server's are apart.
        let idle = try (0..<10_000).map { _ in
            let client = try HTTPClient(port: busyPort)
            try client.request("/healthz")
            _ = try client.readAnswer()
            return client
        }
        let slow = try SlowClients(port: busyPort, count: 200, path: path)
        sleep(1)
        var (base, loaded): ([Double], [Double]) = ([], [])
        for _ in 0..<rounds {
            base.append(try hits(calmPort, path, rate))
            loaded.append(try hits(busyPort, path, rate))
        }
        note("a hit, 200 slow and 10,000 idle beside it", base, loaded, "2x + 1 ms")
        let left = slow.finish(within: 40)
        print("  slow connections closed by their deadlines: \(slow.closings), left open: \(left)")
        figures["hit_p99_ms_calm"] = base.sorted()[base.count / 2]
        figures["hit_p99_ms_slow_clients"] = loaded.sorted()[loaded.count / 2]
        figures["slow_clients_left"] = Double(left)
        withExtendedLifetime(idle) {}
    }

    mutating func workers() throws {
        let sample = SharedData.packageRoot.appending(path: "tiles-sample").path
        let (process, port) = try start([sample, slide], ["--memory", "4MiB"])
        defer { process.signal(SIGKILL) }
        guard let tiles = ColdTiles(id: Self.slideName + "-2", size: size) else { return }
        let path = try warm(port)
        let rate = try rate(port, path)
        var (base, loaded): ([Double], [Double]) = ([], [])
        var (rendered, others) = (0, 0)
        for _ in 0..<rounds {
            base.append(try hits(port, path, rate))
            let load = try ColdLoad(port: port, clients: 16, tiles: tiles)
            usleep(200_000)
            loaded.append(try hits(port, path, rate))
            let answers = load.stop()
            rendered += answers.rendered
            others += answers.others
            sleep(1)
        }
        note("a hit, every worker rendering", base, loaded, "2x + 1 ms")
        print("  tiles rendered meanwhile: \(rendered), answered otherwise: \(others)")
        figures["tiles_rendered_for_others"] = Double(rendered)
        figures["hit_p99_ms_at_rest"] = base.sorted()[base.count / 2]
        figures["hit_p99_ms_workers_busy"] = loaded.sorted()[loaded.count / 2]
    }

    mutating func starved() throws {
        let sample = SharedData.packageRoot.appending(path: "tiles-sample").path
        let (process, port) = try start([sample, slide], ["--memory", "4MiB"])
        defer { process.signal(SIGKILL) }
        guard let tiles = ColdTiles(id: Self.slideName + "-2", size: size) else { return }
        let path = try warm(port)
        var (base, loaded): ([Double], [Double]) = ([], [])
        var number = 0
        func ask() throws -> Double {
            let first = number
            let result = try OpenLoop(port: port, connections: 16, rate: 15).run(seconds: 3) {
                tiles.paths[(first + $0) % tiles.paths.count]
            }
            number += result.times.count
            return result.quantile(0.99)
        }
        for _ in 0..<rounds {
            base.append(try ask())
            let wrk = try ServerProcess("/usr/bin/wrk", ["-t2", "-c64", "-d4s", "http://127.0.0.1:\(port)\(path)"])
            usleep(300_000)
            loaded.append(try ask())
            _ = wrk.waitForExit()
        }
        note("a cold tile, hits saturating the reactors", base, loaded, "5x")
        figures["cold_p99_ms_at_rest"] = base.sorted()[base.count / 2]
        figures["cold_p99_ms_reactors_busy"] = loaded.sorted()[loaded.count / 2]
    }

    mutating func refused() throws {
        let (process, port) = try start([slide], ["--queue-limit", "4", "--memory", "4MiB"])
        defer { process.signal(SIGKILL) }
        guard let tiles = ColdTiles(id: Self.slideName, size: size) else { return }
        var times: [Double] = []
        for round in 0..<rounds {
            // Families that fill workers and queue; who comes behind them is refused, and timed.
            let clients = try (0..<48).map { _ in try HTTPClient(port: port) }
            for (index, client) in clients.enumerated() {
                let path = tiles.paths[(round * 48 + index) % tiles.paths.count]
                let begin = MonotonicClock.nanoseconds
                try client.request(path)
                guard index >= 24 else { continue }
                let answer = try client.readAnswer()
                if answer.status == 503, answer["retry-after"] != nil {
                    times.append(Double(MonotonicClock.nanoseconds - begin) / 1e6)
                }
            }
            sleep(1)
        }
        times.sort()
        guard !times.isEmpty else { return print("no request was refused") }
        let p99 = times[min(times.count * 99 / 100, times.count - 1)]
        let text = [times[times.count / 2], p99, times[times.count - 1]].map { String(format: "%.3f ms", $0) }
        print("a full queue, \(times.count) refusals: p50 \(text[0]), p99 \(text[1]), longest \(text[2])   bar 5 ms")
        figures["refusal_p99_ms"] = p99
    }
}

var bench = Bench(Array(CommandLine.arguments.dropFirst()))
do {
    let title = "p99, medians of \(bench.rounds) rounds".padding(toLength: 44, withPad: " ", startingAt: 0)
    print("\(title)      alone       beside")
    if bench.only.contains("slow") { try bench.slow() }
    if bench.only.contains("workers") { try bench.workers() }
    if bench.only.contains("starved") { try bench.starved() }
    if bench.only.contains("refused") { try bench.refused() }
    try BenchmarkReport(command: "bench-latency", figures: bench.figures).write(as: "latency")
} catch {
    print("bench-latency: \(error)")
    exit(1)
}
