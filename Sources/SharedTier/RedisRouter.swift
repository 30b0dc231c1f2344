// SPDX-License-Identifier: Apache-2.0

#if Redis
import LockFree
import Telemetry

/// Which server to ask: the one there is, or the node of a cluster that serves a slot. Any thread; the lock is held for
/// a look into a table.
final class RedisRouter: Sendable {
    private let state: Lock<State>
    private let make: @Sendable (RedisPlace) -> RedisNode
    let isCluster: Bool

    private struct State: Sendable {
        var nodes: [RedisPlace: RedisNode]
        var map = SlotMap()
    }

    /// - Parameter make: makes a node that is asked for the first time.
    init(location: RedisLocation, make: @escaping @Sendable (RedisPlace) -> RedisNode) {
        isCluster = location.isCluster
        self.make = make
        var nodes: [RedisPlace: RedisNode] = [:]
        for place in location.places where nodes[place] == nil { nodes[place] = make(place) }
        state = Lock(State(nodes: nodes))
    }

    /// All nodes that are known.
    var nodes: [RedisNode] { state.withLock { Array($0.nodes.values) } }

    /// The nodes that serve something: of a cluster those of its map, once there is one.
    var servingNodes: [RedisNode] { state.withLock { Self.serving($0) } }

    /// Whether the breaker of any of them is closed.
    var isAnyServing: Bool { state.withLock { Self.serving($0).contains { $0.breaker.position == .closed } } }

    private static func serving(_ state: State) -> [RedisNode] {
        if state.map.places.isEmpty { return Array(state.nodes.values) }
        return state.map.places.compactMap { state.nodes[$0] }
    }

    /// The node of a slot. Without a map of the cluster yet: any node, which will redirect.
    func node(ofSlot slot: Int) -> RedisNode? {
        state.withLock { state in
            guard isCluster else { return state.nodes.values.first }
            if let owner = state.map.owner(ofSlot: slot) { return state.nodes[owner] }
            return state.nodes.values.first { $0.breaker.position == .closed }
        }
    }

    /// The node at a place that a redirection named.
    func node(at place: RedisPlace) -> RedisNode {
        state.withLock { state in
            if let node = state.nodes[place] { return node }
            let node = make(place)
            state.nodes[place] = node
            return node
        }
    }

    /// A redirection said that a node serves the slot from now on.
    func note(slot: Int, servedBy place: RedisPlace) {
        let node = node(at: place)
        state.withLock { state in
            state.nodes[place] = node
            state.map.assign(slot...slot, to: place)
        }
    }

    /// Asks the nodes one after another for the cluster's map, those that work first. True where one told.
    ///
    /// Nodes that the map does not name are closed, but for those of the configuration.
    func refresh(keeping seeds: [RedisPlace], timeout: Duration) -> Bool {
        let candidates = nodes.sorted { $0.breaker.position.rawValue < $1.breaker.position.rawValue }
        for candidate in candidates {
            var commands = RedisCommands()
            commands.append(["CLUSTER", "SLOTS"])
            guard let reply = try? candidate.exchange(commands, by: CallDeadline(after: timeout)).first,
                let map = SlotMap(clusterSlots: reply.tree, from: candidate.place)
            else { continue }
            adopt(map, seeds)
            return true
        }
        return false
    }

    private func adopt(_ map: SlotMap, _ seeds: [RedisPlace]) {
        let gone = state.withLock { state -> [RedisNode] in
            for place in map.places where state.nodes[place] == nil { state.nodes[place] = make(place) }
            state.map = map
            let kept = Set(map.places).union(seeds)
            let gone = state.nodes.filter { !kept.contains($0.key) }
            for place in gone.keys { state.nodes[place] = nil }
            return Array(gone.values)
        }
        for node in gone { node.close() }
    }
}
#endif
