// SPDX-License-Identifier: Apache-2.0

internal import Glibc

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

/// The numbers of `twoClass`, chosen by `bench-eviction`.
package final class EvictionTuning: @unchecked Sendable {
    package var warmShare = 0.25
    package var sampleSize = 32
    package var samplePart = 4
    package var warmPart = 4
    package var visits = 4096
    package var sizeExponent = 0.5
    package var warmSizeExponent = 0.0
    package var costExponent = 0.25
    package var generationShare = 0.5
    package var agesByHot = false
    package var unusedAge = 1.0
    package var ghostGenerations = 2
    package var unusedWeight = 0.0
    package var staleWeight = 0.0
    package var staleFloor = 0.0
    package var three = false
    package var unusedShare = 0.25
    package var onceShare = 0.05
    package var adapt = 0.0
    package var minShare = 0.03
    package var unified = false
    package var m0 = 1.0
    package var m1 = 1.0
    package var a0 = 1.0
    package var a1 = 1.0
    package var a2 = 0.5
    package var countExponent = 1.0
    package var ghostCounts = false
    package var ghostFactor = 1.0
    package var ghostDecayEvery = 100
    package var onceAge = 1.0
    package var idleExponent = 0.0
    package var bias = 1.0
    package var high: Double?
    package var low: Double?

    package static let standard = EvictionTuning()
    package init() {}
}

/// Who leaves memory first. Values only: the same code runs in the keeper and in a simulator.
package enum EvictionPolicy: String, Sendable, CaseIterable {
    /// Warm entries leave in the order of birth, hot ones by decayed frequency, cost and size; which of the two has to
    /// give depends on the share of warm. A scan passes through warm and leaves hot alone. The default.
    case twoClass = "two-class"
    /// The classic baseline: seconds since last use minus ten times the use count, the highest leaves first. Size,
    /// cost and class play no role, and a scan flushes what was used less than its length ago.
    case ageFrequency = "age-frequency"

    /// Warm may take this share of the bytes before hot has to give: a quarter (20 to 30 % are equal within noise).
    package static let warmShare = 0.25

    /// How often a use is counted until the keeper halves the count: a hit on a counted-out entry writes nothing.
    package var useLimit: Int {
        switch self {
        case .twoClass: 15
        case .ageFrequency: 255
        }
    }

    /// Whether a hit has to note the second of its use.
    package var tracksLastUse: Bool { self == .ageFrequency }

    /// What is noted of the uses of an entry that comes in: see `UseWord`.
    package func initialUse(_ arrival: TileArrival, ghost: Int?, generation: UInt16, _ t: EvictionTuning) -> UInt16 {
        if t.ghostCounts {
            let before = ghost ?? 0
            let count = min(before + (arrival == .speculative ? 0 : 1), useLimit)
            return UseWord(count: UInt16(count), isHot: count >= 2, generation: generation).bits
        }
        let isGhost = ghost != nil && arrival == .requested
        return initialUse(arrival, isGhost: isGhost, generation: generation)
    }
    package func initialUse(_ arrival: TileArrival, isGhost: Bool, generation: UInt16) -> UInt16 {
        switch arrival {
        case .requested: UseWord(count: isGhost ? 2 : 1, isHot: isGhost, generation: generation).bits
        case .speculative: UseWord(count: 0, isHot: false, generation: generation).bits
        case .restored: UseWord(count: 2, isHot: true, generation: generation).bits
        }
    }

    /// Whether counts are halved as entries are passed over.
    package var halvesCounts: Bool { self == .twoClass }

    /// Whether warm and hot are told apart at all.
    package var hasClasses: Bool { self == .twoClass }

    /// Whether the next to leave should be warm, by the bytes of both classes.
    package func takesWarm(warmBytes: Int, hotBytes: Int, _ tuning: EvictionTuning = .standard, unused: Double = 0) -> Bool {
        guard hasClasses, hotBytes > 0 else { return true }
        return Double(warmBytes) > (tuning.warmShare + tuning.unusedWeight * unused) * Double(warmBytes + hotBytes)
    }

    /// The worth of staying: the lowest score leaves first. Pure. Scores of hot and warm entries are not compared under
    /// `twoClass`.
    package func evictionScore(_ entry: EvictionEntry, _ tuning: EvictionTuning = .standard) -> Double {
        switch self {
        case .ageFrequency:
            return -(Double(entry.idle / 1000) - 10 * Double(entry.useCount))
        case .twoClass:
            let size = Double(max(entry.bytes, 1))
            if tuning.unified {
                let age = Double(entry.idle) / 1000 + 1
                let value: Double
                if !entry.isHot {
                    value = entry.useCount == 0 ? tuning.m0 * power(age, -tuning.a0) : tuning.m1 * power(age, -tuning.a1)
                } else {
                    value = power(age, -tuning.a2) * power(Double(entry.useCount) + tuning.bias, tuning.countExponent)
                }
                return value * power(size, -tuning.sizeExponent)
            }
            guard entry.isHot else {
                let age = Double(entry.age) * (entry.useCount == 0 ? tuning.unusedAge : tuning.onceAge)
                return tuning.warmSizeExponent == 0 ? -age : -age * power(size, tuning.warmSizeExponent)
            }
            let cost = Double(min(max(entry.cost, 100), 1_000_000))
            let recency = tuning.idleExponent == 0 ? 1 : power(Double(entry.idle) / 1000 + 1, -tuning.idleExponent)
            return recency * (Double(entry.useCount) + tuning.bias) * power(cost, tuning.costExponent)
                / power(size, tuning.sizeExponent)
        }
    }

    private func power(_ base: Double, _ exponent: Double) -> Double {
        exponent == 0.5 ? base.squareRoot() : exponent == 0 ? 1 : pow(base, exponent)
    }
}

/// The use word as a simulator of the cache sees it: the same transitions that readers and the keeper make.
extension EvictionPolicy {
    package static func isHot(_ use: UInt16) -> Bool { UseWord(bits: use).isHot }
    package static func count(_ use: UInt16) -> Int { Int(UseWord(bits: use).count) }
    /// One use more, unless it is counted out.
    package func counted(_ use: UInt16) -> UInt16 {
        UseWord(bits: use).count < useLimit ? UseWord(bits: use).incremented.bits : use
    }
    /// The count halved as of a generation, once in it.
    package static func halved(_ use: UInt16, generation: UInt16) -> UInt16 {
        let word = UseWord(bits: use)
        guard word.isHot, word.count > 0, word.generation != generation & 0x3F, !word.isUnlinked else { return use }
        return word.halved(in: generation).bits
    }
}
