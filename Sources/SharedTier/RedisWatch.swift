// SPDX-License-Identifier: Apache-2.0

#if Redis
import LockFree
import Telemetry

/// The thread behind the shared tier: probes servers that failed, so that no request does; asks for a cluster's map and
/// looks names up, when somebody doubts them and from time to time.
final class RedisWatch: Sendable {
    private let state = ConditionLock(State())
    private let thread = Lock<OSThread?>(nil)

    private struct State: Sendable {
        var isStopping = false
        var isInDoubt = true
    }

    /// While a server is left alone: how often it is looked whether its back-off is over.
    private static let step = Duration.milliseconds(50)
    /// Doubts come in swarms; the cluster is asked this often at most.
    private static let leastBetweenRefreshes = 200_000_000
    /// Without a doubt: nodes that were added serve slots that others redirect from.
    private static let mostBetweenRefreshes = 30_000_000_000

    init() {}

    /// Something may be out of date. Any thread; returns at once.
    func doubt() {
        let isNew = state.withLock { state in
            defer { state.isInDoubt = true }
            return !state.isInDoubt
        }
        if isNew { state.signal() }
    }

    /// Starts the thread.
    func start(
        _ router: RedisRouter,
        _ configuration: SharedTierConfiguration,
        _ logger: Logger
    ) throws(ThreadError) {
        let started = try OSThread(name: "shared-watch", nice: 5) { [self] in
            run(router, configuration, logger)
        }
        thread.withLock { $0 = started }
    }

    /// Ends the thread; waits for what it is at, at most about a look-up of a name.
    func stop() {
        state.withLock { $0.isStopping = true }
        state.broadcast()
        let started = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        started?.join()
    }

    private func run(_ router: RedisRouter, _ configuration: SharedTierConfiguration, _ logger: Logger) {
        var lastRefresh = Int.min / 2
        while true {
            let isWorking = router.nodes.allSatisfy { $0.breaker.position == .closed }
            // A doubt ends the wait, but only as often as the cluster is asked.
            let now = MonotonicClock.nanoseconds
            let mayRefresh = now - lastRefresh >= Self.leastBetweenRefreshes
            let wait = isWorking && mayRefresh ? Duration.seconds(30) : Self.step
            let (isStopping, isInDoubt) =
                state.wait(forAtMost: wait) { state -> (Bool, Bool)? in
                    guard state.isStopping || state.isInDoubt && mayRefresh else { return nil }
                    defer { if mayRefresh { state.isInDoubt = false } }
                    return (state.isStopping, state.isInDoubt)
                } ?? (false, false)
            if isStopping { return }
            if isInDoubt || MonotonicClock.nanoseconds - lastRefresh >= Self.mostBetweenRefreshes {
                refresh(router, configuration)
                lastRefresh = MonotonicClock.nanoseconds
            }
            for node in router.nodes { probe(node) }
        }
    }

    private func refresh(_ router: RedisRouter, _ configuration: SharedTierConfiguration) {
        for node in router.nodes { node.resolve() }
        guard router.isCluster else { return }
        _ = router.refresh(keeping: configuration.location.places, timeout: configuration.timeout * 4)
    }

    /// Probes a server whose back-off is over.
    private func probe(_ node: RedisNode) {
        guard node.breaker.position != .closed else { return }
        let admission = node.breaker.admit()
        guard case .probe = admission else { return }
        node.resolve()
        node.breaker.record(success: node.probe(), of: admission)
    }
}
#endif
