// SPDX-License-Identifier: Apache-2.0

// The whole server under stress, in one process so that a sanitizer sees all of it: hits, misses, evictions from a
// memory far too small, conditional and pipelined requests, pre-warms, clients that go away in the middle, scrapes, and
// a drain while all that goes on.
//
//     stress-server [--seconds N] [--tilesets FOLDER] [--racy-canary]
//
// Every answer is compared with the first one of its URL. Exit code 0: all held. With --racy-canary two threads share a
// plain variable on purpose: a run under the thread sanitizer must report it, or the sanitizer saw nothing at all.

import Glibc
import TestSupport

var options = StressOptions(Array(CommandLine.arguments.dropFirst()))
if options.isCanary {
    RacyCanary.run()
    exit(0)
}
let seed = Seed.ofThisRun
print("stress-server: \(options.seconds) s over \(options.tilesets), \(seed)")
do {
    let report = try ServerStress(options: options, seed: seed).run()
    print(report.text)
    exit(report.isGood ? 0 : 1)
} catch {
    print("stress-server: \(error)")
    exit(1)
}
