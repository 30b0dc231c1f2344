// SPDX-License-Identifier: Apache-2.0

import TestSupport
import TileCache

/// The command line of stress-cache.
struct StressOptions {
    var seconds = 5.0
    var budget = 32 << 20
    var policy = EvictionPolicy.hitDensity
    var seed = Seed.ofThisRun
    /// Whether the resident size is checked: not under a sanitizer, whose shadow memory counts, too.
    var checksResident = false
    /// For how long one reader stands still on-line, from a second after the start.
    var stallSeconds = 0.0
    var runsCanary = false

    /// What is wrong with the arguments; nil where nothing is.
    mutating func parse(_ arguments: some Sequence<String>) -> String? {
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--racy-canary": runsCanary = true
            case "--check-resident": checksResident = true
            case "--budget":
                guard let number = rest.popFirst().flatMap(Int.init), (4...4096).contains(number) else {
                    return "--budget wants 4 to 4096 mebibytes"
                }
                budget = number << 20
            case "--stall":
                guard let number = rest.popFirst().flatMap(Double.init), (1...1000).contains(number) else {
                    return "--stall wants 1 to 1000 seconds"
                }
                stallSeconds = number
            case "--policy":
                guard let name = rest.popFirst(), let named = EvictionPolicy(rawValue: name) else {
                    return "--policy wants one of \(EvictionPolicy.allCases.map(\.rawValue))"
                }
                policy = named
            case "--seed":
                guard let number = rest.popFirst().flatMap(UInt64.init) else { return "--seed wants a number" }
                seed = Seed(number)
            default:
                guard let number = Double(argument), number > 0, number < 100_000 else {
                    return "'\(argument)' is no number of seconds and no option"
                }
                seconds = number
            }
        }
        if stallSeconds > 0 && seconds < stallSeconds + 2 { return "a stall needs two seconds more than it takes" }
        return nil
    }
}
