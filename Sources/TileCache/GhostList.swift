// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Synchronization

/// Remembers, for a while, which keys were dropped: one that is asked for again soon enters hot.
///
/// A direct-mapped array of words, each 24 bits of the hash and the low 8 bits of the generation in which it was
/// dropped; a later drop with the same place overwrites. An answer may be wrong once in 16 million, and then a tile
/// enters hot that should be warm: no harm. Written by the keeper, taken by inserters; all relaxed, because a word
/// stands for itself alone.
@safe
struct GhostList {
    private let words: UnsafeMutablePointer<Atomic<UInt32>>
    private let count: Int

    /// Generations for which a dropped key is remembered; in each, half the budget's bytes are dropped.
    private static let remembered: UInt8 = 2

    /// Nil where the kernel refuses the memory.
    init?(count: Int) {
        self.count = count
        guard let base = unsafe platform_map_aligned(count * 4, Chunk.page) else { return nil }
        // Fresh pages are zero, which is what `Atomic<UInt32>(0)` is.
        unsafe words = base.bindMemory(to: Atomic<UInt32>.self, capacity: count)
    }

    func unmap() { unsafe platform_unmap(words, bytes) }

    var bytes: Int { Chunk.roundedToPages(count * 4) }

    func remember(_ hash: UInt64, generation: UInt16) {
        unsafe words[place(hash)].store(Self.word(hash, UInt8(truncatingIfNeeded: generation)), ordering: .relaxed)
    }

    /// Whether the key was dropped lately; it is forgotten then.
    func take(_ hash: UInt64, generation: UInt16) -> Bool {
        let place = place(hash)
        let word = unsafe words[place].load(ordering: .relaxed)
        let dropped = UInt8(truncatingIfNeeded: word)
        guard word != 0, word & 0xFFFF_FF00 == Self.word(hash, dropped) & 0xFFFF_FF00,
            UInt8(truncatingIfNeeded: generation) &- dropped <= Self.remembered
        else { return false }
        unsafe words[place].store(0, ordering: .relaxed)
        return true
    }

    /// Not the bits that chose the place (the high ones), and never all zero.
    private static func word(_ hash: UInt64, _ generation: UInt8) -> UInt32 {
        (UInt32(truncatingIfNeeded: hash) | 0x100) & 0xFFFF_FF00 | UInt32(generation)
    }

    private func place(_ hash: UInt64) -> Int { Int(hash.multipliedFullWidth(by: UInt64(count)).high) }
}
