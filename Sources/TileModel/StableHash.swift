// SPDX-License-Identifier: Apache-2.0

/// A 64-bit hash that is the same in every process and on every machine: for versions, parameters and ETags.
///
/// FNV-1a over the bytes (Fowler, Noll, Vo), finished by a mixer, so that short inputs differ in all bits. It is not a
/// defence against an adversary who may choose file contents; identities of our own files are not such input.
public struct StableHash: Sendable {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func combine(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        // A separator, so that ("ab","c") and ("a","bc") differ.
        state = (state ^ 0xFF) &* 0x0000_0100_0000_01B3
    }

    package mutating func combine(_ text: String) { combine(text.utf8) }

    package mutating func combine(_ value: Int) { combine(UInt64(bitPattern: Int64(value))) }

    package mutating func combine(_ value: UInt64) {
        var rest = value
        for _ in 0..<8 {
            state = (state ^ (rest & 0xFF)) &* 0x0000_0100_0000_01B3
            rest >>= 8
        }
    }

    package var value: UInt64 { TileKey.mix(state) }
}

/// The state of a tileset's files: changes when any of them does. Written as 16 hexadecimal digits.
public struct TilesetVersion: Hashable, Sendable, CustomStringConvertible {
    package let hash: UInt64

    package init(hash: UInt64) { self.hash = hash }

    /// 16 lower-case hexadecimal digits.
    public var description: String { hexadecimal(hash) }
}

/// `value` as 16 lower-case hexadecimal digits.
package func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
