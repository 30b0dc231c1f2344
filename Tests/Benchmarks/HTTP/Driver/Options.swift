// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The options, as given.
struct Options {
    var rounds = 5
    var seconds = 1
    var path = "/"
    /// Without the idle connections and the connections of one request.
    var isQuick = false
    var command = ["hello-server", "0", "15000"]

    init(_ arguments: [String]) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--rounds": rounds = rest.popFirst().flatMap { Int($0) } ?? rounds
            case "--seconds": seconds = rest.popFirst().flatMap { Int($0) } ?? seconds
            case "--path": path = rest.popFirst() ?? path
            case "--quick": isQuick = true
            case "--":
                command = Array(rest)
                rest = []
            default:
                print("bench-http: unknown option \(argument)")
                exit(2)
            }
        }
    }
}
