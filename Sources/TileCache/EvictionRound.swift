// SPDX-License-Identifier: Apache-2.0

/// Where a round of eviction does its work: the cache's table, or a simulator's.
///
/// A round asks for a sample at a time, so the calls are few and need not be specialised.
package protocol EvictionGround {
    var entryCount: Int { get }
    /// The clock that uses are timed by: milliseconds and `turns`; wraps.
    var now: UInt32 { get }
    /// What the clock of uses is ahead of the time: the round moves it on as entries leave (`EvictionTuning.turnTicks`).
    var turns: UInt32 { get set }
    /// How often, ever, entries were used, by the cells of `ReuseTable`.
    var usesEver: [Int] { get }
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
    /// Lets an entry's count fade (`EvictionPolicy.faded`): the hand has passed it.
    mutating func fade(_ candidate: EvictionCandidate, generation: UInt16)
}

/// An entry that may have to leave.
package struct EvictionCandidate: Sendable {
    /// The worth of staying.
    package let score: Double
    /// Where the ground finds it again, and how it knows that it is the same.
    package let place: Int
    package let word: UInt64
}

/// Entries, scored.
package struct EvictionSample {
    private let policy: EvictionPolicy
    private let size: Int
    fileprivate var reuse = ReuseTable()
    fileprivate var candidates: [EvictionCandidate] = []
    /// How many of the candidates an earlier sample left; nil while they are offered.
    fileprivate var keptCount: Int?
    private var isByNumber = false

    fileprivate init(_ policy: EvictionPolicy, _ tuning: EvictionTuning) {
        self.policy = policy
        size = tuning.sampleSize
        // The last bucket or family may overshoot by some.
        candidates.reserveCapacity(tuning.sampleSize + tuning.keptSize + 8)
    }

    /// How many come from the hand.
    fileprivate var freshCount: Int { candidates.count - (keptCount ?? 0) }

    /// Whether the hand has gone far enough.
    package var isFull: Bool { freshCount >= size }

    /// Adds an entry. `place` and `word` are the ground's.
    package mutating func offer(_ entry: EvictionEntry, place: Int, word: UInt64) {
        var density = 0.0
        if policy.learns {
            let cell = ReuseTable.cell(uses: entry.useCount, isAsked: entry.isAsked, idle: entry.idle)
            if keptCount != nil { reuse.visited(cell) }
            density = reuse.density(cell)
        }
        let score = policy.evictionScore(entry, density: density, isByNumber: isByNumber)
        candidates.append(EvictionCandidate(score: score, place: place, word: word))
    }

    fileprivate mutating func begin(isByNumber: Bool) {
        candidates.removeAll(keepingCapacity: true)
        keptCount = nil
        self.isByNumber = isByNumber
    }
}

