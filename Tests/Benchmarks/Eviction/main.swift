// SPDX-License-Identifier: Apache-2.0
//
// Hit ratios of the memory cache's eviction next to those of other policies, on recorded and generated traces. Prints
// tables and writes .build/bench/eviction.json. Deterministic: the same seed prints the same figures.
//
//     bench-eviction                        the report
//     bench-eviction --tuning               the traces that the numbers were chosen on; no file is written
//     bench-eviction --seed N               other sessions of the same kinds; no file is written
//     bench-eviction --set name=value ...   other numbers; no file is written
//     bench-eviction --no-scans             without the scans of five times the cache; no file is written

import BenchmarkSupport
import Foundation
import TileCache

func number(_ value: Double, _ width: Int = 7) -> String {
    let text = String(format: "%.1f", value)
    return String(repeating: " ", count: max(width - text.count, 0)) + text
}

func signed(_ value: Double) -> String { String(format: "%+.2f", value) }

/// Replays one trace at all sizes and prints its table.
func compare(_ trace: Trace, _ tuning: EvictionTuning) -> [Cell] {
    let distinct = trace.distinctBytes()
    let viewers = trace.requests.count { $0.kind == .viewer }
    print("\n\(trace.name)")
    print(
        "  \(viewers) requests of viewers, \(trace.requests.count - viewers) of scans, "
            + "\(distinct >> 20) MiB distinct, mean tile \(trace.meanBytes()) bytes"
    )
    let cells = Cell.shares.map { Cell(trace, distinctBytes: distinct, share: $0, tuning: tuning) }
    let head = Cell.shares.map { number($0 * 100, 6) + "%" }.joined()
    print("  " + "".padding(toLength: 26, withPad: " ", startingAt: 0) + head + "   bytes:" + head)
    for (row, result) in cells[0].results.enumerated() {
        let objects = cells.map { number($0.results[row].counts.objectRatio) }.joined()
        let bytes = cells.map { number($0.results[row].counts.byteRatio) }.joined()
        print("  " + result.name.padding(toLength: 26, withPad: " ", startingAt: 0) + objects + "         " + bytes)
    }
    let margins = cells.map { "  " + signed($0.objectMargin) }.joined()
    let byteMargins = cells.map { "  " + signed($0.byteMargin) }.joined()
    print(
        "  " + "above the best baseline".padding(toLength: 26, withPad: " ", startingAt: 0) + margins
            + "         " + byteMargins
    )
    return cells
}

/// What a scan of five times the cache's size costs the viewers, by policy: the largest loss over sizes and scanners.
func scanLosses(_ traces: [Trace], _ tuning: EvictionTuning) -> Double {
    print("\nA scan of five times the cache: points that it takes from the running viewers' object hit ratio")
    var worst = 0.0
    for trace in traces {
        progress("scans: \(trace.name)")
        let distinct = trace.distinctBytes()
        for kind in [TraceRequest.Kind.prewarm, .crawler] {
            var lines: [(String, [Double])] = []
            for share in Cell.shares {
                let capacity = Int(Double(distinct) * share)
                let scan = Scan(trace, kind: kind, bytes: 5 * capacity)
                func loss<Policy: Contender>(_ make: (Trace) -> Policy) -> (String, Double) {
                    var calm = make(trace)
                    var disturbed = make(scan.trace)
                    let before = replay(trace, &calm, counting: scan.windowBefore)
                    let after = replay(scan.trace, &disturbed, counting: scan.window)
                    return (calm.name, before.objectRatio - after.objectRatio)
                }
                let losses = [
                    loss { KeeperPolicy($0, capacity: capacity, .hitDensity, tuning: tuning) },
                    loss { RecencyPolicy($0, capacity: capacity, promotes: true) },
                    loss { S3FIFOPolicy($0, capacity: capacity, threshold: 1) },
                    loss { WindowTinyLFUPolicy($0, capacity: capacity) },
                ]
                for (index, loss) in losses.enumerated() {
                    if lines.count <= index { lines.append((loss.0, [])) }
                    lines[index].1.append(loss.1)
                }
                worst = max(worst, losses[0].1)
            }
            print("  \(trace.name), \(kind == .prewarm ? "pre-warm" : "crawler")")
            for (name, losses) in lines {
                print(
                    "    " + name.padding(toLength: 24, withPad: " ", startingAt: 0)
                        + losses.map { number($0) }.joined()
                )
            }
        }
    }
    return worst
}

/// Says on the error stream how far the run is; over the line before where that is a terminal.
func progress(_ text: String) {
    let isTerminal = isatty(STDERR_FILENO) == 1
    FileHandle.standardError.write(Data((isTerminal ? "\r\u{1B}[K\(text)" : "\(text)\n").utf8))
}

func run(_ options: Options) throws {
    print(TraceSets.description(isTuning: options.usesTuningTraces, seed: options.seed))
    let sessions = try RecordedSession.all()
    let parameters =
        options.usesTuningTraces ? TraceSets.tuning(seed: options.seed) : TraceSets.report(seed: options.seed)
    progress("making the traces")
    var traces = TraceSets.traces(parameters)
    if sessions.isEmpty {
        print("SKIPPED: the recorded traces need the shared test data; set ORIZURU_DATA to its folder")
    } else {
        let crowds = options.usesTuningTraces ? TraceSets.tuningCrowds : TraceSets.reportCrowds
        for (index, crowd) in crowds.enumerated() {
            let recorded = RecordedCrowd.trace(sessions, crowd, seed: options.seed + UInt64(index))
            traces += [recorded, recorded.insertingFamilies()]
        }
    }
    var margins = Margins()
    for (index, trace) in traces.enumerated() {
        progress("trace \(index + 1) of \(traces.count), then the scans: \(trace.name)")
        for cell in compare(trace, options.tuning) { margins.add(cell, of: trace) }
    }
    if !options.usesTuningTraces {
        print("\nThe recorded sessions as they are: so short that the cache holds some tiles only; not in the margins")
        for session in sessions { _ = compare(session.trace(), options.tuning) }
    }
    let scanLoss = options.usesScans ? scanLosses(TraceSets.traces(calmed(parameters)), options.tuning) : nil

    print(
        "\nOver \(margins.all.count) cells; margins are points of object hit ratio above the best baseline of the cell"
    )
    var figures = margins.figures
    figures["scan_loss_points"] = scanLoss
    if options.isReport {
        try BenchmarkReport(command: "bench-eviction", figures: figures).write(as: "eviction")
    } else {
        for (name, value) in figures.sorted(by: { $0.key < $1.key }) { print("  \(name) = \(signed(value))") }
    }
}

/// The kinds of sessions that scans are put into, without scans of their own.
func calmed(_ parameters: [SessionParameters]) -> [SessionParameters] {
    parameters.filter { $0.slides <= 12 }.map {
        var calm = $0
        calm.prewarm = 0
        calm.crawler = 0
        return calm
    }
}

do {
    try run(Options(CommandLine.arguments.dropFirst()))
    progress("")
} catch {
    print("bench-eviction: \(error)")
    exit(1)
}
