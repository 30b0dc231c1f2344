// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Remembers that somebody pressed Ctrl-C or sent SIGTERM, for work that ends at a point of its own choosing.
enum InterruptFlag {
    /// When the first signal came, in nanoseconds of the monotonic clock; 0: none has.
    private static let first = Atomic<Int>(0)

    /// What comes so soon after the first signal is the same wish told twice: a terminal signals the whole group of
    /// processes, and a wrapper such as timeout(1) or make passes its own on.
    private static let echo = 500_000_000

    /// Whether a signal has come.
    static var isRaised: Bool { first.load(ordering: .relaxed) != 0 }

    /// From now on the first SIGINT or SIGTERM raises the flag, and another one, half a second later or more, ends the
    /// process at once with the exit code that the signal would have had.
    static func install() {
        // Touched here, so that the handler, which may do next to nothing, finds it initialised.
        first.store(0, ordering: .relaxed)
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { number in InterruptFlag.raised(by: number) }
        action.sa_flags = SA_RESTART
        for number in [SIGINT, SIGTERM] {
            // SAFETY: the action lives for the call; its handler only reads a clock, touches an atomic and may end the
            // process by _exit(2), all of which are safe in a signal.
            _ = unsafe sigaction(number, &action, nil)
        }
    }

    private static func raised(by number: Int32) {
        var time = timespec()
        // SAFETY: the clock fills one timespec.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        let now = time.tv_sec &* 1_000_000_000 &+ time.tv_nsec
        if note(at: now, in: first) { _exit(128 &+ number) }
    }

    /// Notes a signal. Returns whether it is a second wish rather than the first, or its echo.
    static func note(at now: Int, in first: borrowing Atomic<Int>) -> Bool {
        let (isFirst, earlier) = first.compareExchange(expected: 0, desired: max(now, 1), ordering: .relaxed)
        return !isFirst && now &- earlier >= echo
    }
}
