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

    /// Whether counts are halved as entries are passed over.
    package var halvesCounts: Bool { self == .twoClass }

    /// Whether warm and hot are told apart at all.
    package var hasClasses: Bool { self == .twoClass }

    /// Whether the next to leave should be warm, by the bytes of both classes.
    package func takesWarm(warmBytes: Int, hotBytes: Int) -> Bool {
        guard hasClasses, hotBytes > 0 else { return true }
        return Double(warmBytes) > Self.warmShare * Double(warmBytes + hotBytes)
    }

    /// The worth of staying: the lowest score leaves first. Pure. Scores of hot and warm entries are not compared under
    /// `twoClass`.
    package func evictionScore(_ entry: EvictionEntry) -> Double {
        switch self {
        case .ageFrequency:
            return -(Double(entry.idle / 1000) - 10 * Double(entry.useCount))
        case .twoClass:
            // First in, first out.
            guard entry.isHot else { return -Double(entry.age) }
            // A use more, half the size or four times the cost are about equal at small counts. The cost's root, and
            // clamped, because it is measured on a busy machine; the size's root, because viewers wait for tiles, not
            // for bytes.
            let cost = Double(min(max(entry.cost, 100), 1_000_000))
            return (Double(entry.useCount) + 1) * cost.squareRoot().squareRoot()
                / Double(max(entry.bytes, 1)).squareRoot()
        }
    }
}
