// SPDX-License-Identifier: Apache-2.0

/// Where a round of eviction does its work: the cache's table, or a simulator's.
///
/// A round asks for a sample at a time, so the calls are few and need not be specialised.
package protocol EvictionGround {
    /// Bytes of the entries of each class.
    var warmBytes: Int { get }
    var unusedBytes: Int { get }
    var hotBytes: Int { get }
    /// Places that one turn of the hand passes.
    var placeCount: Int { get }
    /// Called around each sample: candidates are valid in between.
    mutating func sampleBegins()
    mutating func sampleEnds()
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
    /// Two words by which the ground finds it again.
    package let place: Int
    package let word: UInt64
}

/// The next entries of the class that has to give, scored.
package struct EvictionSample {
    private let policy: EvictionPolicy
    private let tuning: EvictionTuning
    package fileprivate(set) var takesWarm = true
    fileprivate var candidates: [EvictionCandidate] = []

    fileprivate init(_ policy: EvictionPolicy, _ tuning: EvictionTuning) {
        self.policy = policy
        self.tuning = tuning
        size = tuning.sampleSize
        candidates.reserveCapacity(tuning.sampleSize + 8)
    }

    package var isFull: Bool { candidates.count >= size }
    private let size: Int

    /// Whether entries of a class are looked for.
    fileprivate var unused = 0
    fileprivate var wanted = 0
    package func wants(isHot: Bool, count: Int) -> Bool {
        if tuning.three { return wanted == (isHot ? 2 : count == 0 ? 0 : 1) }
        return wants(isHot: isHot)
    }
    package func wants(isHot: Bool) -> Bool { !policy.hasClasses || tuning.unified || isHot != takesWarm }

    package mutating func offer(_ entry: EvictionEntry, place: Int, word: UInt64) {
        if entry.useCount == 0 { unused += 1 }
        candidates.append(
            EvictionCandidate(score: policy.evictionScore(entry, tuning), place: place, word: word)
        )
    }
}

/// The decisions of the keeper: which class gives, who of a sample leaves, when counts age. No memory, no clock, no
/// threads: the keeper and the simulator of `bench-eviction` run the same code.
///
/// A sample is the next 32 entries of the class that has to give, in the order of the hash, so it is random and every
/// entry is visited equally often. The part of it with the lowest scores leaves; the others have their counts halved,
/// once per generation.
package struct EvictionRound {
    package let policy: EvictionPolicy
    package let tuning: EvictionTuning
    private let generationBytes: Int
    private var bytesSinceGeneration = 0
    private var sample: EvictionSample
    /// Counts how often so many bytes were evicted as a generation has.
    package private(set) var generation: UInt16 = 0

    package init(policy: EvictionPolicy, budget: Int, tuning: EvictionTuning = .standard) {
        self.policy = policy
        self.tuning = tuning
        generationBytes = Int(Double(budget) * tuning.generationShare)
        sample = EvictionSample(policy, tuning)
        shares = [tuning.unusedShare, tuning.onceShare, 1 - tuning.unusedShare - tuning.onceShare]
    }

    /// Evicts about so many bytes and entries; false where one turn of the hand found nothing to evict.
    package mutating func evict(bytes: Int, entries: Int = 0, from ground: inout some EvictionGround) -> Bool {
        var evictedBytes = 0
        var evictedEntries = 0
        var fruitless = 0
        while evictedBytes < bytes || evictedEntries < entries {
            let warm = ground.warmBytes
            let hot = ground.hotBytes
            sample.unused = 0
            sample.takesWarm = policy.takesWarm(warmBytes: warm, hotBytes: hot, tuning, unused: unusedPart + tuning.staleWeight / tuning.unusedWeight * max(stalePart - tuning.staleFloor, 0))
            if tuning.three {
                let sizes = [Double(ground.unusedBytes), Double(warm - ground.unusedBytes), Double(hot)]
                var best = 0
                for c in 1..<3 where sizes[c] * shares[best] > sizes[best] * shares[c] { best = c }
                sample.wanted = best
                sample.takesWarm = best != 2
            }
            ground.sampleBegins()
            let passed = ground.collect(into: &sample)
            let left = evictFromSample(&ground)
            ground.sampleEnds()
            evictedBytes += left.bytes
            evictedEntries += left.entries
            fruitless = left.entries > 0 ? 0 : fruitless + passed
            if fruitless > ground.placeCount { return evictedEntries > 0 }
        }
        return true
    }

    private var unusedPart = 0.5
    package private(set) var stalePart = 0.0
    private var shares = [0.25, 0.05, 0.7]
    private var dropped = [0.0, 0.0, 0.0]
    private var regret = [0.0, 0.0, 0.0]
    private var sinceAdapt = 0

    /// A requested miss was dropped with so many uses.
    package mutating func missed(uses: Int, weight: Double) { regret[min(uses, 2)] += weight }

    package var shareText: String { shares.map { String(Int($0 * 100)) }.joined(separator: "/") }

    private mutating func adapt(_ bytes: Int) {
        sinceAdapt += bytes
        guard sinceAdapt > generationBytes / 8 else { return }
        sinceAdapt = 0
        var density = [0.0, 0.0, 0.0]
        for c in 0..<3 { density[c] = dropped[c] > Double(generationBytes) / 50 ? regret[c] / dropped[c] : -1 }
        let known = density.indices.filter { density[$0] >= 0 }
        if known.count > 1 {
            let up = known.max { density[$0] < density[$1] }!
            let down = known.min { density[$0] < density[$1] }!
            if density[up] > density[down] * 1.2 {
                let step = min(tuning.adapt, shares[down] - tuning.minShare)
                shares[up] += step
                shares[down] -= step
            }
        }
        // What never has to give may give a little, to be known.
        for c in 0..<3 where density[c] < 0 && shares[c] > tuning.minShare + 0.1 {
            shares[c] -= tuning.adapt / 4
            for o in 0..<3 where o != c { shares[o] += tuning.adapt / 8 }
        }
        for c in 0..<3 { dropped[c] *= 0.8; regret[c] *= 0.8 }
    }

    private mutating func evictFromSample(_ ground: inout some EvictionGround) -> (bytes: Int, entries: Int) {
        defer { sample.candidates.removeAll(keepingCapacity: true) }
        guard !sample.candidates.isEmpty else { return (0, 0) }
        sample.candidates.sort { $0.score < $1.score }
        let leaving = max(sample.candidates.count / (sample.takesWarm ? tuning.warmPart : tuning.samplePart), 1)
        var bytes = 0
        var entries = 0
        for candidate in sample.candidates.prefix(leaving) {
            guard let freed = ground.evict(candidate, generation: generation) else { continue }
            bytes += freed
            entries += 1
        }
        if policy.halvesCounts && (tuning.unified || !sample.takesWarm) {
            for candidate in sample.candidates.dropFirst(leaving) { ground.halve(candidate, generation: generation) }
        }
        if sample.takesWarm {
            unusedPart += (Double(sample.unused) / Double(sample.candidates.count) - unusedPart) * 0.05
        } else {
            stalePart += (Double(sample.unused) / Double(sample.candidates.count) - stalePart) * 0.05
        }
        dropped[sample.wanted] += Double(bytes)
        if tuning.adapt > 0 && tuning.three { adapt(bytes) }
        if !tuning.agesByHot || !sample.takesWarm { bytesSinceGeneration += bytes }
        if bytesSinceGeneration > generationBytes {
            bytesSinceGeneration = 0
            generation &+= 1
        }
        return (bytes, entries)
    }
}
