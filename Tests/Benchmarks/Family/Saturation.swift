// SPDX-License-Identifier: Apache-2.0

import BenchmarkSupport
import Foundation
import Glibc
import LockFree
import Telemetry
import TestSupport

/// Recorded viewers on cold slides, as many requests as the server takes: what a tile that somebody used costs, and what
/// becomes of the throughput when twice as much is offered.
enum Saturation {
    private struct Result {
        var answered = 0
        var refused = 0
        var seconds = 0.0
        var cpuMilliseconds = 0.0
        var encoded = 0.0
        var siblingsDropped = 0.0
        var tilesPerSecond: Double { Double(answered) / seconds }
    }

    /// `rounds` rounds, each with servers of their own; adds the figures.
    static func measure(rounds: Int, into figures: inout [String: Double]) throws {
        let folder = try LargeSlide.folder()
        let urls = try interleaved()
        var series = Series()
        for _ in 0..<rounds {
            // As many outstanding as twenty-four viewers have on a connection each.
            let peak = try run(folder, urls, threads: 24, perSecond: nil)
            let over = try run(folder, urls, threads: 192, perSecond: 2 * peak.tilesPerSecond)
            for (name, result) in [("peak", peak), ("over", over)] {
                series.add("\(name) cpu", result.cpuMilliseconds / Double(max(result.answered, 1)))
                series.add("\(name) rate", result.tilesPerSecond)
                series.add("\(name) encoded", result.encoded / Double(max(result.answered, 1)))
                series.add("\(name) dropped", result.siblingsDropped)
                series.add("\(name) refused", Double(result.refused))
            }
        }
        print("Recorded viewers at saturation, \(urls.count) requests on cold slides, \(rounds) rounds, medians")
        for (label, name) in [("as much as it takes", "peak"), ("twice as much offered", "over")] {
            let cpu = String(format: "%.3f", series.median("\(name) cpu"))
            let rate = String(format: "%.0f", series.median("\(name) rate"))
            let encoded = String(format: "%.2f", series.median("\(name) encoded"))
            let dropped = String(format: "%.0f", series.median("\(name) dropped"))
            let refused = String(format: "%.0f", series.median("\(name) refused"))
            print("  \(label): \(cpu) ms of CPU and \(encoded) tiles encoded for each tile requested, \(rate) tiles/s,")
            print("    \(dropped) siblings dropped, \(refused) requests refused")
        }
        figures["cpu_ms_per_used_tile"] = series.median("peak cpu")
        figures["cpu_ms_per_used_tile_overload"] = series.median("over cpu")
        figures["encoded_per_used_tile"] = series.median("peak encoded")
        figures["saturation_tiles_per_second"] = series.median("peak rate")
        figures["overload_rate_ratio_peak"] = series.medianRatio("over rate", "peak rate")
        figures["overload_siblings_dropped"] = series.median("over dropped")
    }

    /// The requests of all viewers on all copies, taken from each in turn.
    private static func interleaved() throws -> [String] {
        let traces = try RecordedTrace.all()
        let viewers = (0..<LargeSlide.copies).flatMap { copy in
            traces.map { trace in trace.requests.map { trace.url($0, tileset: "slide-\(copy)") } }
        }
        let longest = viewers.map(\.count).max() ?? 0
        return (0..<longest).flatMap { index in viewers.compactMap { index < $0.count ? $0[index] : nil } }
    }

    /// `perSecond` nil: each thread asks for the next as soon as it has its answer; otherwise at fixed times.
    private static func run(_ folder: URL, _ urls: [String], threads: Int, perSecond: Double?) throws -> Result {
        let server = try MeasuredServer(folder.path)
        let next = Lock(0)
        let counts = Lock((answered: 0, refused: 0, failed: 0))
        let barrier = Barrier(count: threads + 1)
        let port = server.port
        let start = Lock(0)
        let clients = try (0..<threads).map { index in
            try OSThread(name: "client-\(index)", stackBytes: 256 << 10) {
                guard let client = try? HTTPClient(port: port) else {
                    barrier.wait()
                    return counts.withLock { $0.failed += 1 }
                }
                barrier.wait()
                let begin = start.withLock { $0 }
                while true {
                    let index = next.withLock { next in
                        defer { next += 1 }
                        return next
                    }
                    guard index < urls.count else { return }
                    if let perSecond {
                        let wait = begin + Int(Double(index) / perSecond * 1e9) - MonotonicClock.nanoseconds
                        if wait > 0 { usleep(UInt32(wait / 1000)) }
                    }
                    guard (try? client.request(urls[index])) != nil, let answer = try? client.readAnswer() else {
                        return counts.withLock { $0.failed += 1 }
                    }
                    counts.withLock { counts in
                        switch answer.status {
                        case 200: counts.answered += 1
                        case 503: counts.refused += 1
                        default: counts.failed += 1
                        }
                    }
                }
            }
        }
        let cpu = try server.cpuMilliseconds()
        let began = MonotonicClock.nanoseconds
        start.withLock { $0 = began }
        barrier.wait()
        for client in clients { client.join() }
        var result = Result()
        result.seconds = Double(MonotonicClock.nanoseconds - began) / 1e9
        result.cpuMilliseconds = try server.cpuMilliseconds() - cpu
        let all = counts.withLock { $0 }
        guard all.failed == 0 else {
            throw LargeSlide.Failure("\(all.failed) requests failed\n\(server.process.errors)")
        }
        (result.answered, result.refused) = (all.answered, all.refused)
        result.encoded = try server.metric("orizuru_tiles_encoded_total")
        result.siblingsDropped = try server.metric("orizuru_render_dropped_total{reason=\"sibling\"}")
        return result
    }
}
