// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// A set of keys that may be asked from all threads while others insert, in a fixed number of bits: it says *certainly
/// not* or *perhaps*.
///
/// *What it guarantees.* A key whose `insert` happened before a `contains` is found. Nothing waits and nothing
/// retries. A key that was never inserted is found at the rate that `BloomSizing.falsePositives` tells.
///
/// *How.* Each key has one 64-byte line, so a check costs one cache miss at most, and one bit in each of the line's
/// eight words. Bits are relaxed atomics: they only ever go from 0 to 1 (but for `clear`), and nothing else hangs on
/// them. An insertion loads a word before it writes, and leaves it alone where its bit is set: threads that insert or
/// check what is known already write no shared line at all. There is no counter: one shared counter costs more than
/// all the rest (docs/decisions.md).
///
/// *What it gives up.* Keys cannot be removed or counted; `SeenBefore` rotates two filters instead. Blocks cost
/// somewhat more bits than a filter whose bits lie anywhere.
///
/// Keys are hashes of 64 well mixed bits, such as `TileKey.mixed`.
///
/// @unchecked Sendable: the memory behind the pointer holds atomics only, and lives as long as the object.
@safe
public final class BloomFilter: @unchecked Sendable {
    /// How large it is.
    public let sizing: BloomSizing
    @usableFromInline let words: UnsafeMutablePointer<Atomic<UInt64>>

    /// An empty filter.
    public init(_ sizing: BloomSizing) {
        self.sizing = sizing
        let count = sizing.lineCount * BloomSizing.wordsPerLine
        // SAFETY: aligned to a line, owned until `deinit`, every word initialised before anyone can see it.
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: count * MemoryLayout<Atomic<UInt64>>.stride,
            alignment: 64
        )
        unsafe words = raw.bindMemory(to: Atomic<UInt64>.self, capacity: count)
        for index in 0..<count { unsafe (words + index).initialize(to: Atomic(0)) }
    }

    deinit { unsafe UnsafeMutableRawPointer(words).deallocate() }

    /// The first word of a key's line: the upper half of the hash, scaled to the number of lines.
    ///
    /// SAFETY: the scaled value is below `lineCount`, so all eight words are inside the allocation.
    @inlinable
    func line(of hash: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe words + Int(truncatingIfNeeded: ((hash >> 32) &* UInt64(truncatingIfNeeded: sizing.lineCount)) >> 32)
            &* 8
    }

    /// Eight times six bits that say which bit of each word is the key's: the upper 48 bits of a product, on which all
    /// bits of the hash act, so that keys of one line differ.
    @inlinable
    static func places(of hash: UInt64) -> UInt64 { (hash &* 0x9E37_79B9_7F4A_7C15) >> 16 }

    /// Whether the key may have been inserted. No false "no". One line is read, nothing is written.
    @inlinable
    public func contains(_ hash: UInt64) -> Bool {
        let line = unsafe line(of: hash)
        var places = Self.places(of: hash)
        // Without a branch for each word: which one lacks its bit cannot be predicted.
        var all: UInt64 = 1
        for word in 0..<8 {
            // SAFETY: word < 8, inside the line.
            all &= unsafe line[word].load(ordering: .relaxed) &>> (places & 63)
            places >>= 6
        }
        return all & 1 != 0
    }

    /// Inserts a key. Writes only words that lack its bit.
    ///
    /// - Returns: whether the key was new for certain. Of two threads that insert one key at once both may be told so.
    @inlinable
    @discardableResult
    public func insert(_ hash: UInt64) -> Bool {
        let line = unsafe line(of: hash)
        var places = Self.places(of: hash)
        var isNew = false
        for word in 0..<8 {
            let bit: UInt64 = 1 &<< (places & 63)
            // SAFETY: word < 8, inside the line.
            if unsafe line[word].load(ordering: .relaxed) & bit == 0 {
                unsafe line[word].bitwiseOr(bit, ordering: .relaxed)
                isNew = true
            }
            places >>= 6
        }
        return isNew
    }

    /// Forgets everything. A key that is inserted meanwhile may be forgotten, too.
    package func clear() {
        for index in 0..<(sizing.lineCount * BloomSizing.wordsPerLine) {
            // SAFETY: inside the allocation.
            unsafe words[index].store(0, ordering: .relaxed)
        }
    }

    /// The share of bits that are set. Complexity: O(bits).
    package var fill: Double {
        var set = 0
        for index in 0..<(sizing.lineCount * BloomSizing.wordsPerLine) {
            // SAFETY: inside the allocation.
            set += unsafe words[index].load(ordering: .relaxed).nonzeroBitCount
        }
        return Double(set) / Double(sizing.lineCount * BloomSizing.bitsPerLine)
    }
}
