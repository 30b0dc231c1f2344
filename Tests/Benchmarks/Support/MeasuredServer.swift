// SPDX-License-Identifier: Apache-2.0

import Foundation
package import TestSupport

/// A server that is measured: what it says of itself, and what the system says of it.
package struct MeasuredServer {
    package let process: ServerProcess
    package let port: UInt16

    package init(_ path: String, _ options: [String] = []) throws {
        process = try ServerProcess("orizuru", ["serve", path, "--listen", "127.0.0.1:0", "--no-disk-cache"] + options)
        port = try process.waitUntilListening()
    }

    /// Milliseconds of processor time so far, by the scheduler's own count, of its threads whose names begin so.
    package func cpuMilliseconds(threads prefix: String = "") throws -> Double {
        let tasks = "/proc/\(process.identifier)/task"
        return try FileManager.default.contentsOfDirectory(atPath: tasks).reduce(0) { sum, task in
            let name = try String(contentsOfFile: "\(tasks)/\(task)/comm", encoding: .utf8)
            guard name.hasPrefix(prefix) else { return sum }
            let text = try String(contentsOfFile: "\(tasks)/\(task)/schedstat", encoding: .utf8)
            return sum + (text.split(separator: " ").first.flatMap { Double($0) } ?? 0) / 1e6
        }
    }

    /// The value of a series of `/metrics`, or of all series of a name together; 0 where it is not there.
    package func metric(_ series: String) throws -> Double {
        let lines = try HTTPClient.get(port: port, "/metrics").text.split(separator: "\n")
        let values = lines.filter { $0.hasPrefix(series + " ") || $0.hasPrefix(series + "{") }
        return values.reduce(0) { $0 + ($1.split(separator: " ").last.flatMap { Double($0) } ?? .nan) }
    }
}
