// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPServer
import TestSupport
import Testing

@Suite("Refusals on the wire")
struct RefusalTests {
    /// What the server answers to raw bytes, after which it must end the connection without a reset.
    private func exchange(_ server: TestServer, _ text: String) throws -> HTTPAnswer {
        let client = try server.client()
        try client.send(text)
        let answer = try client.readAnswer()
        #expect(answer["connection"] == "close" && answer["date"] != nil)
        #expect(answer["content-length"] == "\(answer.body.count)")
        #expect(try client.readToEnd().isEmpty, "nothing after a refusal is answered")
        return answer
    }

    @Test("a smuggled second request is never answered")
    func smuggling() throws {
        let server = try TestServer()
        let hidden = "GET /text HTTP/1.1\r\nHost: a\r\n\r\n"
        for attack in [
            "Content-Length: 34\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\(hidden)",
            "Content-Length: 0\r\nContent-Length: 34\r\n\r\n\(hidden)",
            "Content-Length: 0, 34\r\n\r\n\(hidden)",
            "Content-Length: +34\r\n\r\n\(hidden)",
            "Transfer-Encoding : chunked\r\n\r\n\(hidden)",
            "X: y\r\n Transfer-Encoding: chunked\r\n\r\n\(hidden)",
            "X: y\rTransfer-Encoding: chunked\r\n\r\n\(hidden)",
            "X: y\nTransfer-Encoding: chunked\r\n\r\n\(hidden)",
            "X: y\u{0}\r\n\r\n\(hidden)",
            "Host: b\r\n\r\n\(hidden)",
        ] {
            let answer = try exchange(server, "GET /text HTTP/1.1\r\nHost: a\r\n\(attack)")
            #expect(answer.status == 400, "\(attack)")
        }
        let chunked = "GET /text HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\(hidden)"
        #expect(try exchange(server, chunked).status == 501)
        #expect(server.server.count(.malformed) == 11)
    }

    @Test("a body is refused with 413, and the answer survives although the body keeps coming")
    func body() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("GET /text HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        try client.send([UInt8](repeating: 65, count: 100_000))
        let answer = try client.readAnswer()
        #expect(answer.status == 413 && answer["connection"] == "close")
        #expect(try client.readToEnd().isEmpty)
    }

    @Test("a client that does not stop sending after a refusal is cut after a bounded number of bytes")
    func endlessBody() throws {
        let server = try TestServer {
            $0.lingerByteLimit = 100_000
            $0.lingerDeadline = .seconds(600)
        }
        let client = try server.client()
        try client.send("GET /text HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n")
        #expect(try client.readAnswer().status == 413)
        var sent = 0
        while sent < 1 << 30, (try? client.send([UInt8](repeating: 65, count: 65_536))) != nil { sent += 65_536 }
        #expect(sent < 1 << 30)
        #expect(eventually { server.server.count(.open) == 0 })
        #expect(server.server.count(.timeoutsLinger) == 0)
    }

    @Test("a client that neither ends nor sends after a refusal is closed by the linger deadline")
    func silentAfterRefusal() throws {
        let server = try TestServer { $0.lingerDeadline = .milliseconds(300) }
        let client = try server.client()
        try client.send("BREW / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readAnswer().status == 501)
        #expect(server.wait(for: .timeoutsLinger, toReach: 1))
        #expect(server.server.count(.open) == 0)
    }

    @Test("answers that no handler gives carry the lines that the configuration has for them")
    func ownLines() throws {
        let server = try TestServer { $0.ownAnswerLines = Array("Access-Control-Allow-Origin: *\r\n".utf8) }
        for request in ["GET / HTTP/1.1\r\n\r\n", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"] {
            #expect(try exchange(server, request)["access-control-allow-origin"] == "*")
        }
        let client = try server.client()
        try client.request("/text", method: "PUT")
        #expect(try client.readAnswer()["access-control-allow-origin"] == "*")
    }

    @Test("a client that waits for 100 Continue before its body is refused at once")
    func expectContinue() throws {
        let server = try TestServer()
        let answer = try exchange(
            server,
            "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        #expect(answer.status == 413)
    }

    @Test("a known method that is not supported gets 405 with Allow, an unknown one 501")
    func methods() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.request("/text", method: "DELETE")
        let answer = try client.readAnswer()
        #expect(answer.status == 405 && answer["allow"] == "GET, HEAD, OPTIONS" && answer["connection"] == nil)
        try client.request("/text")
        #expect(try client.readAnswer().status == 200)
        #expect(try exchange(server, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n").status == 501)
        #expect(try exchange(server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab").status == 405)
    }

    @Test("targets, heads, versions and expectations beyond what is spoken get their own status")
    func statuses() throws {
        let server = try TestServer()
        let long = String(repeating: "a", count: 9000)
        #expect(try exchange(server, "GET /\(long) HTTP/1.1\r\nHost: a\r\n\r\n").status == 414)
        #expect(try exchange(server, "GET / HTTP/1.1\r\nHost: a\r\nX: \(long)\(long)\r\n\r\n").status == 431)
        #expect(try exchange(server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status == 505)
        #expect(try exchange(server, "GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n").status == 417)
        #expect(try exchange(server, "\u{16}\u{3}\u{1}\u{2}").status == 400)
        #expect(try exchange(server, "GET / HTTP/1.1\r\n\r\n").status == 400)
    }

    @Test("requests before a refused one are answered first")
    func orderOfRefusal() throws {
        let client = try TestServer().client()
        try client.send("GET /text HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        #expect(try client.readAnswer().status == 200)
        #expect(try client.readAnswer().status == 400)
        #expect(try client.readToEnd().isEmpty)
    }

    @Test("random bytes never end the server")
    func noise() throws {
        let seed = Seed.ofThisRun
        print("noise on the wire: \(seed)")
        var random = seed.generator()
        let server = try TestServer()
        for _ in 0..<200 {
            let client = try server.client()
            let bytes = (0..<Int.random(in: 1...3000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            try? client.send(bytes)
            if Bool.random(using: &random) { client.reset() }
        }
        #expect(try HTTPClient.get(port: server.port, "/text").text == "hello")
    }
}
