// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The options, as given.
struct Options {
    var rounds = 5
    var seconds = 1
    var path = "/"
    /// Without the idle connections and the connections of one request.
    var isQuick = false
    /// The rows to measure, by their figures' names (c1, c32, 304, idle10000, ...); nil: all.
    var only: Set<String>?
    /// Threads of the load generator; fewer where there are fewer connections.
    var threads = 2
    var command = ["hello-server", "0", "15000"]

    init(_ arguments: [String]) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--rounds": rounds = rest.popFirst().flatMap { Int($0) } ?? rounds
            case "--seconds": seconds = rest.popFirst().flatMap { Int($0) } ?? seconds
            case "--path": path = rest.popFirst() ?? path
            case "--quick": isQuick = true
            case "--only": only = rest.popFirst().map { Set($0.split(separator: ",").map(String.init)) }
            case "--threads": threads = rest.popFirst().flatMap { Int($0) } ?? threads
            case "--":
                command = Array(rest)
                rest = []
            default:
                print("bench-http: unknown option \(argument)")
                exit(2)
            }
        }
    }

    /// Whether a row is to be measured.
    func includes(_ kind: Kind) -> Bool { only?.contains(String(kind.figure.dropFirst())) ?? true }

    /// Whether system calls and allocations are to be counted.
    var counts: Bool { only?.contains("counts") ?? true }
}
