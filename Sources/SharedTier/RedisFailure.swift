// SPDX-License-Identifier: Apache-2.0

/// Why a server could not be asked, or what was wrong with what it said. The description is for the log.
enum RedisFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// A name without an address so far.
    case unresolved(RedisPlace)
    case connect(RedisPlace, reason: String)
    /// The time was over.
    case timedOut(RedisPlace)
    /// All connections were in use until the time was over.
    case busy(RedisPlace)
    /// The server closed the connection.
    case ended(RedisPlace, reason: String)
    /// What came is no answer to what was asked.
    case protocolFault(RedisPlace, reason: String)
    /// An error reply that says that the server cannot be used now.
    case rejected(RedisPlace, reply: String)
    /// The node is not asked because it failed before.
    case breakerOpen(RedisPlace)
    /// No node of the cluster serves the slot, as far as is known; or one sent us in circles.
    case noNode
    /// A server sent us to one more place than is believed.
    case tooManyNodes(RedisPlace, limit: Int)
    /// The tier was closed.
    case closed

    var description: String {
        switch self {
        case .unresolved(let place): "connect to \(place): the name has no address yet; check it and the resolver"
        case .connect(let place, let reason):
            "connect to \(place): \(reason); check that the server runs and listens there"
        case .timedOut(let place):
            "ask \(place): no answer in time; see whether it is overloaded, or raise shared.timeout"
        case .busy(let place): "ask \(place): no connection was free in time; raise shared.connections"
        case .ended(let place, let reason): "ask \(place): the connection ended: \(reason)"
        case .protocolFault(let place, let reason): "ask \(place): \(reason); check that it speaks the Redis protocol"
        case .rejected(let place, let reply): "ask \(place): it said '\(reply)'"
        case .breakerOpen(let place): "ask \(place): left alone for a while because it failed"
        case .noNode: "ask the cluster: no node serves the slot"
        case .tooManyNodes(let place, let limit):
            "ask \(place), to which another server sent us: \(limit) servers are known already; "
                + "check what 'redis' names; a cluster is redis-cluster://HOST:PORT"
        case .closed: "ask the shared tier: it is closed"
        }
    }

    /// The label of metrics.
    var label: StaticString {
        switch self {
        case .unresolved, .connect: "connect"
        case .timedOut: "timeout"
        case .busy: "busy"
        case .ended: "ended"
        case .protocolFault: "protocol"
        case .rejected: "rejected"
        case .breakerOpen: "breaker"
        case .noNode: "no-node"
        case .tooManyNodes: "too-many-nodes"
        case .closed: "closed"
        }
    }

    static let labels: [StaticString] = [
        "connect", "timeout", "busy", "ended", "protocol", "rejected", "breaker", "no-node", "too-many-nodes", "closed",
    ]

    /// Whether the circuit breaker counts it: the server's failure, not our own want of connections.
    var isFailureOfServer: Bool {
        switch self {
        case .connect, .timedOut, .ended, .protocolFault, .rejected: true
        case .unresolved, .busy, .breakerOpen, .noNode, .tooManyNodes, .closed: false
        }
    }
}
