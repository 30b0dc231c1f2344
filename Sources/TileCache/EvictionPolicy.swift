// SPDX-License-Identifier: Apache-2.0

/// What the keeper knows of an entry when it decides who leaves. Times in milliseconds.
package struct EvictionEntry: Sendable {
    /// Requests lately: halved from time to time, and limited by the policy.
    package var useCount: Int
    /// Whether any of them came since it was inserted.
    package var isAsked: Bool
    /// What leaving frees.
    package var bytes: Int
    /// What it took to make, in microseconds.
    package var cost: Int
    /// Since the last use that was noted, or since it was inserted.
    package var idle: Int

    package init(useCount: Int, isAsked: Bool, bytes: Int, cost: Int, idle: Int) {
        self.useCount = useCount
        self.isAsked = isAsked
        self.bytes = bytes
        self.cost = cost
        self.idle = idle
    }
}

/// Who leaves memory first. Values only: the same code runs in the keeper and in `bench-eviction`.
package enum EvictionPolicy: String, Sendable, CaseIterable {
    /// Who will be asked for least leaves: by how often the likes of it, in uses and in time since the last, are asked for
    /// in this cache (`ReuseTable` learns it), times cost, over size. What comes back after it was dropped goes on counting
    /// where it was. The likes of what a scan brings in are asked for by nobody, so it leaves first. The default.
    case hitDensity = "hit-density"
    /// The classic baseline: seconds since last use minus ten times the use count, the highest leaves first. Size,
    /// cost and class play no role, and a scan flushes what was used less than its length ago.
    case ageFrequency = "age-frequency"

    /// How often a use is counted until the keeper halves the count: a hit on a counted-out entry writes nothing.
    package var useLimit: Int {
        switch self {
        case .hitDensity: 15
        case .ageFrequency: 255
        }
    }

    /// Whether every hit has to note the second of its use. Otherwise those do that are counted.
    package var tracksLastUse: Bool { self == .ageFrequency }

    /// Whether uses are learned from, counts fade, and the dropped are remembered.
    package var learns: Bool { self == .hitDensity }

    /// The worth of staying: the lowest score leaves first. Pure.
    ///
    /// - Parameters:
    ///   - density: the uses to be expected (`ReuseTable.density`).
    ///   - isByNumber: whether room is missing for entries, not for bytes; then size plays no role.
    package func evictionScore(_ entry: EvictionEntry, density: Double, isByNumber: Bool = false) -> Double {
        switch self {
        case .ageFrequency:
            return -(Double(entry.idle / 1000) - 10 * Double(entry.useCount))
        case .hitDensity:
            // By its fourth root, and clamped, because it is measured on a busy machine.
            let cost = Double(min(max(entry.cost, 100), 1_000_000)).squareRoot().squareRoot()
            if isByNumber { return density * cost }
            // The size to 3/4: per byte, small tiles would outlive large ones of the same cell, and those are of tissue, which is
            // looked at more.
            let root = Double(max(entry.bytes, 1)).squareRoot()
            return density * cost / (root * root.squareRoot())
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
            case .requested: min(before + 1, useLimit)
            // Below the limit, so that its first use is noted.
            case .speculative: min(before, useLimit - 1)
            case .restored: min(max(before, 2), useLimit - 1)
            }
        let isAsked = arrival == .requested
        return UseWord(count: UInt16(count), isHot: count >= 2, isAsked: isAsked, generation: generation).bits
    }

    /// One use more, unless it is counted out.
    package func counted(_ use: UInt16) -> UInt16 {
        let word = UseWord(bits: use)
        return word.count < useLimit && !word.isUnlinked ? word.incremented.bits : use
    }

    /// What the hand leaves of an entry's count as it passes: half as of a new generation; and one below the limit, so that one
    /// hit more is noted for each turn of the hand. What was asked for once stays so.
    package func faded(_ use: UInt16, generation: UInt16) -> UInt16 {
        let word = UseWord(bits: use)
        guard learns, !word.isUnlinked else { return use }
        if word.generation != generation & 0x1F && word.count > 1 { return word.halved(in: generation).bits }
        return Int(word.count) >= useLimit ? word.bits - 1 : use
    }

    /// The cell of the reuse table that a use, or a look, falls into.
    package static func cell(_ use: UInt16, idle: Int) -> Int {
        let word = UseWord(bits: use)
        return ReuseTable.cell(uses: Int(word.count), isAsked: word.isAsked, idle: idle)
    }

    /// Whether a use word is that of a hot entry.
    package static func isHot(_ use: UInt16) -> Bool { UseWord(bits: use).isHot }

    /// Whether a use word is that of an entry that was asked for since it came in.
    package static func isAsked(_ use: UInt16) -> Bool { UseWord(bits: use).isAsked }

    /// The uses that a use word counts.
    package static func count(_ use: UInt16) -> Int { Int(UseWord(bits: use).count) }
}
