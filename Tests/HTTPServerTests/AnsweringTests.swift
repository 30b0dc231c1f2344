// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import HTTPMessages
import HTTPServer
import LockFree
import TestSupport
import Testing

@Suite("Answers")
struct AnsweringTests {
    @Test("an answer carries Date and Content-Length, and the connection stays")
    func keepAlive() throws {
        let server = try TestServer()
        let client = try server.client()
        for _ in 0..<3 {
            try client.request("/text")
            let answer = try client.readAnswer()
            #expect(answer.status == 200 && answer.text == "hello")
            #expect(answer["content-length"] == "5" && answer["connection"] == nil)
            let date = Array((answer["date"] ?? "").utf8)
            let seconds = unsafe date.withUnsafeBytes { unsafe HTTPDate.parse($0) }
            #expect(abs((seconds ?? 0) - time(nil)) < 60)
        }
        #expect(server.server.count(.accepted) == 1 && server.server.count(.requests) == 3)
    }

    @Test("a HEAD answer has the fields of GET and no body")
    func head() throws {
        let client = try TestServer().client()
        try client.request("/text", method: "HEAD")
        let head = try client.readAnswer(hasBody: false)
        try client.request("/text")
        let get = try client.readAnswer()
        #expect(
            head.fields.filter { $0.name != "date" }.map { "\($0)" }
                == get.fields.filter { $0.name != "date" }.map { "\($0)" }
        )
    }

    @Test("a HEAD answer of a stored tile and of a file has no body either")
    func headOfLarge() throws {
        let server = try TestServer()
        let client = try server.client()
        for path in ["/big/20000", "/file/20000"] {
            try client.request(path, method: "HEAD")
            let answer = try client.readAnswer(hasBody: false)
            #expect(answer.status == 200 && answer["content-length"] == "20000")
        }
        try client.request("/text")
        #expect(try client.readAnswer().text == "hello")
    }

    @Test("a matching If-None-Match gets 304 without a body, and the connection goes on")
    func notModified() throws {
        let client = try TestServer().client()
        try client.request("/tagged", fields: ["If-None-Match: \"x\", W/\"abc\""])
        let answer = try client.readAnswer()
        #expect(answer.status == 304 && answer["etag"] == "\"abc\"" && answer["content-length"] == nil)
        try client.request("/tagged", fields: ["If-None-Match: \"x\""])
        #expect(try client.readAnswer().text == "tagged")
    }

    @Test("a hundred pipelined requests are answered in their order")
    func pipelining() throws {
        let client = try TestServer().client()
        try client.send((0..<100).map { "GET /echo?\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        for number in 0..<100 { #expect(try client.readAnswer().text == "/echo?\(number)") }
    }

    @Test("who pipelines without reading is not read from: what waits stays in the kernel, and is answered in the end")
    func backPressure() throws {
        let server = try TestServer()
        let client = try server.client()
        client.setReceiveBuffer(16 * 1024)
        let request = Array(
            "GET /big/100000 HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 900))\r\n\r\n".utf8
        )
        let count = 2000
        let descriptor = client.descriptor
        let all = Array(repeatElement(request, count: count).joined())
        let sender = try OSThread(name: "sender") {
            var sent = 0
            while sent < all.count {
                // SAFETY: the rest of the array, which is alive for the call.
                let step = unsafe all.withUnsafeBytes {
                    unsafe platform_send(descriptor, $0.baseAddress! + sent, all.count - sent)
                }
                guard step > 0 else { return }
                sent += step
            }
        }
        #expect(server.wait(for: .shortWrites, toReach: 1))
        usleep(300_000)
        let received = server.server.count(.bytesReceived)
        let answered = server.server.count(.requests)
        usleep(300_000)
        #expect(server.server.count(.bytesReceived) == received && server.server.count(.requests) == answered)
        #expect(answered < 200, "answers fill the sockets' buffers, and no more are begun")
        #expect(received < (answered + 64) * request.count)
        for _ in 0..<count { #expect(try client.readAnswer().body.count == 100_000) }
        sender.join()
    }

    @Test("an accepted socket does not block, is closed on exec, waits for no more bytes, and has little unsent")
    func socketOptions() throws {
        let listener = unsafe platform_listen("127.0.0.1", 0, 0, 65_536)
        #expect(listener >= 0)
        defer { platform_close(listener) }
        var peer = platform_peer()
        #expect(unsafe platform_accept(listener, &peer) == -EAGAIN, "a listener does not block either")
        let client = try HTTPClient(port: UInt16(platform_bound_port(listener)))
        let accepted = unsafe platform_accept(listener, &peer)
        defer { platform_close(accepted) }
        #expect(fcntl(accepted, F_GETFL) & O_NONBLOCK != 0 && fcntl(accepted, F_GETFD) & FD_CLOEXEC != 0)
        func option(_ name: Int32) -> Int32 {
            var value: Int32 = -1
            var length = socklen_t(MemoryLayout<Int32>.size)
            // SAFETY: a local value of the size that is told.
            unsafe getsockopt(accepted, Int32(IPPROTO_TCP), name, &value, &length)
            return value
        }
        #expect(option(TCP_NODELAY) == 1 && option(TCP_NOTSENT_LOWAT) == 65_536)
        #expect(peer.low >> 32 == 0xFFFF && peer.low & 0xFFFF_FFFF == 0x7F00_0001)
        client.close()
        // Sending to who is gone is an error, not a signal that ends the process.
        var code = 0
        for _ in 0..<100 where code >= 0 {
            code = unsafe platform_send(accepted, "x", 1)
            usleep(1000)
        }
        #expect(code == -Int(EPIPE) || code == -Int(ECONNRESET))
    }

    @Test("pipelined requests wait behind a deferred one and are answered in order")
    func pipeliningBehindDeferred() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send(
            "GET /text HTTP/1.1\r\nHost: a\r\n\r\nGET /wait HTTP/1.1\r\nHost: a\r\n\r\n"
                + (0..<50).map { "GET /echo?\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()
        )
        #expect(try client.readAnswer().text == "hello")
        #expect(server.record.wait { $0.waiting.count == 1 })
        #expect(server.server.count(.requests) == 2)
        server.record.completeOne("late")
        #expect(try client.readAnswer().text == "late")
        for number in 0..<50 { #expect(try client.readAnswer().text == "/echo?\(number)") }
    }

    @Test("a request split at every byte gets the same answer")
    func splitEverywhere() throws {
        let server = try TestServer()
        let client = try server.client()
        let request = Array(
            "GET /echo?x HTTP/1.1\r\nHost: a\r\nX-Long: \(String(repeating: "y", count: 40))\r\n\r\n".utf8
        )
        for at in 1..<request.count {
            try client.send(Array(request[..<at]))
            if at % 7 == 0 { usleep(200) }
            try client.send(Array(request[at...]))
            #expect(try client.readAnswer().text == "/echo?x")
        }
    }

    @Test("a request that comes byte by byte, larger than a small buffer, is answered")
    func byteByByte() throws {
        let client = try TestServer().client()
        let request = "GET /text HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "z", count: 4000))\r\n\r\n"
        for byte in request.utf8 { try client.send([byte]) }
        #expect(try client.readAnswer().text == "hello")
    }

    @Test("HTTP/1.0 is closed unless it asks, and told so when it does")
    func oldVersion() throws {
        let server = try TestServer()
        let kept = try server.client()
        for _ in 0..<2 {
            try kept.send("GET /text HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let answer = try kept.readAnswer()
            #expect(answer.text == "hello" && answer["connection"] == "keep-alive")
        }
        let closed = try server.client()
        try closed.send("GET /text HTTP/1.0\r\n\r\n")
        #expect(try closed.readAnswer()["connection"] == "close")
        #expect(try closed.readToEnd().isEmpty)
    }

    @Test("a body larger than the socket's buffers arrives whole, kept once and let go once")
    func largeBody() throws {
        let server = try TestServer()
        let client = try server.client()
        let expected = CountedBody(byteCount: 8_000_000, record: server.record).bytes
        for path in ["/big/8000000", "/copied/8000000"] {
            try client.request(path)
            usleep(50_000)
            #expect(try client.readAnswer().body == expected)
        }
        #expect(server.server.count(.shortWrites) >= 2)
        #expect(server.record.wait { $0.retained == 1 && $0.released == 1 })
    }

    @Test("a file is sent whole and in pieces, from its offset")
    func file() throws {
        let server = try TestServer()
        let client = try server.client()
        for byteCount in [0, 1, 15_000, 3_000_000] {
            try client.request("/file/\(byteCount)")
            let expected = CountedBody(byteCount: byteCount + 50, record: server.record).bytes[50...]
            #expect(try client.readAnswer().body == Array(expected))
        }
    }

    @Test(
        "a file that somebody lends is sent, and given back once: after the whole, after a HEAD, and when the client goes"
    )
    func lentFile() throws {
        let server = try TestServer()
        let client = try server.client()
        for byteCount in [0, 1, 15_000, 3_000_000] {
            try client.request("/lent/\(byteCount)")
            let expected = CountedBody(byteCount: byteCount + 50, record: server.record).bytes[50...]
            #expect(try client.readAnswer().body == Array(expected))
        }
        try client.request("/lent/15000", method: "HEAD")
        #expect(try client.readAnswer(hasBody: false)["content-length"] == "15000")
        let leaving = try server.client()
        try leaving.request("/lent/30000000")
        #expect(server.record.wait { $0.retained == 6 })
        leaving.reset()
        #expect(server.record.wait { $0.released == 6 })
        try client.request("/text")
        #expect(try client.readAnswer().text == "hello")
        #expect(server.record.state.withLock { $0.released == 6 })
    }

    @Test("a file that is written to while it is sent cuts the answer: nobody takes two states for one")
    func overwrittenFile() throws {
        let server = try TestServer { $0.reactors = 1 }
        let client = try server.client()
        // More than the kernel holds for a client that does not read.
        let byteCount = 40_000_000
        let expected = Array(CountedBody(byteCount: byteCount + 50, record: server.record).bytes[50...])
        try client.request("/guarded/\(byteCount)")
        #expect(try client.readAnswer().body == expected)
        #expect(server.server.count(.bytesSentFromFiles) == byteCount)
        try client.request("/guarded/\(byteCount)")
        let other = try server.client()
        try other.request("/overwrite")
        #expect(try other.readAnswer().text == "1")
        let received = try client.readToEnd()
        #expect(received.count > 0 && received.count < byteCount)
    }

    @Test("a file that is not in memory is sent whole, and others are answered while the disk is waited for")
    func coldFile() throws {
        let server = try TestServer { $0.reactors = 1 }
        let client = try server.client()
        let other = try server.client()
        let expected = CountedBody(byteCount: 20_000_050, record: server.record).bytes[50...]
        for _ in 0..<3 {
            try client.request("/cold/20000000")
            try other.request("/text")
            #expect(try other.readAnswer().text == "hello")
            #expect(try client.readAnswer().body == Array(expected))
        }
        print("waits for the disk: \(server.server.count(.diskWaits)) (0 where /var/tmp is memory)")
    }

    @Test("an answer made by another thread arrives")
    func worker() throws {
        let server = try TestServer()
        let client = try server.client()
        for number in 0..<50 {
            try client.request("/worker/\(number)")
            #expect(try client.readAnswer().text == "worked \(number)")
        }
    }

    @Test("a request may be deferred again when its first completion comes")
    func deferredTwice() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.request("/twice")
        #expect(server.record.wait { $0.waiting.count == 1 })
        server.record.completeOne("again")
        #expect(server.record.wait { $0.waiting.count == 1 })
        server.record.completeOne("second")
        #expect(try client.readAnswer().text == "second")
    }

    @Test("an absolute-form target without a path means the root, and OPTIONS * is answered by the server")
    func targetForms() throws {
        let client = try TestServer().client()
        try client.send("GET http://example.org HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readAnswer().text == "root")
        try client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = try client.readAnswer()
        #expect(answer.status == 204 && answer["allow"] == "GET, HEAD, OPTIONS")
    }

    @Test(
        "a connection is closed with its last allowed request, and what was pipelined behind does not destroy the answer"
    )
    func requestLimit() throws {
        let server = try TestServer { $0.requestLimitPerConnection = 3 }
        let client = try server.client()
        try client.send(String(repeating: "GET /text HTTP/1.1\r\nHost: a\r\n\r\n", count: 10))
        #expect(try client.readAnswer()["connection"] == nil)
        #expect(try client.readAnswer()["connection"] == nil)
        let last = try client.readAnswer()
        #expect(last["connection"] == "close" && last.text == "hello")
        #expect(try client.readToEnd().isEmpty)
    }

    @Test(
        "every way to spread connections serves, on IPv4 and IPv6",
        arguments: HTTPServerConfiguration.Spreading.allCases
    )
    func spreading(_ spreading: HTTPServerConfiguration.Spreading) throws {
        let server = try TestServer {
            $0.spreading = spreading
            $0.listen = [ListenAddress("127.0.0.1", port: 0), ListenAddress("::1", port: 0)]
        }
        for _ in 0..<20 { #expect(try HTTPClient.get(port: server.port, "/text").text == "hello") }
        let client = try HTTPClient(port: server.server.ports[1], address: "::1")
        try client.request("/text")
        #expect(try client.readAnswer().text == "hello")
    }

    @Test("six connections of a viewer are spread evenly over two reactors")
    func evenSpread() throws {
        let server = try TestServer { $0.spreading = .evenly }
        let clients = try (0..<6).map { _ in try server.client() }
        for client in clients {
            try client.request("/reactor")
            _ = try client.readAnswer()
        }
        var byReactor: [String: Int] = [:]
        for client in clients {
            try client.request("/reactor")
            byReactor[try client.readAnswer().text, default: 0] += 1
        }
        #expect(byReactor == ["0": 3, "1": 3])
    }

    @Test("a port that is taken, and an address that is none, are errors that say what to do")
    func startErrors() throws {
        let server = try TestServer()
        var configuration = HTTPServerConfiguration()
        configuration.listen = [ListenAddress(port: server.port)]
        let second = HTTPServer(configuration) { _, mailbox in TestHandler(mailbox: mailbox, record: Record()) }
        #expect { try second.start() } throws: { "\($0)".contains("another process listens there") }
        configuration.listen = [ListenAddress("localhorst")]
        let third = HTTPServer(configuration) { _, mailbox in TestHandler(mailbox: mailbox, record: Record()) }
        #expect { try third.start() } throws: { "\($0)".contains("write it as 127.0.0.1") }
    }
}
