// SPDX-License-Identifier: Apache-2.0
//
// stress-cache [SECONDS] [--budget MEBIBYTES] [--policy NAME] [--seed NUMBER] [--check-resident] [--stall SECONDS]
//     [--racy-canary]
//
// Eight writers, eight readers that verify every byte, pins handed from thread to thread, removals, stalls and a keeper, for some
// seconds; then everything is taken down and counted. Meant to be built with --sanitize=thread and --sanitize=address;
// freed blocks are filled with a pattern, and poisoned under the address sanitizer. Exit code 1 on any fault.

import Glibc
import TestSupport
import TileCache

var options = StressOptions()
if let problem = options.parse(CommandLine.arguments.dropFirst()) {
    print("stress-cache: \(problem)")
    exit(2)
}
if options.runsCanary {
    // The sanitizer has to report this and to make the exit code 66; without it the canary is not caught.
    runRacyCanary()
    print("the canary's race is over; exit code 66 means that the sanitizer saw it")
    exit(0)
}
print("stress-cache: \(options.seconds) s, \(options.budget >> 20) MiB, \(options.policy.rawValue), \(options.seed)")
do {
    let faults = try CacheStress(options: options).run()
    let leak = try dropFullCaches(rounds: 20, checksResident: options.checksResident)
    if let leak { print("FAULT: \(leak)") }
    print(faults == 0 && leak == nil ? "no fault" : "\(faults + (leak == nil ? 0 : 1)) faults")
    exit(faults == 0 && leak == nil ? 0 : 1)
} catch {
    print("stress-cache: \(error)")
    exit(1)
}
