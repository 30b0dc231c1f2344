// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Foundation
package import Testing

/// A redis-server of its own on a Unix socket (and a free port, where asked for) in a temporary folder. Killed, by its
/// process id, when it goes out of use.
package final class RedisServer {
    /// Where the executables are; nil where they are not installed.
    package static let executable = find("redis-server")
    private static let clientExecutable = find("redis-cli")

    package static var isPresent: Bool { executable != nil && clientExecutable != nil }
    package static let reason: Comment = "needs redis-server and redis-cli (Debian's redis-server)"

    private let folder: TemporaryDirectory
    private let arguments: [String]
    private var process: ServerProcess?
    /// The TCP port; 0 where it listens on its socket alone.
    package let port: UInt16
    private let password: String?

    package enum Failure: Error {
        case notInstalled
        case notReady(String)
        case client(String)
    }

    /// Starts it and waits until it answers.
    package init(tcp: Bool = false, password: String? = nil, _ extra: [String] = []) throws {
        folder = try TemporaryDirectory()
        self.password = password
        port = tcp ? try Self.freePort() : 0
        var arguments = [
            "--port", "\(port)", "--unixsocket", folder.path("s"), "--dir", folder.path, "--save", "",
            "--appendonly", "no", "--bind", "127.0.0.1",
        ]
        if let password { arguments += ["--requirepass", password] }
        self.arguments = arguments + extra
        try start()
    }

    deinit { kill() }

    /// The path of its socket.
    package var socket: String { folder.path("s") }

    /// Starts it again after `kill`. Its data is gone.
    package func start() throws {
        guard let executable = Self.executable else { throw Failure.notInstalled }
        unsafe unlink(socket)
        let process = try ServerProcess(executable, arguments)
        self.process = process
        for _ in 0..<1500 {
            if (try? command("PING"))?.hasPrefix("PONG") == true { return }
            if process.waitForExit(timeout: 0) != nil { break }
            usleep(10_000)
        }
        throw Failure.notReady(process.output + process.errors)
    }

    /// Ends it at once.
    package func kill() {
        process?.signal(SIGKILL)
        _ = process?.waitForExit()
        process = nil
    }

    package func signal(_ number: Int32) { process?.signal(number) }

    /// What redis-cli prints for a command.
    @discardableResult
    package func command(_ words: String...) throws -> String { try command(words) }

    /// The same for words in an array.
    @discardableResult
    package func command(_ words: [String]) throws -> String {
        try Self.client((password.map { ["-a", $0, "--no-auth-warning"] } ?? []) + ["-s", socket] + words)
    }

    /// How often the server executed a command (in lower case) since `CONFIG RESETSTAT`.
    package func calls(of name: String) throws -> Int {
        for line in try command("INFO", "commandstats").split(whereSeparator: \.isNewline)
        where line.hasPrefix("cmdstat_\(name):calls=") {
            return Int(line.drop { $0 != "=" }.dropFirst().prefix { $0.isNumber }) ?? 0
        }
        return 0
    }

    /// Runs redis-cli.
    @discardableResult
    package static func client(_ arguments: [String], timeout: Double = 60) throws -> String {
        guard let clientExecutable else { throw Failure.notInstalled }
        let process = try ServerProcess(clientExecutable, arguments)
        guard process.waitForExit(timeout: timeout) == 0 else { throw Failure.client(process.output + process.errors) }
        return process.output
    }

    /// A port of the loopback that nobody listens on at this moment; below those that the system gives out by itself.
    package static func freePort() throws -> UInt16 {
        for _ in 0..<200 {
            let port = UInt16.random(in: 15_000..<22_000)
            let listener = unsafe platform_listen("127.0.0.1", port, 0, 0)
            guard listener >= 0 else { continue }
            platform_close(listener)
            return port
        }
        throw Failure.notReady("no free port")
    }

    private static func find(_ name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        return (path.split(separator: ":").map(String.init) + ["/usr/bin"]).map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
