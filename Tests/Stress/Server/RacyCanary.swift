// SPDX-License-Identifier: Apache-2.0

import LockFree
import TestSupport

/// A data race on purpose, in the way that real ones look: two threads of ours and a plain variable.
enum RacyCanary {
    nonisolated(unsafe) private static var shared = 0

    static func run() {
        let barrier = Barrier(count: 2)
        let threads = (0..<2).compactMap { index in
            try? OSThread(name: "canary-\(index)") {
                barrier.wait()
                // SAFETY: none, and that is the point: the thread sanitizer has to report this line.
                for _ in 0..<10_000 { unsafe shared &+= 1 }
            }
        }
        for thread in threads { thread.join() }
        print("canary: \(unsafe shared)")
    }
}
