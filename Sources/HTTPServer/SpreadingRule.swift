// SPDX-License-Identifier: Apache-2.0

/// How many reactors a load deserves: what one reactor decides when it has looked at how busy it is.
///
/// A reactor that has little to do sleeps and is woken for each request, and the two cost more than a small answer's
/// share of anything else. Two half-busy reactors are woken twice as often as one that is busy, which takes several
/// requests each time. So connections are kept together while one reactor has time for them, and spread when it has not:
/// the next reactor is used when one is busy above `high` in `patience` looks in a row, and given up when all of them
/// together would leave the others below `low`. What is done by two costs up to a sixth more than what is done by one, so
/// `low` is not far below `high`, and yet nothing wanders back and forth.
///
/// Pure. Shares are thousandths of a processor.
package struct SpreadingRule: Sendable {
    /// Above this a reactor lets go of connections. An answer takes some ten microseconds: where 95 % of the time is
    /// taken, a request waits 95 of them on average (M/D/1).
    package var high = 950
    /// What the reactors that remain may have to do on average when one is given up.
    package var low = 850
    /// How much less another must have to do to be given connections.
    package var difference = 250
    /// Looks in a row, a tenth of a second each.
    package var patience = 3

    package init() {}

    enum Decision: Equatable {
        case stay
        /// Gives this many thousandths of the connections that ask to another reactor.
        case shed(to: Int, thousandths: Int)
        /// The same to one that is not in use yet.
        case useAnother(thousandths: Int)
        /// The reactor is not needed: each of its connections goes to another with its next request.
        case retire
    }

    /// - Parameters:
    ///   - reactor: who asks, one of those in use.
    ///   - shares: how busy each reactor is.
    ///   - inUse: how many are in use, from the first.
    ///   - looksHigh: how many looks in a row have found it above `high`, this one included.
    func decide(reactor: Int, shares: [Int], inUse: Int, looksHigh: Int) -> Decision {
        let own = shares[reactor]
        guard own > high else {
            let all = shares[..<inUse].reduce(0, +)
            let isLast = reactor == inUse - 1 && reactor > 0
            return isLast && all < low * (inUse - 1) ? .retire : .stay
        }
        guard looksHigh >= patience else { return .stay }
        var idlest = reactor
        for other in 0..<inUse where shares[other] < shares[idlest] { idlest = other }
        if own - shares[idlest] > difference {
            return .shed(to: idlest, thousandths: (own - shares[idlest]) * 500 / own)
        }
        return inUse < shares.count ? .useAnother(thousandths: 500) : .stay
    }
}
