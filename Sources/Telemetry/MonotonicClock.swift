// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The time that only grows, for durations and deadlines.
package enum MonotonicClock {
    /// Nanoseconds since an arbitrary moment; clock_gettime(2), about 20 ns, no system call.
    package static var nanoseconds: Int {
        var time = timespec()
        // SAFETY: a local of the type that the call fills.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec &* 1_000_000_000 &+ time.tv_nsec
    }
}
