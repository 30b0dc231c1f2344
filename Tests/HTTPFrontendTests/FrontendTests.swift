// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import HTTPMessages
import HTTPServer
import LockFree
import TestSupport
import Testing

@testable import HTTPFrontend

/// Answers every request with who asked, seen through the proxies; `/wait` by another thread.
private final class EchoHandler: RequestHandler {
    let mailbox: Mailbox
    let proxies: TrustedProxies

    init(_ mailbox: Mailbox, _ proxies: TrustedProxies) {
        self.mailbox = mailbox
        self.proxies = proxies
    }

    func handle(_ request: borrowing Request, _ responder: inout Responder) {
        if unsafe request.path.elementsEqual("/wait".utf8) {
            let ticket = responder.deferred()
            let mailbox = mailbox
            do { _ = try OSThread(name: "echo") { mailbox.post(ticket, Note()) } } catch {}
            return
        }
        let origin = RequestOrigin(request, trusting: proxies)
        responder.send(status: .ok, text: "\(origin.client.text) \(origin.base ?? "nowhere")")
    }

    func completed(_ ticket: Ticket, _ payload: AnyObject, _ responder: inout Responder) {
        responder.send(status: .ok, text: "late")
    }
}

private final class Note: Sendable {}

/// A server on a free port and, where wanted, on other sockets and with an access log.
private final class Front {
    let server: HTTPServer
    var port: UInt16 { server.port }

    init(_ listeners: PreparedListeners, trusting proxies: TrustedProxies = TrustedProxies(), log: AccessLog? = nil)
        throws
    {
        var configuration = HTTPServerConfiguration()
        configuration.listen = listeners.addresses
        configuration.listeningSockets = listeners.descriptors
        configuration.reactors = 2
        configuration.drainIdleGrace = .zero
        server = HTTPServer(configuration) { reactor, mailbox in
            let handler = EchoHandler(mailbox, proxies)
            guard let log else { return handler }
            return AccountingHandler(handler, log: log, reactor: reactor, proxies: proxies)
        }
        try server.start()
    }

    deinit { server.stop() }
}

@Suite("Where a server listens")
struct ListenTests {
    @Test("several addresses and IPv6 are served by one server")
    func severalAddresses() throws {
        let places: [ListenPlace] = [
            .address(ListenAddress("127.0.0.1", port: 0)), .address(ListenAddress("::1", port: 0)),
        ]
        let front = try Front(try PreparedListeners(places) { _ in nil })
        #expect(front.server.ports.count == 2)
        let old = try HTTPClient(port: front.server.ports[0])
        try old.request("/")
        #expect(try old.readAnswer().text == "127.0.0.1 http://test")
        let new = try HTTPClient(port: front.server.ports[1], address: "::1")
        try new.request("/")
        #expect(try new.readAnswer().text == "::1 http://test")
    }

    @Test("a Unix socket serves, its stale file is replaced, one in use is refused, and it goes with the server")
    func unixSocket() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/socket"
        let places: [ListenPlace] = [.unix(path: path)]
        do {
            // A server that was killed leaves its file behind.
            let left = unsafe platform_listen_unix(path, 0o600)
            #expect(left >= 0)
            platform_close(left)
        }
        let listeners = try PreparedListeners(places) { _ in nil }
        #expect(throws: ListenError.self) { try PreparedListeners(places) { _ in nil } }
        let front = try Front(listeners)
        #expect(front.server.ports.isEmpty)
        let descriptor = unsafe platform_connect_unix(path)
        #expect(descriptor >= 0)
        let client = HTTPClient(connected: descriptor)
        for _ in 0..<3 {
            try client.request("/")
            #expect(try client.readAnswer().text == "unix http://test")
        }
        listeners.removeFiles()
        #expect(unsafe access(path, F_OK) != 0)
    }

    @Test("sockets that a service manager hands over are taken; without any, the error says what is missing")
    func handedOver() throws {
        #expect(throws: ListenError.self) { try PreparedListeners([.inherited]) { _ in nil } }
        let others = ["LISTEN_PID": "1", "LISTEN_FDS": "1"]
        #expect(throws: ListenError.self) { try PreparedListeners([.inherited]) { others[$0] } }
        let listener = unsafe platform_listen("127.0.0.1", 0, 0, 1 << 17)
        defer { platform_close(listener) }
        #expect(platform_adopt_listener(listener) == 0)
        var pair: [Int32] = [0, 0]
        unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair)
        #expect(platform_adopt_listener(pair[0]) == -EINVAL)
        pair.forEach { platform_close($0) }
    }
}

