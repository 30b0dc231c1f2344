// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPMessages
import HTTPServer
import LockFree
import TestSupport

/// What the handlers of one test server saw, for the test's own thread.
final class Record: Sendable {
    struct State {
        var waiting: [(ticket: Ticket, mailbox: Mailbox)] = []
        var abandoned: [Ticket] = []
        var discarded = 0
        var retained = 0
        var released = 0
        var turns = 0
    }

    let state = Lock(State())

    /// Waits until the state is as wished; false after a generous time.
    func wait(until isReached: (State) -> Bool) -> Bool {
        eventually { state.withLock { isReached($0) } }
    }

    /// Answers the oldest deferred request that is still waiting.
    func completeOne(_ text: String = "done") {
        let next = state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
        if let next { next.mailbox.post(next.ticket, Payload(text)) }
    }
}

final class Payload: Sendable {
    let text: String
    init(_ text: String) { self.text = text }
}

/// A block of bytes that counts how often it is kept and let go.
final class CountedBody {
    let bytes: [UInt8]
    let record: Record

    init(byteCount: Int, record: Record) {
        var bytes = [UInt8](repeating: 0x61, count: byteCount)
        for place in stride(from: 0, to: byteCount, by: 61) { bytes[place] = UInt8(truncatingIfNeeded: place / 61) }
        self.bytes = bytes
        self.record = record
    }
}

/// Lends a file and closes it when it goes out of use.
private final class Lender {
    let descriptor: Int32
    let record: Record

    init(_ descriptor: Int32, _ record: Record) {
        self.descriptor = descriptor
        self.record = record
    }

    deinit { close(descriptor) }
}

/// Routes for tests: `/text` `/big/BYTES` `/copied/BYTES` `/file/BYTES` `/lent/BYTES` `/cold/BYTES`
/// `/guarded/BYTES` (a file with its state) `/overwrite` (writes to the last one of those) `/tagged` `/wait` (deferred until the test
/// completes it) `/worker` (deferred, answered by a thread) `/twice` (deferred two times) `/echo` `/reactor`
/// `/burn/ROUNDS` (works, and says which reactor did).
final class TestHandler: RequestHandler {
    private let reactor: Int
    private let mailbox: Mailbox
    private let record: Record
    private var bodies: [Int: CountedBody] = [:]
    /// Another descriptor of the last guarded file.
    private var guarded: Int32 = -1

    init(reactor: Int = 0, mailbox: Mailbox, record: Record) {
        self.reactor = reactor
        self.mailbox = mailbox
        self.record = record
    }

    deinit { if guarded >= 0 { close(guarded) } }

    func turnBegins() { record.state.withLock { $0.turns += 1 } }
    func turnEnds() { record.state.withLock { $0.turns -= 1 } }

    func handle(_ request: borrowing Request, _ responder: inout Responder) {
        let path = unsafe String(decoding: request.path, as: UTF8.self)
        let parts = path.split(separator: "/")
        let number = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        switch parts.first {
        case "text": responder.send(status: .ok, headers: [("Content-Type", "text/plain")], body: Array("hello".utf8))
        case "big": sendBig(number, &responder)
        case "copied":
            responder.send(status: .ok, headers: [], body: CountedBody(byteCount: number, record: record).bytes)
        case "file": sendFile(number, &responder)
        case "lent": sendFile(number, isLent: true, &responder)
        case "cold": sendFile(number, isCold: true, &responder)
        case "guarded": sendFile(number, isGuarded: true, &responder)
        case "overwrite":
            let byte: UInt8 = 0
            let written = unsafe withUnsafeBytes(of: byte) { unsafe pwrite(guarded, $0.baseAddress!, 1, 0) }
            responder.send(status: .ok, headers: [], body: Array("\(written)".utf8))
        case "tagged": sendTagged(request, &responder)
        case "wait", "twice": wait(responder.deferred())
        case "burn":
            // Work of a reactor's own: so many rounds.
            var sum: UInt64 = 1
            for round in 0..<UInt64(number) { sum = sum &* 6_364_136_223_846_793_005 &+ round }
            responder.send(status: .ok, headers: [], body: Array("\(reactor) \(sum & 1)".utf8))
        case "worker":
            let ticket = responder.deferred()
            let mailbox = self.mailbox
            do { _ = try OSThread(name: "test-worker") { mailbox.post(ticket, Payload("worked \(number)")) } } catch {}
        case "echo":
            let query = unsafe String(decoding: request.query, as: UTF8.self)
            responder.send(status: .ok, headers: [], body: Array("\(path)?\(query)".utf8))
        case "reactor": responder.send(status: .ok, headers: [], body: Array("\(reactor)".utf8))
        case nil: responder.send(status: .ok, headers: [], body: Array("root".utf8))
        default: responder.send(status: .notFound, text: "nothing here\n")
        }
    }

    private func wait(_ ticket: Ticket) { record.state.withLock { [mailbox] in $0.waiting.append((ticket, mailbox)) } }

