// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Remembers that somebody pressed Ctrl-C or sent SIGTERM, for work that ends at a point of its own choosing.
enum InterruptFlag {
    private static let flag = Atomic<Bool>(false)

    /// Whether a signal has come.
    static var isRaised: Bool { flag.load(ordering: .relaxed) }

    /// From now on the first SIGINT or SIGTERM raises the flag, and a second one ends the process as usual.
    static func install() {
        // Touched here, so that the handler, which may do next to nothing, finds it initialised.
        flag.store(false, ordering: .relaxed)
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { _ in InterruptFlag.flag.store(true, ordering: .relaxed) }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
        for number in [SIGINT, SIGTERM] {
            // SAFETY: the action lives for the call; its handler only stores to an atomic, which is safe in a signal.
            _ = unsafe sigaction(number, &action, nil)
        }
    }
}