@Suite("Trusted proxies")
struct TrustedProxyTests {
    @Test("blocks contain exactly the addresses that share their prefix")
    func blocks() throws {
        let proxies = try #require(TrustedProxies(parsing: "10.0.0.0/8, 192.0.2.7, 2001:db8::/33, unix"))
        func trusts(_ text: String) throws -> Bool { proxies.trusts(try #require(PeerAddress(parsing: text))) }
        for text in ["10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8:7fff::1"] {
            #expect(try trusts(text), "\(text)")
        }
        for text in ["9.255.255.255", "11.0.0.0", "192.0.2.8", "2001:db8:8000::", "2001:db7::", "::a00:1"] {
            #expect(try !trusts(text), "\(text)")
        }
        #expect(proxies.trusts(PeerAddress(high: 0, low: 0)))
        #expect(
            try #require(TrustedProxies(parsing: "0.0.0.0/0")).trusts(try #require(PeerAddress(parsing: "1.2.3.4")))
        )
    }

    @Test(
        "what is no address or block is refused",
        arguments: ["", "a", "10.0.0.0/33", "10.0.0/8", "::/129", "1.2.3.4/", "1.2.3.4,,"]
    )
    func malformed(_ text: String) { #expect(TrustedProxies(parsing: text) == nil) }

    @Test("X-Forwarded-For of a client that is no proxy is not believed")
    func forged() throws {
        let front = try Front(try PreparedListeners([.address(ListenAddress(port: 0))]) { _ in nil })
        let answer = try HTTPClient.get(
            port: front.port,
            "/",
            fields: ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example"]
        )
        #expect(answer.text == "127.0.0.1 http://test")
    }

    @Test("behind a trusted proxy the client is the first address from the right that is no proxy")
    func chain() throws {
        let proxies = try #require(TrustedProxies(parsing: "127.0.0.1, 10.0.0.0/8"))
        let front = try Front(try PreparedListeners([.address(ListenAddress(port: 0))]) { _ in nil }, trusting: proxies)
        for (fields, expected) in [
            (["X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.2.3"], "203.0.113.9 http://test"),
            (["X-Forwarded-For: rubbish, 10.1.2.3"], "10.1.2.3 http://test"),
            (["X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 6.6.6.6"], "127.0.0.1 http://test"),
            (
                ["X-Forwarded-Proto: https", "X-Forwarded-Host: tiles.example:8443"],
                "127.0.0.1 https://tiles.example:8443"
            ),
            (["X-Forwarded-Host: a/b<script>"], "127.0.0.1 http://test"),
        ] {
            #expect(try HTTPClient.get(port: front.port, "/", fields: fields).text == expected)
        }
    }
}

@Suite("The access log")
struct AccessLogTests {
    @Test("each answer gets a line, immediate or late, and nothing a client sends can end it")
    func lines() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/access.log"
        let log = try AccessLog(path: path, reactors: 2)
        try log.start()
        let front = try Front(try PreparedListeners([.address(ListenAddress(port: 0))]) { _ in nil }, log: log)
        let client = try HTTPClient(port: front.port)
        try client.request("/a?b=\"c", fields: ["User-Agent: x\"\u{e9}\\", "Referer: http://r/"])
        _ = try client.readAnswer()
        try client.request("/wait")
        _ = try client.readAnswer()
        front.server.stop()
        log.stop()
        let lines = try contents(of: path).split(separator: "\n").map(String.init)
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("127.0.0.1 - - ["))
        #expect(lines[0].contains("\"GET /a?b=\\x22c HTTP/1.1\" 200 21 \"http://r/\" \"x\\x22\\xC3\\xA9\\x5C\" "))
        #expect(lines[1].contains("\"GET /wait HTTP/1.1\" 200 4 \"-\" \"-\" "))
    }

    @Test("lines that find no room are dropped whole and counted; those before and after are whole")
    func overflow() {
        let ring = LogRing()
        let line = Array((String(repeating: "x", count: 999) + "\n").utf8)
        for _ in 0..<300 { ring.append(line) }
        var taken: [UInt8] = []
        unsafe ring.take { bytes in unsafe taken.append(contentsOf: bytes) }
        #expect(taken.count == 262 * 1000 && ring.dropped == 38)
        for _ in 0..<200 { ring.append(line) }
        unsafe ring.take { bytes in unsafe taken.append(contentsOf: bytes) }
        #expect(taken.split(separator: UInt8(ascii: "\n")).allSatisfy { $0.count == 999 })
        #expect(taken.count == 462 * 1000)
    }

    @Test("a ring hands everything over while one thread appends and another takes")
    func concurrent() throws {
        let ring = LogRing()
        let count = 20_000
        let writer = try OSThread(name: "appender") {
            for number in 0..<count {
                ring.append(Array("\(number)\n".utf8))
            }
        }
        var bytes: [UInt8] = []
        for _ in 0..<2000 {
            unsafe ring.take { unsafe bytes.append(contentsOf: $0) }
            usleep(100)
        }
        writer.join()
        unsafe ring.take { unsafe bytes.append(contentsOf: $0) }
        let numbers = bytes.split(separator: UInt8(ascii: "\n")).compactMap { Int(String(decoding: $0, as: UTF8.self)) }
        #expect(numbers.count + ring.dropped == count)
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test("a log that was renamed away is written anew after it is opened again")
    func rotation() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/access.log"
        let log = try AccessLog(path: path, reactors: 1)
        try log.start()
        log.ring(ofReactor: 0).append(Array("one\n".utf8))
        usleep(500_000)
        unsafe rename(path, path + ".1")
        try log.reopen()
        log.ring(ofReactor: 0).append(Array("two\n".utf8))
        log.stop()
        #expect(try contents(of: path) == "two\n" && contents(of: path + ".1") == "one\n")
    }

    private func contents(of path: String) throws -> String {
        let file = try unsafe #require(fopen(path, "r"))
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
