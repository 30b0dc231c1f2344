// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Lets threads of a test start together: nobody passes before `count` have arrived (pthread_barrier_wait(3)).
///
/// @unchecked Sendable: the barrier's own functions synchronise.
@safe
package final class Barrier: @unchecked Sendable {
    private let barrier: UnsafeMutablePointer<pthread_barrier_t>

    package init(count: Int) {
        // SAFETY: owned until `deinit`; every thread that waits also holds a reference to this object.
        unsafe barrier = .allocate(capacity: 1)
        unsafe barrier.initialize(to: pthread_barrier_t())
        unsafe pthread_barrier_init(barrier, nil, UInt32(count))
    }

    deinit {
        unsafe pthread_barrier_destroy(barrier)
        unsafe barrier.deallocate()
    }

    package func wait() { unsafe pthread_barrier_wait(barrier) }
}
