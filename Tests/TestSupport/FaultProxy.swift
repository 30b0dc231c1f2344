// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Foundation

/// A proxy between a client and a server on Unix sockets that does to the server's answers what networks do: delays them,
/// cuts them, replaces them. What it does may change at any time and holds for bytes that arrive afterwards.
///
/// One thread for the listener and one for each connection; they end with `stop`.
package final class FaultProxy: @unchecked Sendable {
    /// What happens to the server's answers.
    package enum Fault: Sendable {
        case none
        /// Each piece of an answer comes this much later.
        case delay(milliseconds: Int)
        /// Nothing comes.
        case silence
        /// These bytes come in place of every answer; nothing is asked of the server.
        case answer([UInt8])
        /// The connection ends behind so many bytes of an answer.
        case cut(after: Int)
        /// Behind so many bytes of an answer nothing more comes, but what the client sends is still taken.
        case halfClose(after: Int)
        /// One byte of each piece, at this place, has one bit changed.
        case flip(at: Int)
        /// Connections are accepted and closed.
        case close
    }

    private let folder: TemporaryDirectory
    private let upstream: String
    private let listener: Int32
    private let lock = NSLock()
    private var fault = Fault.none
    private var isStopping = false
    private var accepted = 0
    private var open = 0
    private var mostOpen = 0
    private let threads = DispatchGroup()

    /// Listens on a socket of its own; `upstream` is the server's.
    package init(upstream: String) throws {
        folder = try TemporaryDirectory()
        self.upstream = upstream
        listener = unsafe platform_listen_unix(folder.path("p"), 0o600)
        guard listener >= 0 else { throw POSIXError(.EIO) }
        spawn { $0.accept() }
    }

    /// The path of the proxy's socket.
    package var socket: String { folder.path("p") }

    /// How many connections were accepted so far.
    package var connections: Int { lock.withLock { accepted } }

    /// How many connections are open, and how many were at once since `forgetMost`.
    package var openConnections: (now: Int, most: Int) { lock.withLock { (open, mostOpen) } }

    package func forgetMost() { lock.withLock { mostOpen = open } }

    package func set(_ fault: Fault) { lock.withLock { self.fault = fault } }

    /// Ends all threads, and with them all connections.
    package func stop() {
        lock.withLock { isStopping = true }
        threads.wait()
        platform_close(listener)
    }

    private var current: (fault: Fault, isStopping: Bool) { lock.withLock { (fault, isStopping) } }

    private func spawn(_ body: @escaping @Sendable (FaultProxy) -> Void) {
        threads.enter()
        let thread = Thread { [self] in
            body(self)
            threads.leave()
        }
        thread.stackSize = 1 << 18
        thread.start()
    }

    /// Waits until one of the descriptors can be read; nil when it is time to look around.
    private static func wait(_ descriptors: [Int32]) -> Int? {
        var items = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard unsafe poll(&items, nfds_t(items.count), 20) > 0 else { return nil }
        return items.firstIndex { $0.revents != 0 }
    }

    private func accept() {
        while !current.isStopping {
            guard Self.wait([listener]) != nil else { continue }
            var peer = platform_peer()
            let client = unsafe platform_accept(listener, &peer)
            guard client >= 0 else { continue }
            lock.withLock {
                accepted += 1
                open += 1
                mostOpen = max(mostOpen, open)
            }
            spawn { proxy in
                proxy.serve(client)
                proxy.lock.withLock { proxy.open -= 1 }
            }
        }
    }

    private func serve(_ client: Int32) {
        defer { platform_close(client) }
        if case .close = current.fault { return }
        let server = unsafe platform_connect_unix(upstream)
        guard server >= 0 else { return }
        defer { platform_close(server) }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let (fault, isStopping) = current
            if isStopping { return }
            if case .close = fault { return }
            guard let ready = Self.wait([client, server]) else { continue }
            let source = ready == 0 ? client : server
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe platform_receive(source, $0.baseAddress!, $0.count)
            }
            if count == -Int(EAGAIN) { continue }
            guard count > 0 else { return }
            let isKept =
                source == client
                ? forward(buffer[..<count], from: client, to: server) : answer(buffer[..<count], to: client)
            guard isKept else { return }
        }
    }

    private func forward(_ bytes: ArraySlice<UInt8>, from client: Int32, to server: Int32) -> Bool {
        if case .answer(let canned) = current.fault { return Self.send(canned[...], to: client) }
        return Self.send(bytes, to: server)
    }

    private func answer(_ bytes: ArraySlice<UInt8>, to client: Int32) -> Bool {
        var bytes = bytes
        switch current.fault {
        case .none, .answer: break
        case .delay(let milliseconds): usleep(UInt32(milliseconds) * 1000)
        case .silence: return true
        case .cut(let count):
            _ = Self.send(bytes.prefix(count), to: client)
            return false
        case .halfClose(let count):
            _ = Self.send(bytes.prefix(count), to: client)
            _ = platform_shutdown_writing(client)
            return true
        case .flip(let place): if place < bytes.count { bytes[bytes.startIndex + place] ^= 0x10 }
        case .close: return false
        }
        return Self.send(bytes, to: client)
    }

    private static func send(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe platform_send(descriptor, $0.baseAddress!, $0.count) }
            if count == -Int(EAGAIN) {
                usleep(1000)
                continue
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
