// SPDX-License-Identifier: Apache-2.0
//
//     bench-promises
//
// The figures of the designs that Orizuru descends from (docs/configuration.md) beside ours, on this machine. Theirs were taken
// on other machines, with other values: they say what was promised, not what was raced against.

import BenchmarkSupport
import Foundation

var table = try PromiseTable()
try table.memory()
try table.disk()
try table.writing()
try table.server()
print(String(repeating: " ", count: 50) + "promised".padding(toLength: 28, withPad: " ", startingAt: 0) + "ours")
for promise in table.promises {
    let number = promise.ours >= 1000 ? String(Int(promise.ours)) : String(format: "%.2f", promise.ours)
    let verdict = promise.isKept.map { $0 ? "kept" : "MISSED" } ?? ""
    let cells = [(promise.name, 50), (promise.promised, 28), ("\(number) \(promise.unit)", 20)]
    print(cells.map { $0.0.padding(toLength: $0.1, withPad: " ", startingAt: 0) }.joined() + verdict)
}
try BenchmarkReport(command: "make bench-promises", figures: table.figures).write(as: "promises")
