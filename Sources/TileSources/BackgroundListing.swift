// SPDX-License-Identifier: Apache-2.0

import LockFree

/// The thread that lists what sparse sources hold, one after another, for the filters that answer for them. It ends when there
/// is nothing to list. Any thread adds.
enum BackgroundListing {
    private struct State: Sendable {
        var waiting: [@Sendable () -> Void] = []
        var isRunning = false
    }

    private static let state = Lock(State())

    /// Has `list` called in the background; never where the system refuses a thread, so that what waits for it must do without.
    static func add(_ list: @escaping @Sendable () -> Void) {
        let isFirst = state.withLock { state in
            state.waiting.append(list)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard isFirst else { return }
        // Without the thread nothing is known, and every tile is looked for.
        if (try? OSThread(name: "listing", nice: 15, body: run)) == nil {
            state.withLock { $0 = State() }
        }
    }

    @Sendable
    private static func run() {
        while let next = take() { next() }
    }

    private static func take() -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isRunning = false
                return nil
            }
            return state.waiting.removeFirst()
        }
    }
}
