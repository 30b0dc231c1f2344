// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization

/// What the reactors know of each other: how many connections each has, how busy each is, and how many of them are in
/// use. What decides who gets the next connection. The lock is taken when a connection begins, moves and ends, never
/// per request.
final class ReactorLoads: Sendable {
    private let counts: Lock<[Int]>
    /// Filled once, before the first reactor starts.
    private let mailboxes = Lock<[Mailbox]>([])
    /// Thousandths of its last period that each reactor has worked. Written by that reactor; relaxed, as nothing hangs
    /// on it but a guess.
    private let shares: [BusyShare]
    /// The reactors below this number are in use: they accept, and get connections. The others sleep.
    private let inUse: Atomic<Int>

    private final class BusyShare: Sendable {
        let thousandths = Atomic<Int>(0)
    }

    init(count: Int, inUse: Int) {
        counts = Lock(Array(repeating: 0, count: count))
        shares = (0..<count).map { _ in BusyShare() }
        self.inUse = Atomic(inUse)
    }

    func setMailboxes(_ all: [Mailbox]) { mailboxes.withLock { $0 = all } }

    /// Counts a new connection for the reactor in use that has the fewest: the one that accepted it, unless another has
    /// fewer.
    func assign(acceptedBy reactor: Int) -> Int {
        let inUse = reactorsInUse
        return counts.withLock { counts in
            var best = reactor < inUse ? reactor : 0
            for other in 0..<inUse where counts[other] < counts[best] { best = other }
            counts[best] += 1
            return best
        }
    }

    /// The reactor in use that has the fewest connections.
    func leastInUse() -> Int {
        let inUse = reactorsInUse
        return counts.withLock { counts in
            var best = 0
            for other in 1..<max(inUse, 1) where counts[other] < counts[best] { best = other }
            return best
        }
    }

    func begin(_ reactor: Int) { counts.withLock { $0[reactor] += 1 } }
    func end(_ reactor: Int) { counts.withLock { $0[reactor] -= 1 } }

    func mailbox(of reactor: Int) -> Mailbox { mailboxes.withLock { $0[reactor] } }

    // MARK: Reactors in use

    /// How many reactors are in use.
    var reactorsInUse: Int { inUse.load(ordering: .relaxed) }

    /// Uses another number of reactors; false where somebody else has changed it meanwhile.
    func use(_ count: Int, insteadOf old: Int) -> Bool {
        inUse.compareExchange(expected: old, desired: count, ordering: .relaxed).exchanged
    }

    /// Tells the others how busy a reactor is.
    func setShare(_ thousandths: Int, of reactor: Int) {
        shares[reactor].thousandths.store(thousandths, ordering: .relaxed)
    }

    /// How busy each reactor was when it last looked at itself.
    var busyShares: [Int] { shares.map { $0.thousandths.load(ordering: .relaxed) } }
}
