// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Synchronization

/// Remembers, for a while, which keys were dropped and how often they had been asked for: what is asked for again goes on
/// counting from there.
///
/// Sets of four 16-bit words: ten bits of the hash, three of the generation in which the key was dropped, three that code
/// its uses. A drop takes the place of that word of its set which is worth least: free or forgotten, else of fewest uses,
/// halved for each generation since. What nobody had asked for is not remembered. An answer may be wrong four times in a
/// thousand, and then a tile enters hot that should be warm: no harm.
///
/// Written by the keeper, taken by inserters; all relaxed, because a word stands for itself alone.
@safe
package struct GhostList {
    /// SAFETY: `setCount` sets from `platform_map_aligned`, owned by whoever made the list until `unmap`, and zero or
    /// stored by `remember`; every index is below `setCount * setSize` because `place` is.
    private let words: UnsafeMutablePointer<Atomic<UInt16>>
    private let setCount: Int

    private static let setSize = 4
    /// Generations for which a dropped key is remembered after that in which it was dropped.
    private static let remembered = 3
    /// The uses that three bits stand for, rounded down.
    private static let codedUses = [1, 2, 3, 4, 6, 8, 11, 15]

    /// Nil where the kernel refuses the memory.
    package init?(count: Int) {
        setCount = max(count / Self.setSize, 16)
        guard let base = unsafe platform_map_aligned(Self.bytes(sets: setCount), Chunk.page) else { return nil }
        // SAFETY: fresh pages, of at least so many words, are zero, which is what `Atomic<UInt16>(0)` is; nobody else has
        // them.
        unsafe words = base.bindMemory(to: Atomic<UInt16>.self, capacity: setCount * Self.setSize)
    }

    /// How many words a cache with so many slots has: six for each entry of the expected size that it has room for.
    package static func count(slots: Int) -> Int { slots * 4 }

    /// Gives the memory back; the list is not used any more.
    package func unmap() {
        // SAFETY: the mapping that `init` made, with its length; the caller says that nobody uses the list any more.
        unsafe platform_unmap(words, bytes)
    }

    /// What the list takes from the kernel.
    var bytes: Int { Self.bytes(sets: setCount) }

    private static func bytes(sets: Int) -> Int { Chunk.roundedToPages(sets * setSize * MemoryLayout<UInt16>.size) }

    /// Notes that a key was dropped. The keeper's thread alone calls it.
    package func remember(_ hash: UInt64, uses: Int, generation: UInt16) {
        guard uses > 0 else { return }
        let code = Self.codedUses.lastIndex { $0 <= uses } ?? 0
        let word = Self.tag(hash) | (generation & 7) << 3 | UInt16(code)
        let first = place(hash)
        var chosen = first
        var least = Int.max
        for offset in 0..<Self.setSize {
            // Of equals each key takes another one, or three of four would stay for generations while a scan leaves its ghosts.
            let place = first + (offset + Int(truncatingIfNeeded: hash >> 20)) & (Self.setSize - 1)
            // SAFETY: see `words`.
            let old = unsafe words[place].load(ordering: .relaxed)
            // The same key's older word is worth nothing beside the new one.
            let worth = old & 0xFFC0 == Self.tag(hash) ? -1 : Self.uses(old, generation) ?? 0
            if worth < least {
                least = worth
                chosen = place
            }
        }
        // SAFETY: see `words`.
        unsafe words[chosen].store(word, ordering: .relaxed)
    }

    /// The uses that a key had when it was dropped lately, halved for each generation since; nil where it was not. It is
    /// forgotten then. Any thread.
    package func take(_ hash: UInt64, generation: UInt16) -> Int? {
        let first = place(hash)
        for place in first..<first + Self.setSize {
            // SAFETY: see `words`.
            let word = unsafe words[place].load(ordering: .relaxed)
            guard word & 0xFFC0 == Self.tag(hash) else { continue }
            // SAFETY: see `words`. What the keeper stored here in between is lost: a ghost less.
            unsafe words[place].store(0, ordering: .relaxed)
            return Self.uses(word, generation)
        }
        return nil
    }

    /// The uses that a word stands for as of a generation; nil: none, forgotten or free. A word of eight generations ago,
    /// which is 800 budgets dropped since, would pass for new.
    private static func uses(_ word: UInt16, _ generation: UInt16) -> Int? {
        let age = Int((generation &- word >> 3) & 7)
        guard word != 0, age <= remembered else { return nil }
        let uses = codedUses[Int(word & 7)] >> age
        return uses > 0 ? uses : nil
    }

    /// Ten bits of the hash that did not choose the place (that was done by the high ones), never all zero.
    private static func tag(_ hash: UInt64) -> UInt16 { (UInt16(truncatingIfNeeded: hash) | 0x40) & 0xFFC0 }

    /// The first word of a key's set.
    private func place(_ hash: UInt64) -> Int {
        Int(hash.multipliedFullWidth(by: UInt64(setCount)).high) * Self.setSize
    }
}
