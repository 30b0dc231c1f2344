// SPDX-License-Identifier: Apache-2.0

package import HTTPMessages

/// The way back to the client of one request. Used exactly once: `send` or `deferred`.
///
/// The reactor writes the status line, Date and, where needed, Connection itself; it leaves out the body for HEAD, 204
/// and 304. Everything else, Content-Length included, stands in the header block that the handler gives.
@safe
package struct Responder: ~Copyable {
    enum State { case unanswered, answered, deferred }

    /// What was answered, for who keeps an account of answers.
    package struct Account: Sendable {
        package let status: Status
        /// Of the body, also where a HEAD request gets none.
        package let bodyByteCount: Int
    }

    /// The answer that was given to this responder; nil before, and where it was deferred.
    package private(set) var account: Account?
    /// The ticket, where the answer was deferred.
    package private(set) var ticket: Ticket?

    // SAFETY: a responder exists only during a call of the reactor's own loop, which keeps the reactor alive.
    private unowned(unsafe) let reactor: Reactor
    private let slot: UInt32
    private(set) var state = State.unanswered

    init(reactor: Reactor, slot: UInt32) {
        unsafe self.reactor = reactor
        self.slot = slot
    }

    /// Sends an answer whose header block is stored: no allocation, one system call.
    ///
    /// - Parameters:
    ///   - head: field lines and the blank line. Where `body` follows it in memory, one piece goes to the kernel.
    ///   - body: borrowed for the call; beyond it only through `owner`.
    ///   - owner: keeps `body` alive where the socket takes less than the whole; nil: the rest is copied.
    ///   - extra: more field lines, each with CR LF, for what is not stored; sent before `head`.
    package mutating func send(
        status: Status,
        head: UnsafeRawBufferPointer,
        body: UnsafeRawBufferPointer,
        owner: BodyOwner?,
        extra: UnsafeRawBufferPointer = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    ) {
        begin(.answered)
        account = Account(status: status, bodyByteCount: body.count)
        unsafe reactor.transmit(slot, status, extra, head, body, owner)
    }

    /// Sends an answer whose header block is stored and whose body is part of a file, without copying it through the
    /// process: piece by piece, other connections in between, and never by waiting for the disk (see `Reactor.flush`).
    /// The part does not reach beyond the file's end; `head` has its Content-Length.
    package mutating func send(
        status: Status,
        head: UnsafeRawBufferPointer,
        file: consuming FileBody,
        extra: UnsafeRawBufferPointer = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    ) {
        begin(.answered)
        account = Account(status: status, bodyByteCount: file.count)
        unsafe reactor.transmit(slot, status, extra, head, file)
    }

    /// Sends an answer that is made on the spot: a document, an error. Content-Length is added.
    package mutating func send(status: Status, headers: [(StaticString, String)], body: [UInt8]) {
        var block = HeaderBlock()
        for (name, value) in headers { block.add(name, value) }
        if !status.isBodiless { block.add("Content-Length", body.count) }
        let head = block.finished()
        // SAFETY: both arrays outlive the call; without an owner the reactor copies what it cannot send at once.
        unsafe head.withUnsafeBytes { head in
            unsafe body.withUnsafeBytes { body in unsafe send(status: status, head: head, body: body, owner: nil) }
        }
    }

    /// Sends a short text, for errors: no answer is stored by caches.
    package mutating func send(status: Status, text: String) {
        send(
            status: status,
            headers: [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")],
            body: Array(text.utf8)
        )
    }

    /// Leaves the answer for later: the ticket goes to whoever will post it to this reactor's mailbox. Requests behind
    /// this one on the connection wait for it.
    package mutating func deferred() -> Ticket {
        begin(.deferred)
        let given = unsafe reactor.deferAnswer(slot)
        ticket = given
        return given
    }

    private mutating func begin(_ next: State) {
        precondition(state == .unanswered, "a request was answered twice")
        state = next
    }
}
