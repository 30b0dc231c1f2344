// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A server and the port of its admin listener.
struct AdministeredServer {
    let server: RunningServer
    let port: UInt16

    init(_ paths: [String], _ options: [String] = []) throws {
        let server = try RunningServer(paths, ["--admin", "127.0.0.1:0"] + options)
        self.server = server
        var found: UInt16?
        _ = eventually {
            let line = server.process.output.split(separator: "\n").first { $0.hasPrefix("admin on http://") }
            found = line.flatMap { $0.split(separator: ":").last }.flatMap { UInt16($0) }
            return found != nil
        }
        port = try #require(found)
    }

    func ask(_ method: String, _ path: String, fields: [String] = []) throws -> HTTPAnswer {
        let client = try HTTPClient(port: port)
        defer { client.close() }
        try client.request(path, method: method, fields: fields)
        return try client.readAnswer(timeout: 120)
    }

    func json(_ method: String, _ path: String) throws -> [String: Any] {
        let answer = try ask(method, path)
        #expect(answer.status == 200, "\(method) \(path): \(answer.text)")
        return try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any] ?? [:]
    }

    /// Waits until a job has ended, and returns what is said of it.
    func wait(for job: Int) throws -> [String: Any] {
        var state: [String: Any] = [:]
        _ = try eventually {
            state = try json("GET", "/jobs/\(job)")
            return state["state"] as? String != "running"
        }
        return state
    }
}
