// SPDX-License-Identifier: Apache-2.0

import BenchmarkSupport
import Foundation
import Glibc
import LockFree
import Telemetry
import TestSupport
import TileModel

/// Recorded viewers in real time, with and without look-ahead: how many requests wait for a render, and what is rendered.
enum LookAheadReplay {
    private struct Result {
        /// Requests for tiles that are rendered, and of them those that waited.
        var rendered = 0
        var waited = 0
        /// Of all requests, those that memory did not answer: stored tiles included.
        var missed = 0
        var requests = 0
        var families = 0.0
        var tiles = 0.0
    }

    /// Replays each trace with look-ahead off and on, both at once and each on a server of its own. Takes a minute.
    static func measure(into figures: inout [String: Double]) throws {
        let slide = try LargeSlide.folder().appending(path: "slide-0").path
        let traces = try RecordedTrace.all()
        let results = Lock<[String: Result]>([:])
        let failures = Lock<[String]>([])
        for mode in ["off", "on"] {
            let replays = try traces.map { trace in
                try OSThread(name: "replay") {
                    do {
                        let result = try replay(trace, slide: slide, mode: mode)
                        results.withLock { $0[trace.viewer + mode] = result }
                    } catch {
                        failures.withLock { $0.append("\(trace.viewer): \(error)") }
                    }
                }
            }
            for replay in replays { replay.join() }
        }
        let failed = failures.withLock { $0 }
        guard failed.isEmpty else { throw LargeSlide.Failure(failed.joined(separator: "\n")) }
        print("Recorded viewers in real time, look-ahead off -> on")
        for trace in traces {
            let (off, on) = results.withLock {
                ($0[trace.viewer + "off"] ?? .init(), $0[trace.viewer + "on"] ?? .init())
            }
            print(
                "  \(trace.viewer): of \(on.rendered) requests for rendered tiles \(off.waited) -> \(on.waited) waited;",
                "\(Int(off.families)) -> \(Int(on.families)) families, \(Int(off.tiles)) -> \(Int(on.tiles)) tiles rendered"
            )
            figures["look_ahead_wait_ratio_\(trace.viewer)"] = Double(on.waited) / Double(max(off.waited, 1))
            figures["look_ahead_renders_ratio_\(trace.viewer)"] = on.families / max(off.families, 1)
            figures["look_ahead_tiles_ratio_\(trace.viewer)"] = on.tiles / max(off.tiles, 1)
            figures["wait_share_off_\(trace.viewer)"] = Double(off.waited) / Double(max(off.rendered, 1))
            figures["wait_share_on_\(trace.viewer)"] = Double(on.waited) / Double(max(on.rendered, 1))
            figures["look_ahead_miss_ratio_\(trace.viewer)"] = Double(on.missed) / Double(max(off.missed, 1))
        }
    }

    /// Six connections, as browsers have; each request at its time, or as soon as a connection is free.
    private static func replay(_ trace: RecordedTrace, slide: String, mode: String) throws -> Result {
        let server = try MeasuredServer(slide, ["--look-ahead", mode])
        let result = Lock(Result())
        let next = Lock(0)
        let failed = Lock(false)
        let begin = MonotonicClock.nanoseconds + 200_000_000
        let port = server.port
        let connections = try (0..<6).map { index in
            try OSThread(name: "connection-\(index)") {
                guard let client = try? HTTPClient(port: port) else { return failed.withLock { $0 = true } }
                while true {
                    let index = next.withLock { next in
                        defer { next += 1 }
                        return next
                    }
                    guard index < trace.requests.count else { return }
                    let request = trace.requests[index]
                    let wait = begin + Int(request.time * 1e9) - MonotonicClock.nanoseconds
                    if wait > 0 { usleep(UInt32(wait / 1000)) }
                    guard (try? client.request(trace.url(request, tileset: "slide-0"))) != nil,
                        let answer = try? client.readAnswer(), answer.status == 200
                    else { return failed.withLock { $0 = true } }
                    let isMiss = answer["cache-status"]?.contains("detail=render") == true
                    result.withLock { result in
                        result.requests += 1
                        if isMiss { result.missed += 1 }
                        guard request.tile.level > RecordedTrace.parentLevel else { return }
                        result.rendered += 1
                        if isMiss { result.waited += 1 }
                    }
                }
            }
        }
        for connection in connections { connection.join() }
        guard !failed.withLock({ $0 }) else { throw LargeSlide.Failure("a request failed\n\(server.process.errors)") }
        var all = result.withLock { $0 }
        all.families = try server.metric("orizuru_family_renders_total")
        all.tiles = try server.metric("orizuru_tiles_encoded_total")
        return all
    }
}
