// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPServer
import LockFree
import TestSupport
import Testing

@Suite("Drain")
struct DrainTests {
    @Test("a drain under load cuts no answer and refuses nobody who was accepted", arguments: [false, true])
    func underLoad(reconnecting: Bool) throws {
        let server = try TestServer()
        let port = server.port
        let faults = Lock<[String]>([])
        let answers = Lock(0)
        var threads: [OSThread] = []
        for number in 0..<8 {
            threads.append(
                try OSThread(name: "client-\(number)") {
                    var client: HTTPClient?
                    while true {
                        if client == nil {
                            // Nobody listens any more: the drain's own end for a new client.
                            guard let made = try? HTTPClient(port: port) else { return }
                            client = made
                        }
                        guard let current = client else { return }
                        do {
                            try current.request(number % 2 == 0 ? "/big/20000" : "/worker/1")
                            let answer = try current.readAnswer()
                            answers.withLock { $0 += 1 }
                            if answer.status != 200 { faults.withLock { $0.append("status \(answer.status)") } }
                            if answer["connection"] == "close" || reconnecting { client = nil }
                        } catch {
                            faults.withLock { $0.append("\(error)") }
                            return
                        }
                    }
                }
            )
        }
        while answers.withLock({ $0 }) < 500 { usleep(2000) }
        #expect(server.server.drain(deadline: .seconds(60)))
        for thread in threads { thread.join() }
        #expect(faults.withLock { $0 } == [])
    }

    @Test("a drain waits for a deferred answer and sends it with Connection: close")
    func deferredAnswer() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.request("/wait")
        #expect(server.record.wait { $0.waiting.count == 1 })
        let record = server.record
        let completer = try OSThread(name: "completer") {
            usleep(300_000)
            record.completeOne("late")
        }
        #expect(server.server.drain(deadline: .seconds(60)))
        completer.join()
        let answer = try client.readAnswer()
        #expect(answer.text == "late" && answer["connection"] == "close")
        #expect(try client.readToEnd().isEmpty)
    }

    @Test("a drain ends at its deadline when a deferred answer never comes, and abandons it")
    func deadline() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.request("/wait")
        #expect(server.record.wait { $0.waiting.count == 1 })
        #expect(!server.server.drain(deadline: .milliseconds(200)))
        #expect(server.record.state.withLock { $0.abandoned.count == 1 })
        let ticket = server.record.state.withLock { $0.waiting[0] }
        #expect(!ticket.mailbox.post(ticket.ticket, Payload("too late")))
        #expect(client.isEnded(within: 30))
    }

    @Test("idle connections do not hold up a drain")
    func idle() throws {
        let server = try TestServer()
        let clients = try (0..<20).map { _ in try server.client() }
        for client in clients.prefix(10) {
            try client.request("/text")
            _ = try client.readAnswer()
        }
        #expect(server.server.drain(deadline: .seconds(60)))
        for client in clients { #expect(client.isEnded(within: 30)) }
    }

    @Test("stopping twice, and stopping without a start, are harmless")
    func stopTwice() throws {
        let server = try TestServer()
        server.server.stop()
        server.server.stop()
        let never = HTTPServer(HTTPServerConfiguration()) { _, mailbox in
            TestHandler(mailbox: mailbox, record: Record())
        }
        never.stop()
    }
}