/// The decisions of the keeper: who of a sample leaves, when counts age, when lessons are drawn. No memory, no clock, no
/// threads: the keeper and the simulator of `bench-eviction` run the same code.
///
/// *How.* The hand goes over the table in the order of the hash, so what it passes is random and every entry is visited
/// equally often. A sample is the next 16 entries, and the 16 lowest that stayed of the sample before (Redis keeps such a
/// pool; it doubles what a visit is worth). One in sixteen of those from the hand leaves: the lowest of all 32. The others have
/// their counts halved, once per generation.
///
/// *By which clock.* What is new competes with what comes in next, and in a small cache that is the rest of the same screen: within a
/// millisecond of the clock several families can flush it. So a turnover of the cache moves the clock of uses on by a second, as
/// time does: who has seen half the cache leave is old, whatever the clock says.
///
/// *From where.* Sampling with a learned density of hits is LHD (see `ReuseTable`); uses over size is GDSF (Cherkasova, 1998)
/// with decay in place of its clock; ghosts that remember the count stand in for TinyLFU's sketch (Einziger, Friedman,
/// Manes, 2017), which would have to be written on every hit.
///
/// *What it gives up.* A sample is no order: what leaves is among the lowest, not the lowest. What an entry would have been
/// worth at an age that none of its likes reaches is guessed from younger ones; docs/decisions.md says what else was tried.
package struct EvictionRound {
    package let policy: EvictionPolicy
    package let tuning: EvictionTuning
    private let generationBytes: Int
    private var bytesSinceGeneration = 0
    private let bytesPerTick: Int
    private var bytesSinceTick = 0
    private var entriesSinceLesson = 0
    private var sample: EvictionSample
    private var kept: [EvictionCandidate] = []
    /// Counts how often a generation's bytes were evicted.
    package private(set) var generation: UInt16 = 0

    package init(policy: EvictionPolicy, budget: Int, tuning: EvictionTuning = EvictionTuning()) {
        self.policy = policy
        self.tuning = tuning
        generationBytes = Int(Double(budget) * tuning.generationBudgets)
        bytesPerTick = max(budget / max(tuning.turnTicks, 1), 1)
        sample = EvictionSample(policy, tuning)
        kept.reserveCapacity(tuning.keptSize)
    }

    /// What the round has learned.
    package var reuse: ReuseTable { sample.reuse }

    /// Evicts about so many bytes and entries; false where one turn of the hand found nothing to evict.
    ///
    /// `isUrgent`: somebody waits for room; less care is taken to find who is worth least.
    package mutating func evict(
        bytes: Int,
        entries: Int,
        isUrgent: Bool = false,
        from ground: inout some EvictionGround
    ) -> Bool {
        if policy.learns { sample.reuse.timePassed(ground.now, entries: ground.entryCount) }
        defer { learn(from: ground) }
        var evictedBytes = 0
        var evictedEntries = 0
        var fruitless = 0
        while evictedBytes < bytes || evictedEntries < entries {
            ground.sampleBegins()
            let passed = takeSample(isByNumber: evictedBytes >= bytes, &ground)
            let left = evictFromSample(isUrgent, &ground)
            ground.sampleEnds()
            evictedBytes += left.bytes
            evictedEntries += left.entries
            fruitless = left.entries > 0 ? 0 : fruitless + passed
            if fruitless > ground.placeCount { return evictedEntries > 0 }
        }
        return true
    }

    private mutating func takeSample(isByNumber: Bool, _ ground: inout some EvictionGround) -> Int {
        sample.begin(isByNumber: isByNumber)
        for candidate in kept { ground.offerAgain(candidate, to: &sample) }
        sample.keptCount = sample.candidates.count
        return ground.collect(into: &sample)
    }

    private mutating func evictFromSample(
        _ isUrgent: Bool,
        _ ground: inout some EvictionGround
    ) -> (bytes: Int, entries: Int) {
        guard !sample.candidates.isEmpty else { return (0, 0) }
        sample.candidates.sort { $0.score < $1.score }
        let leaving = max(sample.freshCount / (isUrgent ? tuning.urgentPart : tuning.part), 1)
        var bytes = 0
        var entries = 0
        for candidate in sample.candidates.prefix(leaving) {
            guard let freed = ground.evict(candidate, generation: generation) else { continue }
            bytes += freed
            entries += 1
        }
        let staying = sample.candidates.dropFirst(leaving)
        if policy.learns {
            for candidate in staying { ground.fade(candidate, generation: generation) }
            bytesSinceTick += bytes
            ground.turns &+= UInt32(truncatingIfNeeded: bytesSinceTick / bytesPerTick)
            bytesSinceTick %= bytesPerTick
        }
        kept.removeAll(keepingCapacity: true)
        kept.append(contentsOf: staying.prefix(tuning.keptSize))
        entriesSinceLesson += entries
        bytesSinceGeneration += bytes
        if bytesSinceGeneration > generationBytes {
            bytesSinceGeneration = 0
            generation &+= 1
        }
        return (bytes, entries)
    }

    private mutating func learn(from ground: some EvictionGround) {
        let enough = max(Int(Double(ground.entryCount) * tuning.lessonShare), tuning.lessonEntries)
        guard policy.learns, entriesSinceLesson >= enough else { return }
        entriesSinceLesson = 0
        sample.reuse.learn(usesEver: ground.usesEver)
    }
}
