// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Glibc
internal import Synchronization

/// A thread could not be started.
package struct ThreadError: Error, CustomStringConvertible {
    package let name: String
    /// The errno value of pthread_create(3).
    package let code: Int32

    /// One sentence.
    package var description: String {
        "starting the thread '\(name)' failed: \(unsafe String(cString: strerror(code))); "
            + "raise the limit of threads of this user (ulimit -u) or ask for fewer"
    }
}

/// A thread of the operating system with a name and a niceness of its own.
///
/// `join()` waits for its end; a thread object that is dropped without a join lets the thread run on, detached.
///
/// @unchecked Sendable: the handle is written once in `init`; whether it was joined is an atomic.
package final class OSThread: @unchecked Sendable {
    private let handle: pthread_t
    private let isJoined = Atomic<Bool>(false)

    /// Starts `body` on a new thread.
    ///
    /// - Parameters:
    ///   - name: shown by top -H and in profiles, first 15 bytes.
    ///   - nice: 0...19; above 0 the thread yields the processor to others.
    ///   - stackBytes: the thread's stack.
    package init(
        name: String,
        nice: Int = 0,
        stackBytes: Int = 1 << 20,
        body: @escaping @Sendable () -> Void
    ) throws(ThreadError) {
        let start = ThreadStart(name: name, nice: Int32(clamping: nice), body: body)
        let argument = unsafe Unmanaged.passRetained(start)
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setstacksize(&attributes, stackBytes)
        var handle = pthread_t()
        let code = unsafe pthread_create(
            &handle,
            &attributes,
            { argument in
                // SAFETY: the pointer is the retained ThreadStart that the creator handed over, consumed once.
                let start = unsafe Unmanaged<ThreadStart>.fromOpaque(argument!).takeRetainedValue()
                unsafe platform_thread_set_name(start.name)
                if start.nice != 0 { _ = platform_thread_set_nice(start.nice) }
                // Niceness alone leaves whoever wakes waiting for the end of a nice thread's slice of some milliseconds.
                if start.nice > 0 { _ = platform_thread_set_slice(50_000_000) }
                start.body()
                return nil
            },
            argument.toOpaque()
        )
        unsafe pthread_attr_destroy(&attributes)
        self.handle = handle
        guard code == 0 else {
            // SAFETY: no thread exists that could consume the argument.
            unsafe argument.release()
            // Nothing to join or detach: `deinit` runs after this throw.
            isJoined.store(true, ordering: .relaxed)
            throw ThreadError(name: name, code: code)
        }
    }

    /// Waits until the body has returned. A second call returns at once. Not from the thread itself.
    package func join() {
        guard !isJoined.exchange(true, ordering: .relaxed) else { return }
        pthread_join(handle, nil)
    }

    deinit {
        if !isJoined.load(ordering: .relaxed) { pthread_detach(handle) }
    }

    /// How many processors this process may use; at least 1.
    package static var processorCount: Int { Int(platform_processor_count()) }
}

/// What a new thread takes over.
private final class ThreadStart: Sendable {
    let name: String
    let nice: Int32
    let body: @Sendable () -> Void

    init(name: String, nice: Int32, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.nice = nice
        self.body = body
    }
}
