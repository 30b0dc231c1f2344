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
struct GhostList {
    private let words: UnsafeMutablePointer<Atomic<UInt16>>
    private let count: Int

    /// Generations for which a dropped key is remembered; in each, half the budget's bytes are dropped.
    private static let remembered: UInt16 = 2

    /// Nil where the kernel refuses the memory.
    init?(count: Int) {
        self.count = count
        guard let base = unsafe platform_map_aligned(count * 2, Chunk.page) else { return nil }
        // Fresh pages are zero, which is what `Atomic<UInt16>(0)` is.
        unsafe words = base.bindMemory(to: Atomic<UInt16>.self, capacity: count)
    }

    func unmap() { unsafe platform_unmap(words, bytes) }

    var bytes: Int { Chunk.roundedToPages(count * 2) }

    func remember(_ hash: UInt64, generation: UInt16) {
        unsafe words[place(hash)].store(Self.word(hash, generation), ordering: .relaxed)
    }

    /// Whether the key was dropped lately; it is forgotten then.
    func take(_ hash: UInt64, generation: UInt16) -> Bool {
        let place = place(hash)
        let word = unsafe words[place].load(ordering: .relaxed)
        guard word != 0, word & 0xFFF0 == Self.word(hash, 0), (generation &- word) & 0xF <= Self.remembered
        else { return false }
        unsafe words[place].store(0, ordering: .relaxed)
        return true
    }

    /// Bits of the hash that did not choose the place (that was done by the high ones), never all zero.
    private static func word(_ hash: UInt64, _ generation: UInt16) -> UInt16 {
        (UInt16(truncatingIfNeeded: hash) | 0x10) & 0xFFF0 | generation & 0xF
    }

    private func place(_ hash: UInt64) -> Int { Int(hash.multipliedFullWidth(by: UInt64(count)).high) }
}
