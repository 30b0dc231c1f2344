// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc

/// Signals that a program waits for instead of being interrupted by them.
///
/// Make it on the main thread before any other thread starts: threads inherit what it blocks.
package final class TerminationSignals: Sendable {
    private let descriptor: Int32

    /// Blocks the signals, which are numbers from 1 to 31: SIGTERM and SIGINT unless others are named.
    package init(_ numbers: [Int32] = [SIGTERM, SIGINT]) throws(HTTPServerError) {
        var mask: UInt32 = 0
        for number in numbers {
            precondition((1...31).contains(number))
            mask |= 1 << UInt32(number)
        }
        descriptor = platform_signalfd(mask)
        guard descriptor >= 0 else { throw .system("waiting for signals", -descriptor) }
    }

    deinit { platform_close(descriptor) }

    /// Waits for one of the signals and returns its number; nil after `limit`.
    package func wait(forAtMost limit: Duration? = nil) -> Int32? {
        let milliseconds = limit.map { Int32(clamping: $0.milliseconds) } ?? -1
        let number = platform_signalfd_wait(descriptor, milliseconds)
        return number > 0 ? number : nil
    }
}
