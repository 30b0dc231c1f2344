// SPDX-License-Identifier: Apache-2.0

/// What the keeper knows of an entry when it decides who leaves. Times in milliseconds.
package struct EvictionEntry: Sendable {
    /// Asked for at least twice.
    package var isHot: Bool
    /// Requests lately: halved from time to time, and limited by the policy.
    package var useCount: Int
    /// What leaving frees.
    package var bytes: Int
    /// What it took to make, in microseconds.
    package var cost: Int
    /// Since it was inserted.
    package var age: Int
    /// Since the last use, to the second; only a policy that `tracksLastUse` may look at it.
    package var idle: Int

    package init(isHot: Bool, useCount: Int, bytes: Int, cost: Int, age: Int, idle: Int) {
        self.isHot = isHot
        self.useCount = useCount
        self.bytes = bytes
        self.cost = cost
        self.age = age
        self.idle = idle
    }
}

/// Who leaves memory first. Values only: the same code runs in the keeper and in `bench-eviction`.
package enum EvictionPolicy: String, Sendable, CaseIterable {
    /// Warm entries leave by age and size, those that nobody has asked for first; hot ones by decayed frequency, cost
    /// and size. Which of the two has to give depends on the share of warm, and what comes back soon after it was dropped
    /// goes on counting where it was. A scan passes through warm and leaves hot alone. The default.
    case twoClass = "two-class"
    /// The classic baseline: seconds since last use minus ten times the use count, the highest leaves first. Size,
    /// cost and class play no role, and a scan flushes what was used less than its length ago.
    case ageFrequency = "age-frequency"

    /// How often a use is counted until the keeper halves the count: a hit on a counted-out entry writes nothing.
    package var useLimit: Int {
        switch self {
        case .twoClass: 15
        case .ageFrequency: 255
        }
    }

    /// Whether a hit has to note the second of its use.
    package var tracksLastUse: Bool { self == .ageFrequency }

    /// Whether counts are halved as entries are passed over.
    package var halvesCounts: Bool { self == .twoClass }

    /// Whether warm and hot are told apart at all.
    package var hasClasses: Bool { self == .twoClass }

    /// Whether the next to leave should be warm, by the bytes of both classes and the share that warm may have.
    package func takesWarm(warmBytes: Int, hotBytes: Int, warmShare: Double) -> Bool {
        guard hasClasses, hotBytes > 0 else { return true }
        return Double(warmBytes) > warmShare * Double(warmBytes + hotBytes)
    }

    /// The worth of staying: the lowest score leaves first. Pure. Scores of hot and warm entries are not compared under
    /// `twoClass`.
    package func evictionScore(_ entry: EvictionEntry) -> Double {
        switch self {
        case .ageFrequency:
            return -(Double(entry.idle / 1000) - 10 * Double(entry.useCount))
        case .twoClass:
            let size = Double(max(entry.bytes, 1))
            guard entry.isHot else {
                // First in, first out, were it not for the size: ten small tiles stay rather than one that takes their
                // room. A sibling that nobody has asked for ages four times as fast as a tile that was asked for.
                let age = Double(max(entry.age, 1)) * (entry.useCount == 0 ? 4 : 1)
                return -age * size * size.squareRoot()
            }
            // Uses per root of the size: per byte, small tiles that nobody wants any more would outlive large ones that
            // are wanted, since a count is no more than fifteen. The half use keeps apart what is worth nothing by its
            // count. The cost by its fourth root, and clamped, because it is measured on a busy machine.
            let cost = Double(min(max(entry.cost, 100), 1_000_000))
            return (Double(entry.useCount) + 0.5) * cost.squareRoot().squareRoot() / size.squareRoot()
        }
    }
}

// MARK: Uses

/// The life of an entry's use word (see `UseWord`), as bits, so that a simulator makes the same transitions as readers,
/// inserters and the keeper.
extension EvictionPolicy {
    /// What is noted of an entry that comes in. `droppedUses` is the count with which it was dropped, where that was only
    /// lately (`GhostList.take`): it goes on from there, and is hot from the second use in both lives together.
    package func initialUse(_ arrival: TileArrival, droppedUses: Int?, generation: UInt16) -> UInt16 {
        let before = droppedUses ?? 0
        let count =
            switch arrival {
            case .requested: before + 1
            case .speculative: before
            case .restored: max(before, 2)
            }
        return UseWord(count: UInt16(min(count, useLimit)), isHot: count >= 2, generation: generation).bits
    }

    /// One use more, unless it is counted out.
    package func counted(_ use: UInt16) -> UInt16 {
        let word = UseWord(bits: use)
        return word.count < useLimit && !word.isUnlinked ? word.incremented.bits : use
    }

    /// The count of a hot entry halved as of a generation, unless that was done in it already.
    package static func halved(_ use: UInt16, generation: UInt16) -> UInt16 {
        let word = UseWord(bits: use)
        guard word.isHot, word.count > 0, word.generation != generation & 0x3F, !word.isUnlinked else { return use }
        return word.halved(in: generation).bits
    }

    /// Whether a use word is that of a hot entry.
    package static func isHot(_ use: UInt16) -> Bool { UseWord(bits: use).isHot }

    /// The uses that a use word counts.
    package static func count(_ use: UInt16) -> Int { Int(UseWord(bits: use).count) }
}
