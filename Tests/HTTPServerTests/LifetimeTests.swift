// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPServer
import LockFree
import TestSupport
import Testing

@Suite("Lifetimes of connections")
struct LifetimeTests {
    @Test("a head that comes slowly is told 408 by its deadline, however often a byte comes")
    func slowHead() throws {
        let server = try TestServer { $0.headDeadline = .milliseconds(400) }
        let client = try server.client()
        try client.send("GET /text HTTP/1.1\r\nHost: a\r\n")
        for _ in 0..<200 {
            if server.server.count(.timeoutsHead) > 0 { break }
            try? client.send("X: y\r\n")
            usleep(50_000)
        }
        let answer = try client.readAnswer()
        #expect(answer.status == 408 && answer["connection"] == "close")
        #expect(client.isEnded(within: 30))
        #expect(server.wait(for: .timeoutsHead, toReach: 1))
    }

    @Test("an idle connection is closed by its deadline, before and after its first request")
    func idle() throws {
        let server = try TestServer { $0.idleDeadline = .milliseconds(300) }
        let silent = try server.client()
        let used = try server.client()
        try used.request("/text")
        _ = try used.readAnswer()
        #expect(silent.isEnded(within: 30) && used.isEnded(within: 30))
        #expect(server.server.count(.timeoutsIdle) == 2)
    }

    @Test("a connection that keeps asking outlives the idle deadline many times")
    func busyIsNotIdle() throws {
        let server = try TestServer { $0.idleDeadline = .seconds(4) }
        let client = try server.client()
        for _ in 0..<16 {
            try client.request("/text")
            #expect(try client.readAnswer().status == 200)
            usleep(300_000)
        }
        #expect(server.server.count(.timeoutsIdle) == 0)
    }

    @Test("a client that reads nothing is cut by the minimum rate, and what it held is let go")
    func slowReader() throws {
        let server = try TestServer { $0.writePeriod = .milliseconds(300) }
        let client = try server.client()
        try client.request("/big/16000000")
        #expect(server.wait(for: .timeoutsWrite, toReach: 1))
        #expect(server.record.wait { $0.retained == 1 && $0.released == 1 })
    }

    @Test("a client that does not take an answer that the kernel holds is cut by the minimum rate, too, and reset")
    func slowReaderOfLittle() throws {
        let server = try TestServer {
            $0.idleDeadline = .milliseconds(300)
            $0.writePeriod = .milliseconds(300)
        }
        let client = try server.client()
        client.setReceiveBuffer(2048)
        try client.request("/big/60000")
        #expect(server.wait(for: .timeoutsWrite, toReach: 1))
        #expect(server.server.count(.shortWrites) == 0, "the socket took all of it")
        #expect(server.server.count(.open) == 0 && server.server.count(.timeoutsIdle) == 0)
        #expect(throws: HTTPClientError.self) { try client.readAnswer() }
    }

