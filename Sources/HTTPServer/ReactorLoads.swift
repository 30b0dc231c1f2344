// SPDX-License-Identifier: Apache-2.0

import LockFree

/// How many connections each reactor has been given: what decides who gets the next one. Written when a connection
/// begins and ends, never per request.
final class ReactorLoads: Sendable {
    private let counts: Lock<[Int]>
    /// Filled once, before the first reactor starts.
    private let mailboxes = Lock<[Mailbox]>([])

    init(count: Int) { counts = Lock(Array(repeating: 0, count: count)) }

    func setMailboxes(_ all: [Mailbox]) { mailboxes.withLock { $0 = all } }

    /// Counts a new connection for the reactor that has the fewest: the one that accepted it, unless another has fewer.
    func assign(acceptedBy reactor: Int) -> Int {
        counts.withLock { counts in
            var best = reactor
            for other in counts.indices where counts[other] < counts[best] { best = other }
            counts[best] += 1
            return best
        }
    }

    func begin(_ reactor: Int) { counts.withLock { $0[reactor] += 1 } }
    func end(_ reactor: Int) { counts.withLock { $0[reactor] -= 1 } }

    func mailbox(of reactor: Int) -> Mailbox { mailboxes.withLock { $0[reactor] } }
}
