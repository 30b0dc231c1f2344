// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How likely an entry is to be asked for, by what is known of it: learned, by the keeper alone.
///
/// Entries fall into cells by how often they were asked for, whether that was since they came in, and how long ago they
/// were last asked for (or came in). Of each cell two sums are kept: uses of entries that were in it, and the time that entries
/// spent in it, of which the keeper's hand sees a random part. One over the other is the rate of uses at that age. What
/// counts is the best mean rate over any time from there on: a sibling that nobody has asked for is worth much while the
/// viewer that brought it still loads, and little a moment later; a tile of a scan is worth nothing from the start, because none of
/// its kind is asked for.
///
/// *From where.* Hit density by age and class is LHD (Beckmann, Chen, Cidon, NSDI 2018); the best rate over any time is
/// Gittins' index; ranking by rates is what bounds caches that do not know the future (Panigrahy, Nain et al., 2022).
package struct ReuseTable {
    /// Classes of entries: six asked for since they came in, six not.
    package static let classCount = 12
    /// Ages double: below 1 ms, below 2 ms, ... and from 9 hours on.
    package static let ageCount = 27
    package static let cellCount = classCount * ageCount

    /// Uses, and entries times milliseconds, that fade.
    private var uses = [Double](repeating: 0, count: Self.cellCount)
    private var spent = [Double](repeating: 0, count: Self.cellCount)
    /// What had been used ever when that was last looked at.
    private var seen = [Int](repeating: 0, count: Self.cellCount)
    /// Entries that the hand has passed since the clock last moved, by cell.
    private var visits = [Int32](repeating: 0, count: Self.cellCount)
    private var visitCount = 0
    private var visitTime: UInt32?
    private var densities: [Double]

    /// Uses that are taken as seen before there were any.
    private static let prior = 4.0
    /// Uses below which nothing is learned.
    private static let leastUses = 50.0
    /// What stays of the sums each time.
    private static let fading = 0.9

    package init() {
        // What is thought of entries at first: the more uses, and the more lately, the better.
        densities = (0..<Self.cellCount).map { cell in
            let level = cell / Self.ageCount
            let rank = level == 0 ? 0.3 : level > 6 ? Double(level - 6) * 0.7 : Double(level)
            return rank / (Self.start(ofAge: cell % Self.ageCount) + 2000)
        }
    }

    /// The cell of an entry: how often it was asked for, whether since it came in, and milliseconds since.
    package static func cell(uses: Int, isAsked: Bool, idle: Int) -> Int {
        let level =
            switch uses {
            case ...0: 0
            case 1: 1
            case 2: 2
            case ...4: 3
            case ...8: 4
            case ...12: 5
            default: 6
            }
        let row = isAsked || level == 0 ? level : 6 + min(level, 5)
        let age = idle <= 0 ? 0 : min(Int.bitWidth - idle.leadingZeroBitCount, ageCount - 1)
        return row * ageCount + age
    }

    /// The first millisecond of an age.
    private static func start(ofAge age: Int) -> Double { age == 0 ? 0 : Double(1 << (age - 1)) }

    private static func length(ofAge age: Int) -> Double { start(ofAge: age + 1) - start(ofAge: age) }

    /// Uses to be expected per millisecond in the cache.
    package func density(_ cell: Int) -> Double { densities[cell] }

    /// The hand has passed an entry.
    mutating func visited(_ cell: Int) {
        visits[cell] += 1
        visitCount += 1
    }

    /// Tells the time. What the hand has passed since the clock last moved stands for all entries from then to now.
    mutating func timePassed(_ now: UInt32, entries: Int) {
        guard let since = visitTime else {
            visitTime = now
            return
        }
        let elapsed = KeeperRound.elapsed(since, now)
        guard elapsed > 0, visitCount > 0 else { return }
        let weight = Double(elapsed) * Double(entries) / Double(visitCount)
        for cell in 0..<Self.cellCount where visits[cell] > 0 {
            spent[cell] += Double(visits[cell]) * weight
            visits[cell] = 0
        }
        visitCount = 0
        visitTime = now
    }

    /// Takes in what was used, by cell, ever; and says anew what is worth what.
    ///
    /// Complexity: O(classes times ages squared), a tenth of a millisecond.
    mutating func learn(usesEver: [Int]) {
        for cell in 0..<Self.cellCount {
            // Less than before: a thread's count has wrapped.
            uses[cell] += Double(max(usesEver[cell] - seen[cell], 0))
            seen[cell] = usesEver[cell]
        }
        let allUses = uses.reduce(0, +)
        let allSpent = spent.reduce(0, +)
        guard allUses >= Self.leastUses, allSpent > 0 else { return }
        for row in 0..<Self.classCount { rate(row, mean: allUses / allSpent) }
        for cell in 0..<Self.cellCount {
            uses[cell] *= Self.fading
            spent[cell] *= Self.fading
        }
    }

    private mutating func rate(_ row: Int, mean: Double) {
        let cells = row * Self.ageCount..<(row + 1) * Self.ageCount
        // What was seldom seen is taken for like what is a little younger: it then stays, and is seen.
        var expected = (uses[cells].reduce(0, +) + Self.prior) / (spent[cells].reduce(0, +) + Self.prior / mean)
        let rates = cells.map { cell in
            expected = (uses[cell] + Self.prior) / (spent[cell] + Self.prior / expected)
            return expected
        }
        for age in 0..<Self.ageCount {
            var unused = 1.0
            var hits = 0.0
            var time = 0.0
            var best = 0.0
            for later in age..<Self.ageCount where unused > 0.0001 {
                let length = Self.length(ofAge: later)
                let share = -expm1(-rates[later] * length)
                hits += unused * share
                time += unused * (share > 0.000001 ? share / rates[later] : length)
                unused *= 1 - share
                best = max(best, hits / time)
            }
            densities[cells.lowerBound + age] = best
        }
    }
}
