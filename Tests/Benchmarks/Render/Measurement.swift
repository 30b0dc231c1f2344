// SPDX-License-Identifier: Apache-2.0

import CAllocationCount
import Glibc

/// The CPU time of the calling thread in microseconds: unlike wall-clock time, not disturbed by neighbours that take
/// the processor away.
func threadMicroseconds() -> Double {
    var time = timespec()
    // SAFETY: the kernel writes the one value.
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

/// What one piece of work costs.
func microseconds(_ work: () throws -> Void) rethrows -> Double {
    let start = threadMicroseconds()
    try work()
    return threadMicroseconds() - start
}

/// How often a piece of work asked for memory.
func allocations(_ work: () throws -> Void) rethrows -> Int {
    let start = orizuru_allocation_count()
    try work()
    return Int(orizuru_allocation_count() - start)
}
