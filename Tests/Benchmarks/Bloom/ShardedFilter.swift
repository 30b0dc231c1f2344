// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The filter to compare with, as it is often written: 16 shards by the first bits of the hash, bits anywhere in the
/// shard, insertions that write each word whether they need to or not, and one counter of all checks.
///
/// @unchecked Sendable: the memory holds atomics only and lives as long as the object.
@safe
final class ShardedFilter: @unchecked Sendable {
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private let wordsPerShard: Int
    private let checks = Atomic<Int>(0)

    private static let shards = 16
    /// The number of bits per key with the lowest rate near 21 bits per key would be 14; 6 is what is usual and faster.
    private static let bitsPerKey = 6

    init(bits: Int) {
        wordsPerShard = bits / 64 / Self.shards
        // SAFETY: never freed: the program ends with it.
        unsafe words = .allocate(capacity: wordsPerShard * Self.shards)
        for index in 0..<wordsPerShard * Self.shards { unsafe (words + index).initialize(to: Atomic(0)) }
    }

    /// Calls `body` with the word and the bit of each of the key's bits (Kirsch and Mitzenmacher, 2006), until it says no.
    @inline(__always)
    private func visit(_ hash: UInt64, _ body: (UnsafeMutablePointer<Atomic<UInt64>>, UInt64) -> Bool) -> Bool {
        let shard = unsafe words + Int(hash >> 60) * wordsPerShard
        let step = hash >> 32 | 1
        var position = hash & 0xFFFF_FFFF
        let bits = UInt64(wordsPerShard * 64)
        for _ in 0..<Self.bitsPerKey {
            let bit = position % bits
            guard unsafe body(shard + Int(bit / 64), 1 << (bit & 63)) else { return false }
            position &+= step
        }
        return true
    }

    func insert(_ hash: UInt64) {
        _ = unsafe visit(hash) { word, bit in
            unsafe word.pointee.bitwiseOr(bit, ordering: .relaxed)
            return true
        }
    }

    func contains(_ hash: UInt64) -> Bool {
        checks.wrappingAdd(1, ordering: .relaxed)
        return unsafe visit(hash) { word, bit in unsafe word.pointee.load(ordering: .relaxed) & bit != 0 }
    }
}
