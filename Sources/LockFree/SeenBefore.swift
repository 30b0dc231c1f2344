// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Remembers which keys were seen lately, in a fixed number of bits: the memory of a rule such as "only what is asked
/// for a second time is written to disk".
///
/// Two generations of a `BloomFilter`: keys are noted in the younger one and looked for in both. Once the younger one
/// has taken `keysPerGeneration` new keys (or when `rotate` is called, for a bound by time) the older one is emptied
/// and becomes the younger. So a key is remembered for at least one whole generation and forgotten after two, and the
/// rate of false memories stays bounded however long the process lives.
///
/// Any thread; nothing waits. A key that is noted while its generation ends may be remembered for a shorter time. Two
/// threads that see a new key at once may both be told that it is new.
package final class SeenBefore: Sendable {
    private let even: BloomFilter
    private let odd: BloomFilter
    /// The generations that have ended; its lowest bit says which filter is the younger.
    private let generation = Atomic<Int>(0)
    /// New keys of this generation, counted by every 64th of them, so that threads seldom write it.
    private let newKeys = Atomic<Int>(0)
    private let isRotating = Atomic<Bool>(false)
    private let keysPerGeneration: Int

    /// - Parameters:
    ///   - keysPerGeneration: at least 1. Memory: two filters for so many.
    ///   - rate: false memories that are tolerated at the end of a generation, in each of the two filters.
    package init(keysPerGeneration: Int, falsePositives rate: Double = 0.001) {
        precondition(keysPerGeneration > 0, "a memory of \(keysPerGeneration) keys")
        // The end of a generation is noticed in steps of 64 keys that are drawn by hash.
        let sizing = BloomSizing(keys: keysPerGeneration + 256, falsePositives: rate)
        even = BloomFilter(sizing)
        odd = BloomFilter(sizing)
        self.keysPerGeneration = keysPerGeneration
    }

    /// The memory of both filters.
    package var byteCount: Int { 2 * even.sizing.byteCount }

    /// How many generations have ended.
    package var rotations: Int { generation.load(ordering: .relaxed) }

    /// Whether the key was seen in this generation or the one before; it is remembered from now on.
    ///
    /// - Parameter hash: 64 well mixed bits.
    package func witness(_ hash: UInt64) -> Bool {
        // ORDERING: pairs with the store in `rotate`: what is inserted into the filter that the number names comes
        // after its emptying.
        let current = generation.load(ordering: .acquiring)
        guard insert(hash, intoYoungerOf: current) else { return true }
        let wasKnown = older(current, contains: hash)
        if hash & 63 == 0, newKeys.wrappingAdd(64, ordering: .relaxed).newValue >= keysPerGeneration { rotate() }
        return wasKnown
    }

    /// Whether the key was seen; nothing is remembered.
    package func hasSeen(_ hash: UInt64) -> Bool {
        // ORDERING: as in `witness`, pairs with the store in `rotate`.
        let current = generation.load(ordering: .acquiring)
        return older(current &+ 1, contains: hash) || older(current, contains: hash)
    }

    /// Begins a new generation; the older one is forgotten. One thread does it, others that come meanwhile go on.
    package func rotate() {
        // ORDERING: pairs with the store below of the rotation before: its emptying and its number happened before.
        guard isRotating.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else { return }
        let current = generation.load(ordering: .relaxed)
        if current & 1 == 0 { odd.clear() } else { even.clear() }
        newKeys.store(0, ordering: .relaxed)
        // ORDERING: pairs with the loads in `witness` and `hasSeen`: who sees the number sees the empty filter.
        generation.store(current &+ 1, ordering: .releasing)
        // ORDERING: pairs with the exchange above.
        isRotating.store(false, ordering: .releasing)
    }

    // No filter is handed from one function to another: counting who uses it would be the shared counter that the bits do without.

    private func insert(_ hash: UInt64, intoYoungerOf generation: Int) -> Bool {
        generation & 1 == 0 ? even.insert(hash) : odd.insert(hash)
    }

    private func older(_ generation: Int, contains hash: UInt64) -> Bool {
        generation & 1 == 0 ? odd.contains(hash) : even.contains(hash)
    }
}
