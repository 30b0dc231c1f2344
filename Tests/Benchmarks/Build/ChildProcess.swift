// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What a process used.
struct Usage {
    let cpuSeconds: Double
    let peakMebibytes: Double
}

/// Runs a program to its end. Its standard output goes to a file, where one is named, else nowhere.
func runChild(_ arguments: [String], environment: [String: String] = [:], output: String? = nil) throws -> Usage {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 1, output ?? "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    let argv: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) } + [nil]
    var variables = environment.map { "\($0.key)=\($0.value)" }
    var position = 0
    while let entry = unsafe environ[position] {
        variables.append(unsafe String(cString: entry))
        position += 1
    }
    let envp: [UnsafeMutablePointer<CChar>?] = unsafe variables.map { unsafe strdup($0) } + [nil]
    // SAFETY: made by strdup above, freed once.
    defer { unsafe (argv + envp).forEach { unsafe free($0) } }
    var child = pid_t()
    let code = unsafe posix_spawnp(&child, arguments[0], &actions, nil, argv, envp)
    guard code == 0 else { throw BenchmarkFailure("\(arguments[0]) does not start: error \(code)") }
    var status: Int32 = 0
    var usage = rusage()
    // SAFETY: wait4 fills both locals.
    while unsafe wait4(child, &status, 0, &usage) < 0 {
        guard errno == EINTR else { throw BenchmarkFailure("waiting for \(arguments[0]): error \(errno)") }
    }
    guard status == 0 else {
        throw BenchmarkFailure("\(arguments.joined(separator: " ")) ended with status \(status)")
    }
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return Usage(
        cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        peakMebibytes: Double(usage.ru_maxrss) / 1024
    )
}

/// Why a benchmark cannot go on.
struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
