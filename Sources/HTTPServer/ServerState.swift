// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization

/// What the reactors of one server share.
final class ServerState: Sendable {
    enum Phase: UInt8, AtomicRepresentable { case running, draining, stopping }

    let configuration: HTTPServerConfiguration
    let limits: ConnectionLimits
    /// Written by the server, read by each reactor once per turn; a wake-up follows each change.
    let phase = Atomic<Phase>(.running)
    /// Reactors whose handler exists, and those whose loop has ended.
    let progress = ConditionLock<Progress>(Progress())

    /// How many connections each reactor has, those on their way to it included.
    let loads: ReactorLoads

    struct Progress {
        var started = 0
        var finished = 0
    }

    init(configuration: HTTPServerConfiguration, limits: ConnectionLimits) {
        self.configuration = configuration
        self.limits = limits
        let inUse = configuration.spreading == .asNeeded ? 1 : configuration.reactors
        loads = ReactorLoads(count: configuration.reactors, inUse: inUse)
    }
}
