// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// The command line of bench-cache.
struct Options {
    var rounds = 7
    var seconds = 0.15
    /// Only workloads and operations whose title contains this.
    var only: String?
    var threadCounts = [1, 2, 8]
    /// Only subjects whose name contains this.
    var subject: String?
    var library = SharedData.packageRoot.appending(path: ".build/bench/dashmap/libpeer_dashmap.so").path

    /// What is wrong with the arguments; nil where nothing is.
    mutating func parse(_ arguments: some Sequence<String>) -> String? {
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            let value = rest.popFirst()
            switch argument {
            case "--rounds":
                guard let number = value.flatMap(Int.init), (1...1000).contains(number) else {
                    return "--rounds wants 1 to 1000"
                }
                rounds = number
            case "--seconds":
                guard let number = value.flatMap(Double.init), number > 0.01, number < 60 else {
                    return "--seconds wants 0.01 to 60"
                }
                seconds = number
            case "--only":
                guard let value else { return "--only wants a text" }
                only = value
            case "--subject":
                guard let value else { return "--subject wants a text" }
                subject = value
            case "--threads":
                guard let number = value.flatMap(Int.init), (1...64).contains(number) else {
                    return "--threads wants 1 to 64"
                }
                threadCounts = [number]
            case "--dashmap":
                guard let value else { return "--dashmap wants a path" }
                library = value
            default: return "'\(argument)' is no option"
            }
        }
        return nil
    }
}
