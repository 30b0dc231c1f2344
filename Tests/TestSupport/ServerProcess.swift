// SPDX-License-Identifier: Apache-2.0

package import Glibc

/// A built executable of this package, running as a process of its own. Killed when it goes out of use.
package final class ServerProcess {
    package enum Failure: Error {
        case spawn(String, Int32)
        /// It ended, or did not say where it listens in time: standard output and standard error.
        case notListening(output: String, errors: String)
    }

    package let identifier: pid_t
    private let outputPath: String
    private let errorPath: String
    private var exitCode: Int32?

    /// Where SwiftPM puts executables: the folder of the test bundle, or of this program.
    package static var productsFolder: String {
        // The tests run inside a tool of SwiftPM that loads the bundle; the map of this process names its file.
        let maps = (try? readFile("/proc/self/maps")) ?? ""
        for line in maps.split(separator: "\n") where line.hasSuffix(".xctest") {
            if let start = line.firstIndex(of: "/"), let end = line.lastIndex(of: "/") {
                return String(line[start..<end])
            }
        }
        var path = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &path, path.count - 1)
        let text = String(decoding: path[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.lastIndex(of: "/").map { String(text[..<$0]) } ?? "."
    }

    /// Starts an executable: the name of a product of this package, or a path.
    ///
    /// - Parameters:
    ///   - environment: added to this process's own.
    package init(_ executable: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        let path = executable.contains("/") ? executable : Self.productsFolder + "/" + executable
        var template = Array("/tmp/orizuru-process-XXXXXX".utf8CString)
        let scratch = unsafe mkstemp(&template)
        guard scratch >= 0 else { throw Failure.spawn(path, errno) }
        Glibc.close(scratch)
        outputPath = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        errorPath = outputPath + ".err"

        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_TRUNC
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, outputPath, flags, 0o600)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, errorPath, flags, 0o600)
        var variables: [String] = environment.map { "\($0.key)=\($0.value)" }
        var position = 0
        while let entry = unsafe environ[position] {
            let text = unsafe String(cString: entry)
            if !environment.keys.contains(where: { text.hasPrefix($0 + "=") }) { variables.append(text) }
            position += 1
        }
        let argv: [UnsafeMutablePointer<CChar>?] = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
        let envp: [UnsafeMutablePointer<CChar>?] = unsafe variables.map { unsafe strdup($0) } + [nil]
        defer { unsafe (argv + envp).forEach { unsafe free($0) } }
        var child = pid_t()
        let code = unsafe posix_spawn(&child, path, &actions, nil, argv, envp)
        identifier = child
        guard code == 0 else { throw Failure.spawn(path, code) }
    }

    deinit {
        if exitCode == nil {
            kill(identifier, SIGKILL)
            var status: Int32 = 0
            unsafe waitpid(identifier, &status, 0)
        }
        unsafe unlink(outputPath)
        unsafe unlink(errorPath)
    }

    /// What it has written to standard output, and to standard error.
    package var output: String { (try? Self.readFile(outputPath)) ?? "" }
    package var errors: String { (try? Self.readFile(errorPath)) ?? "" }

    /// Waits for its line `listening on http://ADDRESS:PORT` and returns the port.
    package func waitUntilListening(timeout: Double = 60) throws -> UInt16 {
        for _ in 0..<max(1, Int(timeout * 100)) {
            for line in output.split(separator: "\n") where line.hasPrefix("listening on http://") {
                if let colon = line.lastIndex(of: ":"), let port = UInt16(line[line.index(after: colon)...]) {
                    return port
                }
            }
            if waitForExit(timeout: 0) != nil { break }
            usleep(10_000)
        }
        throw Failure.notListening(output: output, errors: errors)
    }

    package func signal(_ number: Int32) { if exitCode == nil { kill(identifier, number) } }

    /// Its exit code, or 128 + the number of the signal that ended it; nil where it still runs after the time limit.
    package func waitForExit(timeout: Double = 60) -> Int32? {
        var rounds = Int(timeout * 200)
        while exitCode == nil {
            var status: Int32 = 0
            if unsafe waitpid(identifier, &status, WNOHANG) == identifier {
                exitCode = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
            } else {
                guard rounds > 0 else { return nil }
                rounds -= 1
                usleep(5000)
            }
        }
        return exitCode
    }

    private static func readFile(_ path: String) throws -> String {
        let descriptor = unsafe open(path, O_RDONLY)
        guard descriptor >= 0 else { throw Failure.spawn(path, errno) }
        defer { Glibc.close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe read(descriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
