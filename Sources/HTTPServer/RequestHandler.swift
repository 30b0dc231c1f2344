// SPDX-License-Identifier: Apache-2.0

/// What answers the requests of one reactor. Each reactor has its own; every call comes on the reactor's thread, so
/// nothing in it needs a lock, and nothing in it may wait.
package protocol RequestHandler: AnyObject {
    /// A batch of events begins. What is borrowed until `turnEnds` may be given to `Responder.send`.
    func turnBegins()

    /// The batch is over; the reactor is about to sleep.
    func turnEnds()

    /// Answers one request: exactly one `send` or `deferred` on the responder. The request's bytes are valid until the
    /// first of them.
    func handle(_ request: borrowing Request, _ responder: inout Responder)

    /// The answer of a deferred request came through the mailbox: send it, or defer again.
    func completed(_ ticket: Ticket, _ payload: AnyObject, _ responder: inout Responder)

    /// The answer came, but its client is gone: let go of what the payload holds.
    func discarded(_ payload: AnyObject)

    /// The client of a deferred request is gone, or the request waited too long: work for it that has not begun can be
    /// dropped. The ticket is dead; a post for it ends in `discarded`. A client that only finished sending is not gone.
    func abandoned(_ ticket: Ticket)
}

extension RequestHandler {
    package func turnBegins() {}
    package func turnEnds() {}
    package func completed(_ ticket: Ticket, _ payload: AnyObject, _ responder: inout Responder) {
        preconditionFailure("a handler that defers answers what it deferred")
    }
    package func discarded(_ payload: AnyObject) {}
    package func abandoned(_ ticket: Ticket) {}
}
