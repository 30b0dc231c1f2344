// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPServer
import TestSupport
import Testing

@Suite("Server processes")
struct ProcessTests {
    @Test("the example of at most 50 lines serves, and ends with code 0 on SIGTERM")
    func example() throws {
        let process = try ServerProcess("hello-server", ["0"])
        let port = try process.waitUntilListening()
        #expect(try HTTPClient.get(port: port, "/").text == "Hello.\n")
        process.signal(SIGTERM)
        #expect(process.waitForExit() == 0)
    }

    @Test("running out of descriptors stops accepting without a spin, and accepting goes on afterwards")
    func outOfDescriptors() throws {
        let process = try ServerProcess("hello-server", ["0"])
        let port = try process.waitUntilListening()
        #expect(try HTTPClient.get(port: port, "/").status == 200)
        let limit = try ServerProcess("/usr/bin/prlimit", ["--pid", "\(process.identifier)", "--nofile=24:24"])
        #expect(limit.waitForExit() == 0)
        var clients = try (0..<60).map { _ in try HTTPClient(port: port) }
        usleep(300_000)
        let before = processorTicks(process.identifier)
        usleep(500_000)
        #expect(processorTicks(process.identifier) - before < 25, "half a second of pause is not half a second of work")
        // Those that were accepted are served meanwhile; the others wait in the kernel's queue.
        try clients[0].request("/")
        #expect(try clients[0].readAnswer().status == 200)
        try clients[59].request("/")
        #expect(throws: HTTPClientError.self) { try clients[59].readAnswer(timeout: 0.2) }
        clients.removeAll()
        #expect(try HTTPClient.get(port: port, "/").text == "Hello.\n")
        process.signal(SIGTERM)
        #expect(process.waitForExit() == 0)
    }

    /// Processor time of a process in hundredths of a second.
    private func processorTicks(_ identifier: pid_t) -> Int {
        guard let file = unsafe fopen("/proc/\(identifier)/stat", "r") else { return 0 }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        let fields = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
        return fields.count > 14 ? (Int(fields[13]) ?? 0) + (Int(fields[14]) ?? 0) : 0
    }
}
