// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Synchronization

/// Remembers, for a while, which keys were dropped: one that is asked for again soon enters hot.
///
/// A direct-mapped array of words, each 12 bits of the hash and the low 4 bits of the generation in which it was
/// dropped; a later drop with the same place overwrites. An answer may be wrong once in 4000, and then a tile enters hot
/// that should be warm: no harm. Written by the keeper, taken by inserters; all relaxed, because a word
/// stands for itself alone.
@safe
package struct GhostList {
    private let words: UnsafeMutablePointer<Atomic<UInt32>>
    private let count: Int

    /// Nil where the kernel refuses the memory.
    package init?(count: Int) {
        self.count = count
        guard let base = unsafe platform_map_aligned(count * 4, Chunk.page) else { return nil }
        unsafe words = base.bindMemory(to: Atomic<UInt32>.self, capacity: count)
    }

    package func unmap() { unsafe platform_unmap(words, bytes) }

    var bytes: Int { Chunk.roundedToPages(count * 4) }

    package func remember(_ hash: UInt64, generation: UInt16, uses: Int) {
        let word = Self.word(hash) | UInt32(generation & 0xFF) << 4 | UInt32(min(uses, 7))
        unsafe words[place(hash)].store(word, ordering: .relaxed)
    }

    /// The uses that a dropped key had, as of now; nil where it was not dropped lately. It is forgotten then.
    package func take(_ hash: UInt64, generation: UInt16, within generations: Int = 2, decay: Int = 100) -> Int? {
        let place = place(hash)
        let word = unsafe words[place].load(ordering: .relaxed)
        let age = (generation &- UInt16(word >> 4 & 0xFF)) & 0xFF
        guard word != 0, word & 0xFFFF_F000 == Self.word(hash), age <= generations else { return nil }
        unsafe words[place].store(0, ordering: .relaxed)
        return Int(word & 15) >> (Int(age) / decay)
    }

    private static func word(_ hash: UInt64) -> UInt32 {
        (UInt32(truncatingIfNeeded: hash) | 0x1000) & 0xFFFF_F000
    }

    private func place(_ hash: UInt64) -> Int { Int(hash.multipliedFullWidth(by: UInt64(count)).high) }
}
