// SPDX-License-Identifier: Apache-2.0

/// Where a round of eviction does its work: the cache's table, or a simulator's.
///
/// A round asks for a sample at a time, so the calls are few and need not be specialised.
package protocol EvictionGround {
    /// Bytes of the warm entries.
    var warmBytes: Int { get }
    /// Bytes of the hot entries.
    var hotBytes: Int { get }
    /// How often, ever, an entry that nobody had asked for was asked for the first time.
    var firstUses: Int { get }
    /// Places that one turn of the hand passes.
    var placeCount: Int { get }
    /// Begins a sample; candidates are valid until `sampleEnds()`, and may be offered again afterwards.
    mutating func sampleBegins()
    mutating func sampleEnds()
    /// Offers an entry that an earlier sample left, if it is still there.
    mutating func offerAgain(_ candidate: EvictionCandidate, to sample: inout EvictionSample)
    /// Moves the hand on and offers every entry that it passes, until the sample is full or a bounded number of places
    /// was passed. Returns how many were.
    mutating func collect(into sample: inout EvictionSample) -> Int
    /// Takes an entry out for want of room; returns its bytes, or nil where it has left meanwhile.
    mutating func evict(_ candidate: EvictionCandidate, generation: UInt16) -> Int?
    /// Halves an entry's use count as of a generation, unless that was done in it already.
    mutating func halve(_ candidate: EvictionCandidate, generation: UInt16)
}

/// An entry that may have to leave.
package struct EvictionCandidate: Sendable {
    /// The worth of staying.
    package let score: Double
    /// Where the ground finds it again, and how it knows that it is the same.
    package let place: Int
    package let word: UInt64
    fileprivate let isUnused: Bool
}

/// Entries of the class that has to give, scored.
package struct EvictionSample {
    private let policy: EvictionPolicy
    private let size: Int
    fileprivate var candidates: [EvictionCandidate] = []
    /// How many of the candidates an earlier sample left.
    fileprivate var keptCount = 0
    /// Whether warm entries are looked for, or hot ones.
    package fileprivate(set) var takesWarm = true

    fileprivate init(_ policy: EvictionPolicy, _ tuning: EvictionTuning) {
        self.policy = policy
        size = tuning.sampleSize
        // The last bucket or family may overshoot by some.
        candidates.reserveCapacity(tuning.sampleSize + tuning.keptSize + 8)
    }

    /// Whether the hand has gone far enough.
    package var isFull: Bool { candidates.count - keptCount >= size }

    /// Whether entries of a class are looked for.
    package func wants(isHot: Bool) -> Bool { !policy.hasClasses || isHot != takesWarm }

    /// Adds an entry that is wanted. `place` and `word` are the ground's.
    package mutating func offer(_ entry: EvictionEntry, place: Int, word: UInt64) {
        candidates.append(
            EvictionCandidate(
                score: policy.evictionScore(entry),
                place: place,
                word: word,
                isUnused: entry.useCount == 0 && !entry.isHot
            )
        )
    }

    fileprivate mutating func begin(takesWarm: Bool) {
        candidates.removeAll(keepingCapacity: true)
        keptCount = 0
        self.takesWarm = takesWarm
    }
}

