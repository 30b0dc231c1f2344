// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// A server that is measured: what it says of itself, and what the system says of it.
struct MeasuredServer {
    let process: ServerProcess
    let port: UInt16

    init(_ path: String, _ options: [String] = []) throws {
        process = try ServerProcess("orizuru", ["serve", path, "--listen", "127.0.0.1:0", "--no-disk-cache"] + options)
        port = try process.waitUntilListening()
    }

    /// Milliseconds of processor time of all its threads so far, by the scheduler's own count.
    func cpuMilliseconds() throws -> Double {
        let tasks = "/proc/\(process.identifier)/task"
        return try FileManager.default.contentsOfDirectory(atPath: tasks).reduce(0) { sum, task in
            let text = try String(contentsOfFile: "\(tasks)/\(task)/schedstat", encoding: .utf8)
            return sum + (text.split(separator: " ").first.flatMap { Double($0) } ?? 0) / 1e6
        }
    }

    /// The value of a series of `/metrics`, 0 where it is not there.
    func metric(_ series: String) throws -> Double {
        let text = try HTTPClient.get(port: port, "/metrics").text
        for line in text.split(separator: "\n") where line.hasPrefix(series + " ") {
            return Double(line.dropFirst(series.count + 1)) ?? .nan
        }
        return 0
    }
}
