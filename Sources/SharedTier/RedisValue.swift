// SPDX-License-Identifier: Apache-2.0

/// A small reply as a value.
package indirect enum RedisValue: Hashable, Sendable {
    case null
    case integer(Int)
    case text(String)
    case array([RedisValue])

    /// The elements; empty where it is no array.
    var elements: [RedisValue] {
        if case .array(let elements) = self { elements } else { [] }
    }

    var integer: Int? {
        if case .integer(let number) = self { number } else { nil }
    }

    var text: String? {
        if case .text(let text) = self { text } else { nil }
    }
}

extension SlotMap {
    /// Reads the answer to CLUSTER SLOTS: for each range its first and last slot, then the master, then replicas. Nil
    /// where it is nothing of the kind, or names no slot.
    ///
    /// - Parameter node: who said it: a node without a host of its own (`""` or null) means the host that was asked.
    package init?(clusterSlots reply: RedisValue, from node: RedisPlace) {
        self.init()
        for range in reply.elements {
            let parts = range.elements
            guard parts.count >= 3, let first = parts[0].integer, let last = parts[1].integer, first <= last,
                let place = Self.place(parts[2], node)
            else { continue }
            assign(first...last, to: place)
        }
        if assigned == 0 { return nil }
    }

    private static func place(_ node: RedisValue, _ asked: RedisPlace) -> RedisPlace? {
        let facts = node.elements
        guard facts.count >= 2, let number = facts[1].integer, let port = UInt16(exactly: number), port > 0 else {
            return nil
        }
        if let host = facts[0].text, !host.isEmpty, host != "?" { return .tcp(host: host, port: port) }
        guard case .tcp(let host, _) = asked else { return nil }
        return .tcp(host: host, port: port)
    }
}
