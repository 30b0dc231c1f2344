// SPDX-License-Identifier: Apache-2.0

/// The slots of a Redis Cluster: a key's slot, by the part of it in braces.
///
/// Source: Redis Cluster specification, "Key distribution model" and "Hash tags"; CRC-16/XMODEM.
package enum ClusterSlot {
    package static let count = 16_384

    /// The slot of a key.
    package static func of(_ key: some Collection<UInt8>) -> Int { Int(crc16(tag(key))) % count }

    /// What lies between the first `{` and the first `}` behind it, where there is something; else the whole key.
    private static func tag<Key: Collection<UInt8>>(_ key: Key) -> Key.SubSequence {
        guard let open = key.firstIndex(of: UInt8(ascii: "{")) else { return key[...] }
        let inside = key[key.index(after: open)...]
        guard let close = inside.firstIndex(of: UInt8(ascii: "}")), close != inside.startIndex else { return key[...] }
        return inside[..<close]
    }

    private static let table: [UInt16] = (0..<256).map { byte in
        (0..<8).reduce(UInt16(byte) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
    }

    private static func crc16(_ bytes: some Sequence<UInt8>) -> UInt16 {
        bytes.reduce(0) { crc, byte in crc << 8 ^ table[Int(UInt8(truncatingIfNeeded: crc >> 8) ^ byte)] }
    }
}

/// Which node serves which slot, as the cluster told last.
package struct SlotMap: Hashable, Sendable {
    /// The nodes, each once.
    package private(set) var places: [RedisPlace] = []
    /// More masters than this no cluster has: its specification advises against a thousand nodes.
    package static let maxPlaces = 1024
    /// For each slot an index into `places`; -1 where nobody serves it.
    private var owners: [Int16]

    package init() { owners = Array(repeating: -1, count: ClusterSlot.count) }

    /// The node that serves a slot.
    package func owner(ofSlot slot: Int) -> RedisPlace? {
        guard owners.indices.contains(slot), owners[slot] >= 0 else { return nil }
        return places[Int(owners[slot])]
    }

    /// Notes that a node serves these slots. Ranges beyond the slots, or more nodes than a cluster has, are ignored.
    package mutating func assign(_ slots: ClosedRange<Int>, to place: RedisPlace) {
        guard slots.lowerBound >= 0, slots.upperBound < ClusterSlot.count else { return }
        let index = places.firstIndex(of: place) ?? places.count
        if index == places.count {
            guard places.count < Self.maxPlaces else { return }
            places.append(place)
        }
        for slot in slots { owners[slot] = Int16(index) }
    }

    /// How many slots have a node.
    package var assigned: Int { owners.count { $0 >= 0 } }
}
