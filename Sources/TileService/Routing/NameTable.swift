// SPDX-License-Identifier: Apache-2.0

/// Finds the index of a name by its bytes in a path, without making a String: an open-addressed table over one
/// array of all names. Immutable. Complexity: constant on average.
final class NameTable: Sendable {
    private let bytes: [UInt8]
    private let ranges: [Range<Int>]
    /// Index + 1 of the name in a slot, 0 where it is empty; a power of two, at most half full.
    private let slots: [Int32]

    init(_ names: [String]) {
        var bytes: [UInt8] = []
        ranges = names.map { name in
            let start = bytes.count
            bytes += name.utf8
            return start..<bytes.count
        }
        var capacity = 8
        while capacity < names.count * 2 { capacity *= 2 }
        var slots = [Int32](repeating: 0, count: capacity)
        for (index, range) in ranges.enumerated() {
            var slot = Int(Self.hash(bytes.span, range)) & (capacity - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (capacity - 1) }
            slots[slot] = Int32(index) + 1
        }
        self.bytes = bytes
        self.slots = slots
    }

    /// Whether a byte occurs in any name.
    func contains(_ byte: UInt8) -> Bool { bytes.contains(byte) }

    /// The index of the name that stands at `range` of `path`, or nil.
    func index(of path: Span<UInt8>, _ range: Range<Int>) -> Int? {
        var slot = Int(Self.hash(path, range)) & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if isName(index, at: range, of: path) { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private func isName(_ index: Int, at range: Range<Int>, of path: Span<UInt8>) -> Bool {
        let name = ranges[index]
        guard name.count == range.count else { return false }
        for offset in 0..<range.count where bytes[name.lowerBound + offset] != path[range.lowerBound + offset] {
            return false
        }
        return true
    }

    /// FNV-1a, folded to 31 bits.
    private static func hash(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt32 {
        var hash: UInt32 = 0x811C_9DC5
        for index in range { hash = (hash ^ UInt32(bytes[index])) &* 0x0100_0193 }
        return (hash ^ hash >> 15) & 0x7FFF_FFFF
    }
}
