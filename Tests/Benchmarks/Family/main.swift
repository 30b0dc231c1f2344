// SPDX-License-Identifier: Apache-2.0

// A cold family as clients see it, over HTTP from a server of its own in each round: how long one client waits for the
// whole of it, how long for its first tile, and how long sixty-four clients who all ask at once for its twenty tiles.
// Wall-clock time on whatever processors are free: compare the ratios. Then recorded viewers at saturation: the processor
// time for each tile that somebody used. Prints a table, writes .build/bench/family.json.
// With --cold: cold families alone.
// With --look-ahead: recorded viewers in real time, with and without look-ahead; writes .build/bench/lookahead.json.

import BenchmarkSupport
import Foundation
import Glibc
import LockFree
import Telemetry
import TestSupport
import TileModel

/// A whole family of the sample slide.
struct ColdFamily {
    let family: Family

    init?(x: Int, y: Int) {
        guard let pyramid = Pyramid(deepZoom: GridSize(width: 2900, height: 2150), tileSize: 256, overlap: 0) else {
            return nil
        }
        family = Family(parent: TileCoordinate(level: pyramid.maxLevel - 2, x: x, y: y), in: pyramid)
    }

    func url(_ member: Int) -> String {
        let tile = family.coordinate(ofMember: member)
        return "/dzi/tissue_files/\(tile.level)/\(tile.x)_\(tile.y).jpg"
    }
}

/// Milliseconds that `work` takes.
func milliseconds(_ work: () throws -> Void) rethrows -> Double {
    let start = MonotonicClock.nanoseconds
    try work()
    return Double(MonotonicClock.nanoseconds - start) / 1e6
}

/// The time until a client of its own has its answer.
func answerTime(_ port: UInt16, _ path: String, fields: [String] = []) throws -> Double {
    let client = try HTTPClient(port: port)
    defer { client.close() }
    return try milliseconds {
        try client.request(path, fields: fields)
        let answer = try client.readAnswer()
        precondition(answer.status == 200, "\(path): \(answer.status)")
    }
}

/// The time until the last of sixty-four connected clients has its answer.
func crowdTime(_ port: UInt16, _ family: ColdFamily) throws -> Double {
    let barrier = Barrier(count: 65)
    let failures = Lock(0)
    let urls = (1..<Family.memberCount).map(family.url)
    let threads = try (0..<64).map { index in
        try OSThread(name: "client-\(index)") {
            let client = try? HTTPClient(port: port)
            barrier.wait()
            guard let client, (try? client.request(urls[index % urls.count])) != nil,
                (try? client.readAnswer())?.status == 200
            else { return failures.withLock { $0 += 1 } }
        }
    }
    barrier.wait()
    let time = milliseconds { for thread in threads { thread.join() } }
    precondition(failures.withLock { $0 } == 0, "not all of the crowd was answered")
    return time
}

/// One client and many, and one worker against two.
func measureCold(rounds: Int, into figures: inout [String: Double]) throws {
    guard let warmUp = ColdFamily(x: 1, y: 1), let whole = ColdFamily(x: 0, y: 0), let first = ColdFamily(x: 1, y: 0),
        let crowd = ColdFamily(x: 0, y: 1)
    else { preconditionFailure("the sample slide has no such families") }
    var series = Series()
    let tilesets = SharedData.packageRoot.appending(path: "tiles-sample").path
    let wholeFamily = ["X-Orizuru-Prewarm: family"]
    for _ in 0..<rounds {
        let alone = try MeasuredServer(tilesets, ["--workers", "1", "--look-ahead", "off"])
        _ = try answerTime(alone.port, warmUp.url(0), fields: wholeFamily)
        series.add("whole, one worker", try answerTime(alone.port, whole.url(0), fields: wholeFamily))
        alone.process.signal(SIGKILL)
        _ = alone.process.waitForExit()
        let server = try MeasuredServer(tilesets, ["--workers", "2", "--look-ahead", "off"])
        // Code and pages that only the very first family pays for.
        _ = try answerTime(server.port, warmUp.url(0), fields: wholeFamily)
        series.add("whole", try answerTime(server.port, whole.url(0), fields: wholeFamily))
        series.add("first", try answerTime(server.port, first.url(10)))
        // Its siblings are made by idle workers: not while the crowd is measured.
        usleep(100_000)
        series.add("crowd", try crowdTime(server.port, crowd))
    }
    print("A cold family of tiles-sample, \(rounds) rounds, medians of wall-clock time in milliseconds")
    for (label, name) in [
        ("one client, the whole family", "whole"), ("the same from one worker", "whole, one worker"),
        ("one client, its first tile", "first"), ("sixty-four clients at once, the last answer", "crowd"),
    ] {
        print("  \(label): \(String(format: "%.2f", series.median(name)))")
    }
    figures["whole_family_ms"] = series.median("whole")
    figures["first_tile_ms"] = series.median("first")
    figures["crowd_of_64_ms"] = series.median("crowd")
    figures["crowd_ratio_family"] = series.medianRatio("crowd", "whole")
    figures["first_tile_latency_ratio_family"] = series.medianRatio("first", "whole")
    figures["two_workers_ratio_one"] = series.medianRatio("whole", "whole, one worker")
    // Whoever else takes a processor takes it from the second worker: the least of the rounds tells what two idle ones do.
    figures["two_workers_ratio_one_least"] = series.least("whole") / series.least("whole, one worker")
}

do {
    var figures: [String: Double] = [:]
    if CommandLine.arguments.contains("--look-ahead") {
        guard SharedData.isPresent else {
            print("SKIPPED: bench-lookahead \(SharedData.reason)")
            exit(0)
        }
        try LookAheadReplay.measure(into: &figures)
        try BenchmarkReport(command: "bench-lookahead", figures: figures).write(as: "lookahead")
    } else {
        try measureCold(rounds: 31, into: &figures)
        if CommandLine.arguments.contains("--cold") {
            print("only cold families, as asked")
        } else if SharedData.isPresent {
            try Saturation.measure(rounds: 5, into: &figures)
        } else {
            print("SKIPPED: recorded viewers; \(SharedData.reason)")
        }
        try BenchmarkReport(command: "bench-family", figures: figures).write(as: "family")
    }
} catch {
    print("bench-family: \(error)")
    exit(1)
}
