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
/// What a class earned over a long time is right for its ages among each other, and too slow for a scan: tiles that nobody will ask for
/// a second time then look like those that viewers ask for first. So the rates of what was asked for once or not at all are
/// scaled by how many uses the last lessons saw of those that the rates promised (a level, at most 1): as the proportional hazards
/// of survival analysis, one factor for all ages, known after a fiftieth of the cache was dropped.
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
    /// The same since the last lesson.
    private var newUses = [Double](repeating: 0, count: Self.cellCount)
    private var newSpent = [Double](repeating: 0, count: Self.cellCount)
    /// Uses per millisecond as of the last lesson, without levels; 0 before the first.
    private var rates = [Double](repeating: 0, count: Self.cellCount)
    /// Of each class, the uses of the last lessons, and what the rates of the time promised.
    private var lateUses = [Double](repeating: 0, count: Self.classCount)
    private var promised = [Double](repeating: 0, count: Self.classCount)
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
    private static let fading = 0.99
    /// What stays of the sums that levels are of, and uses that are taken as seen and promised before there were any.
    private static let levelFading = 0.8
    private static let levelPrior = 5.0
    /// Classes that have a level: not asked for since they came in and never before, and asked for once.
    private static let levelled = 0...1

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
            newSpent[cell] += Double(visits[cell]) * weight
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
            newUses[cell] = Double(max(usesEver[cell] - seen[cell], 0))
            seen[cell] = usesEver[cell]
        }
        let levels = (0..<Self.classCount).map { level($0) }
        for cell in 0..<Self.cellCount {
            uses[cell] += newUses[cell]
            spent[cell] += newSpent[cell]
            newSpent[cell] = 0
        }
        let allUses = uses.reduce(0, +)
        let allSpent = spent.reduce(0, +)
        guard allUses >= Self.leastUses, allSpent > 0 else { return }
        for row in 0..<Self.classCount { rate(row, mean: allUses / allSpent, level: levels[row]) }
        for cell in 0..<Self.cellCount {
            uses[cell] *= Self.fading
            spent[cell] *= Self.fading
        }
    }

    /// What the last lessons saw of the uses that a class promised, at most 1.
    private mutating func level(_ row: Int) -> Double {
        guard Self.levelled.contains(row) else { return 1 }
        var seen = 0.0
        var expected = 0.0
        for cell in row * Self.ageCount..<(row + 1) * Self.ageCount {
            seen += newUses[cell]
            expected += newSpent[cell] * rates[cell]
        }
        lateUses[row] = lateUses[row] * Self.levelFading + seen
        promised[row] = promised[row] * Self.levelFading + expected
        return min((lateUses[row] + Self.levelPrior) / (promised[row] + Self.levelPrior), 1)
    }

    private mutating func rate(_ row: Int, mean: Double, level: Double) {
        let cells = row * Self.ageCount..<(row + 1) * Self.ageCount
        // What was seldom seen is taken for like what is a little younger: it then stays, and is seen.
        var expected = (uses[cells].reduce(0, +) + Self.prior) / (spent[cells].reduce(0, +) + Self.prior / mean)
        for cell in cells {
            expected = (uses[cell] + Self.prior) / (spent[cell] + Self.prior / expected)
            rates[cell] = expected
        }
        let first = cells.lowerBound
        for age in 0..<Self.ageCount {
            var unused = 1.0
            var hits = 0.0
            var time = 0.0
            var best = 0.0
            for later in age..<Self.ageCount where unused > 0.0001 {
                let length = Self.length(ofAge: later)
                let rate = rates[first + later] * level
                let share = -expm1(-rate * length)
                hits += unused * share
                time += unused * (share > 0.000001 ? share / rate : length)
                unused *= 1 - share
                best = max(best, hits / time)
            }
            densities[first + age] = best
        }
    }
}
