// SPDX-License-Identifier: Apache-2.0

#if Redis
import Foundation
import LockFree
import SharedTier
import TestSupport
import TileModel
import Testing

/// Whatever happens to the server, calls end, nothing traps, and no wrong tile comes out (`TierFixture.get` compares).
@Suite(
    "A shared tier that fails",
    .enabled(if: RedisServer.isPresent, RedisServer.reason),
    .serialized
)
struct SharedTierFaultTests {
    private static func short(_ configuration: inout SharedTierConfiguration) {
        configuration.timeout = .milliseconds(100)
        configuration.connectTimeout = .milliseconds(100)
        // Probed at once, and again and again: nobody need wait for it.
        configuration.breaker.firstBackoff = .milliseconds(20)
        configuration.breaker.longestBackoff = .milliseconds(200)
    }

    @Test("a stopped server opens the breaker after five calls; nothing is asked of it until it goes on")
    func stopped() throws {
        let server = try RedisServer()
        let fixture = try TierFixture("unix:\(server.socket)", Self.short)
        #expect(waitUntil { fixture.insert(1) == .stored })
        server.signal(SIGSTOP)
        #expect(fixture.callsUntilUnavailable() <= 5)
        #expect(fixture.metric("orizuru_breaker_state{tier=\"shared\"}") > 0)
        let asked = fixture.metric("orizuru_shared_failures_total{reason=\"timeout\"}")
        for _ in 0..<1000 { #expect(fixture.get(1).allSatisfy { $0 == .unavailable }) }
        #expect(fixture.metric("orizuru_shared_failures_total{reason=\"timeout\"}") == asked)
        #expect(fixture.metric("orizuru_shared_failures_total{reason=\"breaker\"}") >= 1000)
        #expect(fixture.insert(2) == .refused(.unavailable))
        server.signal(SIGCONT)
        #expect(fixture.waitUntilAvailable())
        #expect(waitUntil { fixture.hasAll(1) })
        #expect(fixture.metric("orizuru_breaker_changes_total{tier=\"shared\",to=\"closed\"}") >= 1)
    }

    @Test("a restarted server is used again without a failed call: idle connections are tried anew")
    func restarted() throws {
        let server = try RedisServer()
        let fixture = try TierFixture("unix:\(server.socket)")
        #expect(fixture.insert(1) == .stored)
        server.kill()
        try server.start()
        #expect(fixture.get(1).allSatisfy { $0 == .absent })
        #expect(fixture.insert(1) == .stored)
        #expect(fixture.hasAll(1))
        #expect(fixture.metric("orizuru_shared_failures_total{reason=\"ended\"}") == 0)
    }

    @Test("a server that is gone fails at once, opens the breaker, and is found again when it is back")
    func gone() throws {
        let server = try RedisServer()
        let fixture = try TierFixture("unix:\(server.socket)")
        #expect(fixture.insert(1) == .stored)
        server.kill()
        #expect(fixture.callsUntilUnavailable() == 5)
        try server.start()
        #expect(fixture.waitUntilAvailable())
        #expect(fixture.insert(1) == .stored)
        #expect(fixture.hasAll(1))
    }

    @Test("a full server refuses writes and goes on serving reads; the breaker stays closed")
    func full() throws {
        let server = try RedisServer()
        let fixture = try TierFixture("unix:\(server.socket)")
        #expect(fixture.insert(1) == .stored)
        try server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        try server.command("CONFIG", "SET", "maxmemory", "1")
        for number in 2..<12 { #expect(fixture.insert(number) == .refused(.full)) }
        #expect(fixture.hasAll(1))
        #expect(fixture.tier.claim(TierFixture.family(1)) == .granted)
        #expect(fixture.tier.isAvailable)
        #expect(fixture.metric("orizuru_shared_refused_total{reason=\"full\"}") == 210)
        #expect(fixture.metric("orizuru_breaker_state{tier=\"shared\"}") == 0)
        try server.command("CONFIG", "SET", "maxmemory", "0")
        #expect(fixture.insert(2) == .stored)
    }

    @Test("a replica refuses writes and serves reads; the breaker stays closed")
    func readOnly() throws {
        let server = try RedisServer()
        let fixture = try TierFixture("unix:\(server.socket)")
        #expect(fixture.insert(1) == .stored)
        try server.command("REPLICAOF", "127.0.0.1", "1")
        for number in 2..<12 { #expect(fixture.insert(number) == .refused(.failed)) }
        #expect(fixture.hasAll(1))
        #expect(fixture.tier.isAvailable)
        try server.command("REPLICAOF", "NO", "ONE")
        #expect(fixture.insert(2) == .stored)
    }

    @Test("answers that come too late are no answers, and never those of the next question")
    func slow() throws {
        let server = try RedisServer()
        let proxy = try FaultProxy(upstream: server.socket)
        defer { proxy.stop() }
        let fixture = try TierFixture("unix:\(proxy.socket)", Self.short)
        #expect(waitUntil { fixture.insert(1) == .stored })
        #expect(waitUntil { fixture.insert(2) == .stored })
        proxy.set(.delay(milliseconds: 150))
        // Families in turn: an answer of the one that came for the other would be seen as damage.
        var number = 1
        while fixture.tier.isAvailable {
            #expect(fixture.get(number).allSatisfy { $0 == .unavailable })
            number = 3 - number
        }
        proxy.set(.none)
        #expect(fixture.waitUntilAvailable())
        for _ in 0..<10 {
            _ = fixture.get(1)
            _ = fixture.get(2)
        }
        #expect(waitUntil { fixture.hasAll(1) && fixture.hasAll(2) })
        #expect(fixture.metric("orizuru_shared_damaged_total") == 0)
    }

    private static let garbage = [
        "HTTP/1.1 400 Bad Request\r\n\r\n", "+OK\r\n", "$5\r\nhello\r\n", "$-5\r\n", "*-7\r\n", "*21\r\n",
        "*2147483647\r\n", "*99999999999999999999\r\n", "$99999999999\r\n", ":1\r\n:2\r\n", "\0\0\0\0",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "-ERR unknown command\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n", "-MOVED 1 nowhere\r\n", "-MOVED\r\n",
        "-NOAUTH Authentication required.\r\n", "-\r\n", "*0\r\n", "$0\r\n\r\n", "\r\n\r\n\r\n", ":\r\n",
        "%1\r\n+a\r\n+b\r\n", "*2\r\n$1\r\na\r\n",
    ]

    @Test("garbage in place of answers fails the call and nothing else")
    func garbage() throws {
        let server = try RedisServer()
        let proxy = try FaultProxy(upstream: server.socket)
        defer { proxy.stop() }
        for text in Self.garbage {
            let fixture = try TierFixture("unix:\(proxy.socket)", Self.short)
            proxy.set(.answer(Array(text.utf8)))
            for _ in 0..<6 { #expect(fixture.get(1).count(where: \.isFound) == 0, "\(text)") }
            #expect(fixture.insert(2) != .stored || text.hasPrefix("+"), "\(text)")
            #expect(fixture.tier.claim(TierFixture.family(3)) == .granted || text.hasPrefix("$-"), "\(text)")
            proxy.set(.none)
            #expect(fixture.waitUntilAvailable(), "\(text)")
            #expect(waitUntil { fixture.insert(1) == .stored && fixture.hasAll(1) }, "\(text)")
        }
    }

    @Test("a server that sends us to ever new places is followed to a few of them, and to no more")
    func endlessRedirections() throws {
        let server = try RedisServer()
        let proxy = try FaultProxy(upstream: server.socket)
        defer { proxy.stop() }
        let fixture = try TierFixture("unix:\(proxy.socket)", Self.short)
        #expect(waitUntil { fixture.insert(1) == .stored })
        // Nobody listens below port 100.
        for port in 1...40 {
            proxy.set(.answer(Array("-MOVED 1 127.0.0.1:\(port)\r\n".utf8)))
            #expect(fixture.get(1).allSatisfy { $0 == .unavailable })
        }
        #expect(fixture.metric("orizuru_shared_failures_total{reason=\"too-many-nodes\"}") >= 40 - 16)
        proxy.set(.none)
        #expect(waitUntil { fixture.hasAll(1) })
    }

    @Test("an answer that is cut anywhere fails its call; the next one has a new connection")
    func cut() throws {
        let server = try RedisServer()
        let proxy = try FaultProxy(upstream: server.socket)
        defer { proxy.stop() }
        let fixture = try TierFixture("unix:\(proxy.socket)")
        #expect(fixture.insert(1) == .stored)
        for place in [0, 1, 4, 5, 60, 3000, 30_000] {
            proxy.set(.cut(after: place))
            #expect(fixture.get(1).allSatisfy { $0 == .unavailable }, "cut after \(place)")
            proxy.set(.none)
            #expect(waitUntil { fixture.tier.isAvailable && fixture.hasAll(1) })
        }
    }

    @Test(
        "a connection that the server's side has half closed behind a part of an answer fails its call, not the next one"
    )
    func halfClosed() throws {
        let server = try RedisServer()
        let proxy = try FaultProxy(upstream: server.socket)
        defer { proxy.stop() }
        let fixture = try TierFixture("unix:\(proxy.socket)")
        #expect(fixture.insert(1) == .stored)
        for place in [0, 1, 60, 30_000] {
            proxy.set(.halfClose(after: place))
            #expect(fixture.get(1).allSatisfy { $0 == .unavailable }, "half closed after \(place)")
            proxy.set(.none)
            #expect(waitUntil { fixture.tier.isAvailable && fixture.hasAll(1) })
        }
        #expect(fixture.metric("orizuru_shared_damaged_total") == 0)
    }

    @Test("a bit that changes on the way never makes a wrong tile")
    func flipped() throws {
        let server = try RedisServer()
        let proxy = try FaultProxy(upstream: server.socket)
        defer { proxy.stop() }
        let fixture = try TierFixture("unix:\(proxy.socket)", Self.short)
        #expect(waitUntil { fixture.insert(1) == .stored })
        for place in [0, 2, 5, 8, 11, 12, 20, 40, 54, 55, 56, 500, 3200] {
            proxy.set(.flip(at: place))
            // Compared inside; nothing of it may be the wrong bytes.
            _ = fixture.get(1)
            proxy.set(.none)
            #expect(fixture.waitUntilAvailable())
            #expect(waitUntil { fixture.insert(1) == .stored && fixture.hasAll(1) })
        }
    }

    @Test("while a server hangs, one probe at a time is made, however many of 64 threads ask")
    func oneProbe() throws {
        let server = try RedisServer()
        let proxy = try FaultProxy(upstream: server.socket)
        defer { proxy.stop() }
        let fixture = try TierFixture("unix:\(proxy.socket)", Self.short)
        #expect(waitUntil { fixture.insert(1) == .stored })
        proxy.set(.silence)
        #expect(fixture.callsUntilUnavailable() <= 5)
        #expect(waitUntil { proxy.openConnections.now == 0 })
        proxy.forgetMost()
        let failures = fixture.metric("orizuru_shared_failures_total{reason=\"timeout\"}")
        let before = proxy.connections
        let end = Date().addingTimeInterval(60)
        let threads = DispatchGroup()
        nonisolated(unsafe) let shared = fixture
        for _ in 0..<64 {
            threads.enter()
            Thread {
                defer { threads.leave() }
                // Until two probes have failed.
                while proxy.connections < before + 2, Date() < end {
                    #expect(unsafe shared.get(1).allSatisfy { $0 == .unavailable })
                    usleep(1000)
                }
            }.start()
        }
        threads.wait()
        #expect(proxy.connections >= before + 2)
        #expect(proxy.openConnections.most == 1)
        // No call of theirs was made.
        #expect(fixture.metric("orizuru_shared_failures_total{reason=\"timeout\"}") == failures)
        proxy.set(.none)
        #expect(fixture.waitUntilAvailable())
        #expect(waitUntil { fixture.hasAll(1) })
    }

    @Test("a server that hangs up on everybody opens the breaker")
    func hangsUp() throws {
        let server = try RedisServer()
        let proxy = try FaultProxy(upstream: server.socket)
        defer { proxy.stop() }
        let fixture = try TierFixture("unix:\(proxy.socket)")
        proxy.set(.close)
        #expect(fixture.callsUntilUnavailable() == 5)
        // Probes come one at a time, by the back-off; calls make no connection at all.
        let before = proxy.connections
        for _ in 0..<1000 { _ = fixture.get(1) }
        #expect(proxy.connections - before <= 3)
        proxy.set(.none)
        #expect(fixture.waitUntilAvailable())
    }
}
#endif
