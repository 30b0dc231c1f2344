// SPDX-License-Identifier: Apache-2.0

import CPlatform
import LockFree

/// Where other threads leave the answers to deferred requests of one reactor, and other reactors the connections that
/// they accepted for it.
///
/// A post wakes the reactor only if it sleeps on an empty box, so a batch costs one wake-up. The reactor looks inside
/// only when woken: requests that are answered at once never touch the lock. May outlive its server.
package final class Mailbox: Sendable {
    /// One deferred request's answer. @unchecked Sendable: `post` takes the payload over from its sender.
    struct Letter: @unchecked Sendable {
        let ticket: Ticket
        let payload: AnyObject
    }

    /// A connection that another reactor accepted, or served before.
    struct Arrival {
        let descriptor: Int32
        let peer: platform_peer
        /// How many requests it has sent: 0 where it is new.
        var requestCount = 0
    }

    private struct Box {
        var letters: [Letter] = []
        var arrivals: [Arrival] = []
        var isClosed = false

        var isEmpty: Bool { letters.isEmpty && arrivals.isEmpty }
    }

    private let box = Lock(Box())
    /// An eventfd that the reactor watches.
    let descriptor: Int32

    init() throws(HTTPServerError) {
        descriptor = platform_eventfd()
        guard descriptor >= 0 else { throw .system("creating the wake-up descriptor of a reactor", -descriptor) }
    }

    deinit { platform_close(descriptor) }

    /// Hands the answer of a deferred request to its reactor, which calls `completed`, or `discarded` where the client
    /// is gone. Any thread; each ticket once.
    ///
    /// - Returns: false where the server has stopped: the payload is dropped and no call follows.
    @discardableResult
    package func post(_ ticket: Ticket, _ payload: sending AnyObject) -> Bool {
        let letter = Letter(ticket: ticket, payload: payload)
        let (isTaken, wasEmpty) = box.withLock { box in
            guard !box.isClosed else { return (false, false) }
            let wasEmpty = box.isEmpty
            box.letters.append(letter)
            return (true, wasEmpty)
        }
        if wasEmpty { wake() }
        return isTaken
    }

    /// Gives a connection to the reactor. False where it has ended: the caller keeps the connection.
    func hand(_ arrival: Arrival) -> Bool {
        let (isTaken, wasEmpty) = box.withLock { box in
            guard !box.isClosed else { return (false, false) }
            let wasEmpty = box.isEmpty
            box.arrivals.append(arrival)
            return (true, wasEmpty)
        }
        if wasEmpty { wake() }
        return isTaken
    }

    func wake() { _ = platform_eventfd_signal(descriptor) }

    /// Takes everything that has arrived. The reactor's thread.
    func collect(into letters: inout [Letter], and arrivals: inout [Arrival]) {
        // The eventfd first: a post that comes after this line wakes again.
        _ = platform_eventfd_clear(descriptor)
        (letters, arrivals) = box.withLock { box in
            let all = (box.letters, box.arrivals)
            box.letters = []
            box.arrivals = []
            return all
        }
    }

    /// Refuses everything from now on. The reactor's thread, before it collects for the last time.
    func close() { box.withLock { $0.isClosed = true } }

    /// The same, but only while no connection waits inside: those were accepted, so they are served. False then.
    func closeUnlessArrivals() -> Bool {
        box.withLock { box in
            guard box.arrivals.isEmpty else { return false }
            box.isClosed = true
            return true
        }
    }
}