/// The decisions of the keeper: which class gives, who of a sample leaves, when counts age. No memory, no clock, no
/// threads: the keeper and the simulator of `bench-eviction` run the same code.
///
/// *How.* The hand goes over the table in the order of the hash, so what it passes is random and every entry is visited
/// equally often. A sample is the next 16 entries of the class that has to give, and the 16 lowest that stayed of the
/// sample before (Redis keeps such a pool; it doubles what a visit is worth). A quarter of the warm ones from the hand, or
/// one in sixteen of the hot ones, leaves: the lowest of all 32. The others, if hot, have their counts halved, once per
/// generation.
///
/// *From where.* Two classes with ghosts follow 2Q (Johnson, Shasha, 1994) and S3-FIFO (Yang et al., 2023); uses per byte
/// is GDSF (Cherkasova, 1998) with decay in place of its clock; ghosts that remember the count stand in for TinyLFU's
/// sketch (Einziger, Friedman, Manes, 2017), which would have to be written on every hit.
///
/// *What it gives up.* A sample is no order: what leaves is among the lowest, not the lowest. Of the share of warm only the
/// siblings' part is learned, from how many of them are asked for; docs/decisions.md says what else was tried.
package struct EvictionRound {
    package let policy: EvictionPolicy
    package let tuning: EvictionTuning
    private let generationBytes: Int
    private var bytesSinceGeneration = 0
    private var sample: EvictionSample
    private var keptWarm: [EvictionCandidate] = []
    private var keptHot: [EvictionCandidate] = []
    /// Entries that came in without a request and lately were asked for, or were dropped before that: sums that fade
    /// with each sample of warm ones.
    private var siblingsUsed = 0.0
    private var siblingsDropped = 0.0
    private var firstUses = 0
    private static let fading = 1 - 1.0 / 128
    /// Counts how often a generation's bytes were evicted.
    package private(set) var generation: UInt16 = 0

    package init(policy: EvictionPolicy, budget: Int, tuning: EvictionTuning = EvictionTuning()) {
        self.policy = policy
        self.tuning = tuning
        generationBytes = Int(Double(budget) * tuning.generationBudgets)
        sample = EvictionSample(policy, tuning)
        keptWarm.reserveCapacity(tuning.keptSize)
        keptHot.reserveCapacity(tuning.keptSize)
    }

    /// The share of the bytes that warm may have now.
    package var warmShare: Double {
        let used = siblingsUsed / max(siblingsUsed + siblingsDropped, 1)
        return tuning.warmShare + tuning.siblingShare * min(used * tuning.siblingsPerUse, 1)
    }

    /// Evicts about so many bytes and entries; false where one turn of the hand found nothing to evict.
    ///
    /// `isUrgent`: somebody waits for room; less care is taken to find who is worth least.
    package mutating func evict(
        bytes: Int,
        entries: Int,
        isUrgent: Bool = false,
        from ground: inout some EvictionGround
    ) -> Bool {
        var evictedBytes = 0
        var evictedEntries = 0
        var fruitless = 0
        while evictedBytes < bytes || evictedEntries < entries {
            let takesWarm = policy.takesWarm(
                warmBytes: ground.warmBytes,
                hotBytes: ground.hotBytes,
                warmShare: warmShare
            )
            ground.sampleBegins()
            let passed = takeSample(takesWarm, &ground)
            let left = evictFromSample(isUrgent, &ground)
            ground.sampleEnds()
            evictedBytes += left.bytes
            evictedEntries += left.entries
            fruitless = left.entries > 0 ? 0 : fruitless + passed
            if fruitless > ground.placeCount { return evictedEntries > 0 }
        }
        return true
    }

    private mutating func takeSample(_ takesWarm: Bool, _ ground: inout some EvictionGround) -> Int {
        sample.begin(takesWarm: takesWarm)
        for candidate in takesWarm ? keptWarm : keptHot { ground.offerAgain(candidate, to: &sample) }
        sample.keptCount = sample.candidates.count
        let passed = ground.collect(into: &sample)
        if takesWarm {
            let uses = ground.firstUses
            siblingsUsed = (siblingsUsed + Double(uses - firstUses)) * Self.fading
            siblingsDropped *= Self.fading
            firstUses = uses
        }
        return passed
    }

    private mutating func evictFromSample(
        _ isUrgent: Bool,
        _ ground: inout some EvictionGround
    ) -> (bytes: Int, entries: Int) {
        guard !sample.candidates.isEmpty else { return (0, 0) }
        sample.candidates.sort { $0.score < $1.score }
        let part = isUrgent ? tuning.urgentPart : sample.takesWarm ? tuning.warmPart : tuning.hotPart
        let leaving = max((sample.candidates.count - sample.keptCount) / part, 1)
        var bytes = 0
        var entries = 0
        for candidate in sample.candidates.prefix(leaving) {
            guard let freed = ground.evict(candidate, generation: generation) else { continue }
            bytes += freed
            if candidate.isUnused { siblingsDropped += 1 }
            entries += 1
        }
        let staying = sample.candidates.dropFirst(leaving)
        if policy.halvesCounts && !sample.takesWarm {
            for candidate in staying { ground.halve(candidate, generation: generation) }
        }
        if sample.takesWarm {
            keptWarm.removeAll(keepingCapacity: true)
            keptWarm.append(contentsOf: staying.prefix(tuning.keptSize))
        } else {
            keptHot.removeAll(keepingCapacity: true)
            keptHot.append(contentsOf: staying.prefix(tuning.keptSize))
        }
        bytesSinceGeneration += bytes
        if bytesSinceGeneration > generationBytes {
            bytesSinceGeneration = 0
            generation &+= 1
        }
        return (bytes, entries)
    }
}
