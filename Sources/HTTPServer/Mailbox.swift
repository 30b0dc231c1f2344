// SPDX-License-Identifier: Apache-2.0

import CPlatform
import LockFree

/// Where other threads leave the answers to deferred requests of one reactor.
///
/// A post wakes the reactor only if it sleeps on an empty box, so a batch costs one wake-up. The reactor looks inside
/// only when woken: requests that are answered at once never touch the lock. May outlive its server.
package final class Mailbox: Sendable {
    /// One deferred request's answer. @unchecked Sendable: `post` takes the payload over from its sender.
    struct Letter: @unchecked Sendable {
        let ticket: Ticket
        let payload: AnyObject
    }

    private struct Box {
        var letters: [Letter] = []
        var isClosed = false
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
            box.letters.append(letter)
            return (true, box.letters.count == 1)
        }
        if wasEmpty { wake() }
        return isTaken
    }

    func wake() { _ = platform_eventfd_signal(descriptor) }

    /// Exchanges what has arrived against an empty array that keeps its capacity. The reactor's thread.
    func collect(into letters: inout [Letter]) {
        // The eventfd first: a post that comes after this line wakes again.
        _ = platform_eventfd_clear(descriptor)
        var empty = letters
        empty.removeAll(keepingCapacity: true)
        letters = box.withLock { [empty] box in
            let arrived = box.letters
            box.letters = empty
            return arrived
        }
    }

    /// Refuses posts from now on. The reactor's thread, before it collects for the last time.
    func close() { box.withLock { $0.isClosed = true } }
}
