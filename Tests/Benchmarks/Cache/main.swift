// SPDX-License-Identifier: Apache-2.0
//
// bench-cache [--rounds N] [--seconds S] [--only TEXT] [--subject TEXT] [--threads N] [--dashmap LIBRARY]
//
// The memory cache next to what else one would take, in turns, in one run: DashMap with a fast hasher (where
// dashmap/build has made the library), a mutex with an LRU list, a readers-writer lock, 64 shards. Prints tables and
// writes .build/bench/cache.json.

import Foundation
import TestSupport

var options = Options()
if let problem = options.parse(CommandLine.arguments.dropFirst()) {
    print("bench-cache: \(problem)")
    exit(2)
}
do {
    var benchmark = Benchmark(options: options)
    try benchmark.run()
} catch {
    print("bench-cache: \(error)")
    exit(1)
}
