// SPDX-License-Identifier: Apache-2.0

public import Glibc

/// A value behind a pthread mutex, with a condition variable to wait for a state of it.
///
/// Waiting names the state: `wait(until:)` runs its closure under the lock again and again until it returns a value,
/// so a wake-up too many is harmless. Whoever changes the state calls `signal()` (one waiter) or `broadcast()` (all)
/// afterwards. Time limits use the monotonic clock.
///
/// @unchecked Sendable: the value is reached only while the mutex is held.
@safe
public final class ConditionLock<Value>: @unchecked Sendable {
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    @usableFromInline let condition: UnsafeMutablePointer<pthread_cond_t>
    @usableFromInline let value: UnsafeMutablePointer<Value>

    /// Guards `value` from now on.
    public init(_ value: sending Value) {
        // SAFETY: the allocations belong to this object until `deinit`.
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe condition = .allocate(capacity: 1)
        unsafe condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
        unsafe self.value = .allocate(capacity: 1)
        unsafe self.value.initialize(to: value)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe condition.deallocate()
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
        unsafe value.deinitialize(count: 1)
        unsafe value.deallocate()
    }

    /// Runs `body` with the value while no other thread has it.
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try unsafe body(&value.pointee)
    }

    /// Waits until `body` returns a value, and returns it. `body` runs under the lock, first at once.
    @inlinable
    public func wait<Result>(until body: (inout sending Value) -> sending Result?) -> sending Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = unsafe body(&value.pointee) { return result }
            unsafe pthread_cond_wait(condition, mutex)
        }
    }

    /// Waits until `body` returns a value, but not longer than `limit`; nil then. `body` runs under the lock, first at
    /// once and a last time when the limit is reached.
    @inlinable
    public func wait<Result>(
        forAtMost limit: Duration,
        until body: (inout sending Value) -> sending Result?
    ) -> sending Result? {
        var deadline = MonotonicDeadline.after(limit)
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = unsafe body(&value.pointee) { return result }
            if unsafe pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT {
                return unsafe body(&value.pointee)
            }
        }
    }

    /// Wakes one waiter.
    @inlinable
    public func signal() { unsafe pthread_cond_signal(condition) }

    /// Wakes all waiters.
    @inlinable
    public func broadcast() { unsafe pthread_cond_broadcast(condition) }
}

/// Absolute times for pthread_cond_timedwait(3).
@usableFromInline
enum MonotonicDeadline {
    /// Now and `limit`, at most a year ahead, so that nothing overflows.
    @usableFromInline
    static func after(_ limit: Duration) -> timespec {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        let (seconds, attoseconds) = min(max(limit, .zero), .seconds(31_536_000)).components
        now.tv_sec += Int(seconds)
        now.tv_nsec += Int(attoseconds / 1_000_000_000)
        if now.tv_nsec >= 1_000_000_000 {
            now.tv_nsec -= 1_000_000_000
            now.tv_sec += 1
        }
        return now
    }
}
