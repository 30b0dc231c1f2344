// SPDX-License-Identifier: Apache-2.0
//
//     bench-disk [--quick] [--only engines|restart|ending|latency]
//
// Families into the log and into SQLite, tiles out of both; a start with a million tiles; an end while tiles come back; hits beside a disk that stands still.

#if MBTiles
import BenchmarkSupport

let arguments = Array(CommandLine.arguments.dropFirst())
let only = arguments.firstIndex(of: "--only").flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
var benchmark = try DiskBenchmark(isQuick: arguments.contains("--quick"))
if only == nil || only == "engines" { try benchmark.engines() }
if only == nil || only == "restart" { try benchmark.restart() }
if only == nil || only == "ending" { try benchmark.ending() }
if only == nil || only == "latency" { try benchmark.latency() }
try BenchmarkReport(command: "make bench-disk", figures: benchmark.figures).write(as: "disk")
let bars: [(String, Double)] = [
    ("insert_cpu_ratio_sqlite", 0.25), ("get_cpu_ratio_sqlite", 0.5), ("restart_first_answer_seconds", 0.5),
    ("restart_index_seconds", 1), ("ending_while_restoring_seconds", 1),
]
for (name, bar) in bars {
    if let figure = benchmark.figures[name] { print("  \(name): \(figure <= bar ? "holds" : "MISSED"), bar \(bar)") }
}
#else
print("bench-disk compares with SQLite: build with --traits MBTiles (make bench-disk does)")
#endif
