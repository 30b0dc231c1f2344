// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Three masters, and as many replicas of each as asked for, on the loopback, put together by redis-cli.
package final class RedisCluster {
    /// The nodes that began as masters.
    package let masters: [RedisServer]
    private let replicas: [RedisServer]

    /// Starts the nodes and waits until all of them know that the cluster is whole.
    package init(replicas: Int) throws {
        let nodes = try (0..<3 + 3 * replicas).map { _ in try Self.node() }
        let places = nodes.map { "127.0.0.1:\($0.port)" }
        try RedisServer.client(
            ["--cluster", "create"] + places + ["--cluster-replicas", "\(replicas)", "--cluster-yes"],
            timeout: 120
        )
        for round in 0...1500 {
            let isWhole = try nodes.allSatisfy { node in
                let info = try node.command("CLUSTER", "INFO")
                return info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:\(nodes.count)")
                    && info.contains("cluster_slots_ok:16384")
            }
            if isWhole { break }
            guard round < 1500 else { throw RedisServer.Failure.notReady("the cluster did not come together") }
            usleep(20_000)
        }
        // redis-cli makes the first nodes masters, and pairs replicas as it likes.
        masters = Array(nodes.prefix(3))
        self.replicas = Array(nodes.dropFirst(3))
    }

    /// The URL of its masters.
    package var url: String {
        "redis-cluster://" + masters.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
    }

    /// Whether a replica of the master has all that the master had.
    package func isReplicated(_ master: RedisServer) throws -> Bool {
        func value(_ name: String, _ text: String) -> String? {
            text.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name + ":") }
                .map { String($0.dropFirst(name.count + 1)) }
        }
        let own = try master.command("INFO", "replication")
        guard let offset = value("master_repl_offset", own) else { return false }
        return try replicas.contains { replica in
            let info = try replica.command("INFO", "replication")
            return value("master_port", info) == "\(master.port)" && value("slave_repl_offset", info) == offset
                && value("master_link_status", info) == "up"
        }
    }

    /// A node of a cluster; its bus has the port 10000 above its own.
    private static func node() throws -> RedisServer {
        for attempt in 0..<5 {
            do {
                return try RedisServer(
                    tcp: true,
                    ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--cluster-config-file", "nodes"]
                )
            } catch RedisServer.Failure.notReady where attempt < 4 {
                continue
            }
        }
        throw RedisServer.Failure.notReady("no port for a node of the cluster")
    }
}
