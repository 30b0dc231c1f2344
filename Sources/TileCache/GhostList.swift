// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Synchronization

/// Remembers, for a while, which keys were dropped and how often they had been asked for: what is asked for again soon
/// goes on counting from there.
///
/// A direct-mapped array of 16-bit words: ten bits of the hash, three of the generation in which the key was dropped,
/// three of its uses. A later drop with the same place overwrites. An answer may be wrong once in a thousand times, and
/// then a tile enters hot that should be warm: no harm. Written by the keeper, taken by inserters; all relaxed, because a
/// word stands for itself alone.
@safe
package struct GhostList {
    private let words: UnsafeMutablePointer<Atomic<UInt16>>
    private let count: Int

    /// Generations for which a dropped key is remembered after that in which it was dropped.
    private static let remembered: UInt16 = 1
    /// The most uses that a word has room for.
    private static let useLimit = 7

    /// Nil where the kernel refuses the memory.
    package init?(count: Int) {
        self.count = count
        guard let base = unsafe platform_map_aligned(count * 2, Chunk.page) else { return nil }
        // Fresh pages are zero, which is what `Atomic<UInt16>(0)` is.
        unsafe words = base.bindMemory(to: Atomic<UInt16>.self, capacity: count)
    }

    /// How many words a cache with so many slots has: some three for each entry that it holds when it is full.
    package static func count(slots: Int) -> Int { max(slots * 3 / 2, 64) }

    /// Gives the memory back; the list is not used any more.
    package func unmap() { unsafe platform_unmap(words, bytes) }

    var bytes: Int { Chunk.roundedToPages(count * 2) }

    /// Notes that a key was dropped.
    package func remember(_ hash: UInt64, uses: Int, generation: UInt16) {
        let word = Self.tag(hash) | (generation & 7) << 3 | UInt16(min(uses, Self.useLimit))
        unsafe words[place(hash)].store(word, ordering: .relaxed)
    }

    /// The uses that a key had when it was dropped lately, nil where it was not; it is forgotten then.
    package func take(_ hash: UInt64, generation: UInt16) -> Int? {
        let place = place(hash)
        let word = unsafe words[place].load(ordering: .relaxed)
        let age = (generation &- word >> 3) & 7
        guard word & 0xFFC0 == Self.tag(hash), age <= Self.remembered else { return nil }
        unsafe words[place].store(0, ordering: .relaxed)
        return Int(word & 7)
    }

    /// Ten bits of the hash that did not choose the place (that was done by the high ones), never all zero.
    private static func tag(_ hash: UInt64) -> UInt16 { (UInt16(truncatingIfNeeded: hash) | 0x40) & 0xFFC0 }

    private func place(_ hash: UInt64) -> Int { Int(hash.multipliedFullWidth(by: UInt64(count)).high) }
}