    @Test("a client that reads slowly, but more than the minimum rate, is not cut")
    func steadyReader() throws {
        let server = try TestServer {
            $0.writePeriod = .seconds(1)
            $0.writeBytesPerPeriod = 1024
        }
        let client = try server.client()
        client.setReceiveBuffer(16 * 1024)
        try client.request("/big/16000000")
        var chunk = [UInt8](repeating: 0, count: 8192)
        for _ in 0..<25 {
            usleep(200_000)
            // SAFETY: the array's own storage, alive for the call.
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe recv(client.descriptor, $0.baseAddress, $0.count, 0)
            }
            #expect(count > 0)
        }
        #expect(server.server.count(.timeoutsWrite) == 0)
    }

    @Test("a deferred request that is never answered gets 504, and its ticket is abandoned")
    func deferredTooLong() throws {
        let server = try TestServer { $0.deferredDeadline = .milliseconds(300) }
        let client = try server.client()
        try client.request("/wait")
        let answer = try client.readAnswer()
        #expect(answer.status == 504 && answer["connection"] == "close")
        #expect(server.record.wait { $0.abandoned.count == 1 })
        server.record.completeOne()
        #expect(server.record.wait { $0.discarded == 1 })
    }

    @Test("a client that shuts down its writing side still gets its answers")
    func halfClose() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send(String(repeating: "GET /text HTTP/1.1\r\nHost: a\r\n\r\n", count: 5))
        client.shutdownWriting()
        for _ in 0..<5 { #expect(try client.readAnswer().text == "hello") }
        #expect(try client.readToEnd().isEmpty)
    }

    @Test("a half-closed client whose last request is refused is closed without waiting for the linger deadline")
    func halfCloseRefused() throws {
        let server = try TestServer { $0.lingerDeadline = .seconds(600) }
        let client = try server.client()
        try client.send("GET /text HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789")
        client.shutdownWriting()
        #expect(try client.readAnswer().status == 413)
        #expect(try client.readToEnd().isEmpty)
        #expect(eventually { server.server.count(.open) == 0 })
    }

    @Test("a half-closed client gets its large answer and its deferred answer, and is not abandoned")
    func halfCloseDeferred() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("GET /big/4000000 HTTP/1.1\r\nHost: a\r\n\r\nGET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        client.shutdownWriting()
        usleep(100_000)
        #expect(try client.readAnswer().body.count == 4_000_000)
        #expect(server.record.wait { $0.waiting.count == 1 })
        #expect(server.wait(for: .probes, toReach: 1))
        usleep(100_000)
        #expect(server.record.state.withLock { $0.abandoned.isEmpty })
        server.record.completeOne("late")
        #expect(try client.readAnswer().text == "late")
        #expect(try client.readToEnd().isEmpty)
    }

    @Test("a client that closes while deferred is abandoned, and its answer discarded")
    func disconnect() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.request("/wait")
        #expect(server.record.wait { $0.waiting.count == 1 })
        client.close()
        #expect(server.record.wait { $0.abandoned.count == 1 })
        #expect(server.record.state.withLock { $0.abandoned == $0.waiting.map(\.ticket) })
        server.record.completeOne()
        #expect(server.record.wait { $0.discarded == 1 })
        #expect(server.server.count(.open) == 0)
    }

    @Test("a client that resets while deferred is abandoned")
    func reset() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.request("/wait")
        #expect(server.record.wait { $0.waiting.count == 1 })
        client.reset()
        #expect(server.record.wait { $0.abandoned.count == 1 })
    }

    @Test("a client that closes in the middle of a large answer lets go of it")
    func disconnectWhileSending() throws {
        let server = try TestServer()
        for _ in 0..<10 {
            let client = try server.client()
            try client.request("/big/16000000")
            usleep(10_000)
            client.close()
        }
        #expect(server.record.wait { $0.retained == $0.released })
        #expect(eventually { server.server.count(.open) == 0 })
    }

    @Test("connections over the limit are told 503, and there is room again when others leave")
    func connectionLimit() throws {
        let server = try TestServer {
            $0.connectionLimit = 4
            $0.connectionLimitPerAddress = 4
        }
        var clients = try (0..<4).map { _ in try server.client() }
        for client in clients {
            try client.request("/text")
            #expect(try client.readAnswer().status == 200)
        }
        let refused = try server.client()
        #expect(try refused.readAnswer().status == 503)
        #expect(refused.isEnded(within: 30))
        clients.removeAll()
        #expect(server.wait(for: .refusedOverLimit, toReach: 1))
        #expect(eventually { server.server.count(.open) == 0 })
        #expect(try HTTPClient.get(port: server.port, "/text").status == 200)
    }

    @Test("one address cannot take every connection")
    func addressLimit() throws {
        let server = try TestServer {
            $0.connectionLimit = 100
            $0.connectionLimitPerAddress = 2
        }
        let clients = try (0..<3).map { _ in try server.client() }
        for client in clients.prefix(2) {
            try client.request("/text")
            #expect(try client.readAnswer().status == 200)
        }
        #expect(try clients[2].readAnswer().status == 503)
        #expect(server.server.count(.refusedOverAddressLimit) == 1)
    }

    @Test("many idle connections cost no input buffer, and one that has sent half a head does not stop others")
    func idleOnes() throws {
        let server = try TestServer()
        let idle = try (0..<300).map { _ in try server.client() }
        for client in idle.prefix(100) { try client.send("GET /text HTTP/1.1\r\nHo") }
        #expect(try HTTPClient.get(port: server.port, "/text").status == 200)
        for client in idle.prefix(100) { try client.send("st: a\r\n\r\n") }
        for client in idle.prefix(100) { #expect(try client.readAnswer().text == "hello") }
        for client in idle.dropFirst(100) {
            try client.request("/text")
            #expect(try client.readAnswer().text == "hello")
        }
    }

    @Test("a connection that pipelines without end does not starve another on the same reactor")
    func fairness() throws {
        let server = try TestServer { $0.reactors = 1 }
        let port = server.port
        let isOver = Lock(false)
        let greedy = try OSThread(name: "greedy") {
            guard let client = try? HTTPClient(port: port) else { return }
            let batch = String(repeating: "GET /text HTTP/1.1\r\nHost: a\r\n\r\n", count: 100)
            while !isOver.withLock({ $0 }) {
                guard (try? client.send(batch)) != nil else { return }
                for _ in 0..<100 { _ = try? client.readAnswer() }
            }
        }
        let client = try server.client()
        for _ in 0..<50 {
            try client.request("/text")
            #expect(try client.readAnswer().text == "hello")
        }
        isOver.withLock { $0 = true }
        greedy.join()
    }
}
