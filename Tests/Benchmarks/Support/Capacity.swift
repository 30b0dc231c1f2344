// SPDX-License-Identifier: Apache-2.0

package import TestSupport

extension ServerProcess {
    /// Requests per second that a server answers to thirty-two clients who never pause: one round of wrk, two seconds. Nil where
    /// wrk does not say.
    package static func capacity(port: UInt16, path: String) throws -> Double? {
        let wrk = try ServerProcess("/usr/bin/wrk", ["-t1", "-c32", "-d2s", "http://127.0.0.1:\(port)\(path)"])
        _ = wrk.waitForExit()
        let line = wrk.output.split(separator: "\n").first { $0.hasPrefix("Requests/sec") }
        return line.flatMap { Double($0.split(separator: " ")[1]) }
    }
}
