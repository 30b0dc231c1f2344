// SPDX-License-Identifier: Apache-2.0

internal import LockFree
internal import Synchronization
internal import Telemetry

/// What inserters and the keeper's thread tell each other.
final class KeeperState: Sendable {
    private struct Shared {
        var isWanted = false
        var stops = false
        /// The largest block that found no room since the last round.
        var demand = 0
        /// Rounds and steps of rounds that are over: waiters look for a change.
        var rounds = 0
    }

    enum Order {
        case stop
        case work(demand: Int)
        case idle
    }

    private let shared = ConditionLock(Shared())
    private let isWoken = Atomic<Bool>(false)
    private let thread = Lock<OSThread?>(nil)

    /// Wakes the keeper; cheap where it is awake already.
    func wake(demanding bytes: Int) {
        if bytes == 0 && isWoken.load(ordering: .relaxed) { return }
        isWoken.store(true, ordering: .relaxed)
        shared.withLock { shared in
            shared.isWanted = true
            shared.demand = max(shared.demand, bytes)
        }
        // Inserters wait on the same condition.
        shared.broadcast()
    }

    /// The keeper waits for work, or for `period` to pass.
    func nextOrder(period: Duration) -> Order {
        let order: Order? = shared.wait(forAtMost: period) { shared in
            if shared.stops { return .stop }
            guard shared.isWanted else { return nil }
            shared.isWanted = false
            defer { shared.demand = 0 }
            return .work(demand: shared.demand)
        }
        isWoken.store(false, ordering: .relaxed)
        return order ?? .idle
    }

    /// The keeper has freed something, or has nothing more to free.
    func roundEnded() {
        shared.withLock { $0.rounds += 1 }
        shared.broadcast()
    }

    /// Wakes the keeper and calls `attempt` after each of its rounds until that succeeds or time is over.
    func waitForRounds<Result>(
        until end: ContinuousClock.Instant,
        wake: () -> Void,
        attempt: () -> Result?
    ) -> Result? {
        while true {
            let before = shared.withLock { $0.rounds }
            wake()
            if let result = attempt() { return result }
            let left = end - ContinuousClock.now
            guard left > .zero else { return nil }
            let ended: Bool? = shared.wait(forAtMost: left) { $0.rounds != before || $0.stops ? true : nil }
            guard ended == true else { return attempt() }
        }
    }

    func start(_ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        precondition(thread.withLock { $0 == nil }, "the keeper runs already")
        shared.withLock { $0.stops = false }
        // A little nice: a reactor that wakes does not wait for the end of the keeper's slice, and the keeper keeps up.
        let made = try OSThread(name: "keeper", nice: 1, body: body)
        thread.withLock { $0 = made }
    }

    func stop() {
        shared.withLock { $0.stops = true }
        shared.broadcast()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }
}

extension TileCache {
    /// Starts the thread that scores, evicts, expires and reclaims. Stop it before the cache is dropped.
    package func startKeeper() throws(TileCacheError) {
        do {
            try keeper.start { [self] in runKeeper() }
        } catch {
            throw .keeperNotStarted(reason: error.description)
        }
    }

    /// Stops the keeper's thread and waits for it. Inserts then find room only until the budget is full.
    package func stop() { keeper.stop() }

    func wakeKeeper(demanding bytes: Int) { keeper.wake(demanding: bytes) }

    private func runKeeper() {
        var round = KeeperRound(cache: self)
        while true {
            switch keeper.nextOrder(period: round.period) {
            case .stop:
                round.finish()
                return
            case .work(let demand): round.run(demand: demand)
            case .idle: round.run(demand: 0)
            }
            keeper.roundEnded()
        }
    }
}