    private func sendBig(_ byteCount: Int, _ responder: inout Responder) {
        let body = bodies[byteCount] ?? CountedBody(byteCount: byteCount, record: record)
        bodies[byteCount] = body
        var block = HeaderBlock()
        block.add("Content-Length", byteCount)
        let head = block.finished()
        let owner = unsafe BodyOwner(
            object: Unmanaged.passUnretained(body).toOpaque(),
            retain: { object in
                let body = unsafe Unmanaged<CountedBody>.fromOpaque(object).retain().takeUnretainedValue()
                body.record.state.withLock { $0.retained += 1 }
            },
            release: { object in
                let body = unsafe Unmanaged<CountedBody>.fromOpaque(object).takeRetainedValue()
                body.record.state.withLock { $0.released += 1 }
            }
        )
        // SAFETY: the array's storage belongs to the body, which the handler keeps.
        unsafe head.withUnsafeBytes { head in
            unsafe body.bytes.withUnsafeBytes { bytes in
                unsafe responder.send(status: .ok, head: head, body: bytes, owner: owner)
            }
        }
    }

    private func sendFile(
        _ byteCount: Int,
        isLent: Bool = false,
        isCold: Bool = false,
        isGuarded: Bool = false,
        _ responder: inout Responder
    ) {
        // Not below /tmp, which may be memory.
        var template = Array("\(isCold ? "/var/tmp" : "/tmp")/orizuru-file-XXXXXX".utf8CString)
        let descriptor = unsafe mkstemp(&template)
        unsafe unlink(&template)
        let body = CountedBody(byteCount: byteCount + 100, record: record).bytes
        unsafe body.withUnsafeBytes { _ = unsafe write(descriptor, $0.baseAddress!, $0.count) }
        var block = HeaderBlock()
        block.add("Content-Length", byteCount)
        let head = block.finished()
        unsafe head.withUnsafeBytes { head in
            if isCold {
                fsync(descriptor)
                posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            }
            guard isLent else {
                let state = isGuarded ? keep(descriptor) : nil
                let file = FileBody(descriptor: descriptor, offset: 50, count: byteCount, state: state)
                return unsafe responder.send(status: .ok, head: head, file: file)
            }
            let lender = Lender(descriptor, record)
            record.state.withLock { $0.retained += 1 }
            let owner = unsafe BodyOwner(
                object: Unmanaged.passRetained(lender).toOpaque(),
                retain: { _ in },
                release: { object in
                    let lender = unsafe Unmanaged<Lender>.fromOpaque(object).takeRetainedValue()
                    lender.record.state.withLock { $0.released += 1 }
                }
            )
            let file = FileBody(lent: descriptor, offset: 50, count: byteCount, owner: owner)
            unsafe responder.send(status: .ok, head: head, file: file)
        }
    }

    /// Keeps a file to write to later, and says what it is now; written to long ago, so that the clock tells the difference.
    private func keep(_ descriptor: Int32) -> FileBody.State {
        if guarded >= 0 { close(guarded) }
        guarded = dup(descriptor)
        let times = [timespec(tv_sec: 1_000_000_000, tv_nsec: 7), timespec(tv_sec: 1_000_000_000, tv_nsec: 7)]
        unsafe _ = futimens(descriptor, times)
        var status = stat()
        unsafe fstat(descriptor, &status)
        return FileBody.State(size: Int64(status.st_size), modified: 1_000_000_000_000_000_007)
    }

    private func sendTagged(_ request: borrowing Request, _ responder: inout Responder) {
        let tag = Array("\"abc\"".utf8)
        let isFresh = unsafe request.field(.ifNoneMatch).map { list in
            unsafe tag.withUnsafeBytes { unsafe EntityTag.isListed($0, in: list) }
        }
        responder.send(
            status: isFresh == true ? .notModified : .ok,
            headers: [("ETag", "\"abc\"")],
            body: isFresh == true ? [] : Array("tagged".utf8)
        )
    }

    func completed(_ ticket: Ticket, _ payload: AnyObject, _ responder: inout Responder) {
        guard let payload = payload as? Payload else { return responder.send(status: .internalError, text: "?") }
        if payload.text == "again" { return wait(responder.deferred()) }
        responder.send(status: .ok, headers: [], body: Array(payload.text.utf8))
    }

    func discarded(_ payload: AnyObject) { record.state.withLock { $0.discarded += 1 } }

    func abandoned(_ ticket: Ticket) { record.state.withLock { $0.abandoned.append(ticket) } }
}

/// A server with the test routes on a free port; stopped when it goes out of use.
final class TestServer {
    let server: HTTPServer
    let record = Record()
    var port: UInt16 { server.port }

    init(_ change: (inout HTTPServerConfiguration) -> Void = { _ in }) throws {
        var configuration = HTTPServerConfiguration()
        configuration.listen = [ListenAddress(port: 0)]
        configuration.reactors = 2
        change(&configuration)
        server = HTTPServer(configuration) { [record] reactor, mailbox in
            TestHandler(reactor: reactor, mailbox: mailbox, record: record)
        }
        try server.start()
    }

    func client() throws -> HTTPClient {
        let client = try HTTPClient(port: port)
        client.server = self
        return client
    }

    /// Waits until a count has reached a value.
    func wait(for count: ServerCount, toReach value: Int) -> Bool {
        eventually { server.count(count) >= value }
    }
}
