// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree

/// A request as the server saw it.
struct SeenRequest: Sendable, Equatable {
    let path: String
    /// Lines of the head behind the request line.
    let fields: [String]
    /// Which connection it came on, counted from 0.
    let connection: Int
    /// How often this path has been asked for before.
    let earlier: Int
}

/// What a server does with a request.
enum TinyReply: Sendable {
    /// Sends these bytes and keeps the connection.
    case bytes(String)
    /// Sends these bytes and closes the connection.
    case last(String)
    /// Sends these bytes one by one, with a pause before each, and keeps the connection.
    case trickle(String, pauseMilliseconds: Int)
    /// Sends these bytes, and after a pause those; keeps the connection.
    case delayed(String, pauseMilliseconds: Int, then: String)
    /// Sends nothing, and waits for the client to go.
    case silence
    /// Breaks the connection with a reset.
    case reset

    static func status(_ status: Int, _ fields: String = "", body: String = "") -> TinyReply {
        .bytes("HTTP/1.1 \(status) X\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }
}

/// A server of 100 lines on real sockets, which answers as a test tells it: one thread accepts, one serves each
/// connection.
final class TinyServer: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let state = Lock(State())
    private let answer: @Sendable (SeenRequest) -> TinyReply

    private struct State {
        var seen: [SeenRequest] = []
        var counts: [String: Int] = [:]
        var threads: [OSThread] = []
        var open: Set<Int32> = []
        var connections = 0
        var isStopped = false
    }

    init(answer: @escaping @Sendable (SeenRequest) -> TinyReply) throws {
        self.answer = answer
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        // SAFETY: the address is a sockaddr_in of that length, alive for the calls.
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(descriptor, generic, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, generic, &length) == 0
            }
        }
        guard bound else { throw PrewarmTestError.cannotListen }
        port = UInt16(bigEndian: address.sin_port)
    }

    enum PrewarmTestError: Error { case cannotListen }

    var url: String { "http://127.0.0.1:\(port)" }
    var seen: [SeenRequest] { state.withLock { $0.seen } }
    var connections: Int { state.withLock { $0.connections } }

    /// Serves while `body` runs.
    func serve<Result>(_ body: () throws -> Result) throws -> Result {
        let acceptor = try OSThread(name: "tiny-accept") { self.accept() }
        defer { stop(acceptor) }
        return try body()
    }

    private func stop(_ acceptor: OSThread) {
        state.withLock { state in
            state.isStopped = true
            for connection in state.open { shutdown(connection, Int32(SHUT_RDWR)) }
        }
        shutdown(descriptor, Int32(SHUT_RDWR))
        acceptor.join()
        close(descriptor)
        for thread in state.withLock({ $0.threads }) { thread.join() }
    }

    private func accept() {
        while true {
            let connection = Glibc.accept(descriptor, nil, nil)
            guard connection >= 0 else { return }
            state.withLock { state in
                guard !state.isStopped else {
                    close(connection)
                    return
                }
                let number = state.connections
                state.connections += 1
                state.open.insert(connection)
                if let thread = try? OSThread(name: "tiny", body: { self.serve(connection, number) }) {
                    state.threads.append(thread)
                }
            }
        }
    }

    private func serve(_ connection: Int32, _ number: Int) {
        while let head = readHead(connection) {
            let lines = head.split(separator: "\r\n").map(String.init)
            let path = String(lines[0].split(separator: " ")[1])
            let request = state.withLock { state in
                let earlier = state.counts[path, default: 0]
                state.counts[path] = earlier + 1
                let seen = SeenRequest(path: path, fields: Array(lines[1...]), connection: number, earlier: earlier)
                state.seen.append(seen)
                return seen
            }
            guard reply(answer(request), connection) else { break }
        }
        state.withLock { state in
            state.open.remove(connection)
            close(connection)
        }
    }

    private func reply(_ reply: TinyReply, _ connection: Int32) -> Bool {
        switch reply {
        case .bytes(let text):
            send(Array(text.utf8), connection)
            return true
        case .last(let text):
            send(Array(text.utf8), connection)
            return false
        case .trickle(let text, let pause):
            for byte in text.utf8 {
                usleep(UInt32(pause) * 1000)
                guard send([byte], connection) else { return false }
            }
            return true
        case .delayed(let text, let pause, let more):
            send(Array(text.utf8), connection)
            usleep(UInt32(pause) * 1000)
            return send(Array(more.utf8), connection)
        case .silence:
            var byte: UInt8 = 0
            // SAFETY: one byte, and the length says one.
            _ = unsafe recv(connection, &byte, 1, 0)
            return false
        case .reset:
            var linger = linger(l_onoff: 1, l_linger: 0)
            // SAFETY: the option is a linger, and so is the variable.
            unsafe setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
            return false
        }
    }

    @discardableResult
    private func send(_ bytes: [UInt8], _ connection: Int32) -> Bool {
        // SAFETY: the array's own storage and count; what a test sends fits a socket's buffer.
        unsafe bytes.withUnsafeBytes { unsafe Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            > 0
    }

    private func readHead(_ connection: Int32) -> String? {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            var byte: UInt8 = 0
            // SAFETY: one byte, and the length says one.
            guard unsafe recv(connection, &byte, 1, 0) == 1 else { return nil }
            head.append(byte)
        }
        return String(decoding: head, as: UTF8.self)
    }
}
