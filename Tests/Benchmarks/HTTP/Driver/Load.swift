// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport

/// What one run of wrk gave.
struct Run {
    var requests = 0.0
    var requestsPerSecond = 0.0
    /// Milliseconds.
    var p50 = 0.0
    var p99 = 0.0
    var faults = ""
    var microsecondsPerRequest = 0.0
}

func load(
    _ contender: Contender,
    connections: Int,
    seconds: Int,
    threads: Int,
    fields: [String] = []
) throws -> Run {
    let before = processorMicroseconds(contender.process.identifier)
    let output = try run(
        "/usr/bin/wrk",
        ["-t\(min(threads, connections))", "-c\(connections)", "-d\(seconds)s", "--latency"]
            + fields.flatMap { ["-H", $0] } + [contender.url]
    )
    let after = processorMicroseconds(contender.process.identifier)
    var result = Run()
    for line in output.split(separator: "\n") {
        let words = line.split(separator: " ")
        if line.contains("requests in") { result.requests = Double(words[0]) ?? 0 }
        if line.contains("Requests/sec") { result.requestsPerSecond = Double(words[1]) ?? 0 }
        if words.first == "50%" { result.p50 = milliseconds(words[1]) }
        if words.first == "99%" { result.p99 = milliseconds(words[1]) }
        if line.contains("Socket errors") || line.contains("Non-2xx") { result.faults += line }
    }
    result.microsecondsPerRequest = (after - before) / result.requests
    return result
}

/// `21.00us`, `3.38ms` or `1.20s` in milliseconds.
private func milliseconds(_ text: Substring) -> Double {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1000.0)] where text.hasSuffix(unit) {
        return (Double(text.dropLast(unit.count)) ?? .nan) * factor
    }
    return .nan
}
