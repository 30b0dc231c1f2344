// SPDX-License-Identifier: Apache-2.0

#if Redis
import LockFree
import Telemetry

/// Which server to ask: the one there is, or the node of a cluster that serves a slot. Any thread; the lock is held for
/// a look into a table.
///
/// Of servers that others name there are `maxNodes` at most: a server that sends us to ever new places makes nothing grow
/// without end.
final class RedisRouter: Sendable {
    private let state: Lock<State>
    private let make: @Sendable (RedisPlace) -> RedisNode
    let isCluster: Bool
    /// The first place of the configuration: where a single server is.
    private let first: RedisPlace

    /// More than any cluster has; and for one server, which may be a node of a small cluster, few enough to be probed one after
    /// another.
    let maxNodes: Int

    private struct State: Sendable {
        var nodes: [RedisPlace: RedisNode]
        var map = SlotMap()
    }

    /// - Parameter make: makes a node that is asked for the first time.
    init(location: RedisLocation, make: @escaping @Sendable (RedisPlace) -> RedisNode) {
        isCluster = location.isCluster
        maxNodes = location.isCluster ? SlotMap.maxPlaces : 16
        first = location.places[0]
        self.make = make
        var nodes: [RedisPlace: RedisNode] = [:]
        for place in location.places where nodes[place] == nil { nodes[place] = make(place) }
        state = Lock(State(nodes: nodes))
    }

    /// All nodes that are known.
    var nodes: [RedisNode] { state.withLock { Array($0.nodes.values) } }

    /// The nodes that serve something: of a cluster those of its map, once there is one.
    var servingNodes: [RedisNode] { state.withLock { serving($0) } }

    /// Whether the breaker of any of them is closed.
    var isAnyServing: Bool { state.withLock { serving($0).contains { $0.breaker.position == .closed } } }

    private func serving(_ state: State) -> [RedisNode] {
        guard isCluster else { return state.nodes[first].map { [$0] } ?? [] }
        if state.map.places.isEmpty { return Array(state.nodes.values) }
        return state.map.places.compactMap { state.nodes[$0] }
    }

    /// The node of a slot. Without a map of the cluster yet: any node, which will redirect.
    func node(ofSlot slot: Int) -> RedisNode? {
        state.withLock { state in
            guard isCluster else { return state.nodes[first] }
            if let owner = state.map.owner(ofSlot: slot) { return state.nodes[owner] }
            return state.nodes.values.first { $0.breaker.position == .closed }
        }
    }

    /// The node at a place that a redirection named.
    func node(at place: RedisPlace) throws(RedisFailure) -> RedisNode {
        let known = state.withLock { state -> RedisNode? in
            if let node = state.nodes[place] { return node }
            guard state.nodes.count < maxNodes else { return nil }
            let node = make(place)
            state.nodes[place] = node
            return node
        }
        guard let known else { throw .tooManyNodes(place, limit: maxNodes) }
        return known
    }

    /// A redirection said that a node of the cluster serves the slot from now on. One server alone has no slots.
    func note(slot: Int, servedBy node: RedisNode) {
        guard isCluster else { return }
        state.withLock { state in
            // It may have been closed in the meantime, by a map that does not name it.
            guard state.nodes[node.place] === node else { return }
            state.map.assign(slot...slot, to: node.place)
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
