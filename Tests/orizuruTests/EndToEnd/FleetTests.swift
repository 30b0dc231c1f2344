// SPDX-License-Identifier: Apache-2.0

#if Redis
import Foundation
import TestSupport
import Testing

/// Servers that share one Redis, as processes.
@Suite("A fleet", .enabled(if: RedisServer.isPresent, RedisServer.reason), .serialized)
struct FleetTests {
    /// One server of a fleet.
    ///
    /// @unchecked Sendable: the process is signalled and waited for by one thread at a time.
    private final class Node: @unchecked Sendable {
        let process: ServerProcess
        let port: UInt16

        /// The machine may be busy: what is late here is late by a fault.
        static let patient = [
            "--disk-patience", "60s", "--shared-timeout", "60s", "--shared-connect-timeout", "60s",
            "--shared-patience", "120s", "--shared-lease", "120s",
        ]

        init(_ slides: String, redis: String, _ options: [String] = patient) throws {
            process = try ServerProcess(
                "orizuru",
                [
                    "serve", slides, "--listen", "127.0.0.1:0", "--no-disk-cache", "--redis", "unix:\(redis)",
                    "--log-level", "error",
                ] + options
            )
            port = try process.waitUntilListening()
        }

        /// The sum of all series of a metric whose labels hold `label`.
        func metric(_ name: String, _ label: String = "") throws -> Int {
            let text = try HTTPClient.get(port: port, "/metrics").text
            return text.split(separator: "\n")
                .filter {
                    ($0.hasPrefix(name + " ") || $0.hasPrefix(name + "{")) && (label.isEmpty || $0.contains(label))
                }
                .reduce(0) { $0 + (Int($1.split(separator: " ").last ?? "") ?? 0) }
        }

        /// Asks for one tile of each family on some connections at once, and gives the bodies of those answered by 200.
        func ask(_ families: Range<Int>, child: Int = 0, lanes: Int = 8) -> [Int: [UInt8]] {
            let bodies = Guarded<[Int: [UInt8]]>([:])
            // Threads of their own: those of Dispatch are as few as the machine has cores, and wait here.
            let group = DispatchGroup()
            for lane in 0..<lanes {
                group.enter()
                Thread { [port] in
                    defer { group.leave() }
                    guard let client = try? HTTPClient(port: port) else { return }
                    for family in families where family % lanes == lane {
                        guard (try? client.request(CopiedSlides.path(family: family, child: child))) != nil,
                            let answer = try? client.readAnswer(timeout: 120)
                        else { return }
                        if answer.status == 200 { bodies.change { $0[family] = answer.body } }
                    }
                }.start()
            }
            group.wait()
            return bodies.value
        }
    }

    private final class Guarded<Value>: @unchecked Sendable {
        private let lock = NSLock()
        private var stored: Value
        init(_ value: Value) { stored = value }
        var value: Value { lock.withLock { stored } }
        func change(_ body: (inout Value) -> Void) { lock.withLock { body(&stored) } }
    }

    /// Whether no server holds a claim: all that was rendered is written.
    private static func isQuiet(_ redis: RedisServer) throws -> Bool {
        try !RedisServer.client(["-s", redis.socket, "--scan", "--pattern", "*:lock"]).contains("lock")
    }

    private static let families = 0..<108

    @Test("each of 108 cold families asked of two servers at once is rendered by one of them, but for one in twenty")
    func renderedOnce() throws {
        let directory = try TemporaryDirectory()
        let slides = try CopiedSlides.make(12, in: directory)
        let redis = try RedisServer()
        let nodes = [try Node(slides, redis: redis.socket), try Node(slides, redis: redis.socket)]
        let answers = Guarded<[[Int: [UInt8]]]>([[:], [:]])
        let group = DispatchGroup()
        for index in 0..<2 {
            group.enter()
            Thread {
                let mine = nodes[index].ask(Self.families)
                answers.change { $0[index] = mine }
                group.leave()
            }.start()
        }
        group.wait()
        #expect(answers.value[0].count == Self.families.count)
        #expect(answers.value[0] == answers.value[1], "the same tiles from both")
        let rendered = try nodes.map { try $0.metric("orizuru_family_renders_total") }
        #expect(rendered.reduce(0, +) >= Self.families.count)
        #expect(
            rendered.reduce(0, +) <= Self.families.count * 105 / 100,
            "\(rendered) of \(Self.families.count) families"
        )
        #expect(try eventually { try Self.isQuiet(redis) }, "every claim ends without anybody dying")

        // What they rendered, the next one finds.
        let third = try Node(slides, redis: redis.socket)
        #expect(third.ask(Self.families) == answers.value[0])
        #expect(try third.metric("orizuru_family_renders_total") == 0)
        #expect(try third.metric("orizuru_requests_total", "layer=\"shared\"") > 0)
    }

    @Test("a server that dies with claims in its hands holds nobody up: the other one serves everything")
    func holderDies() throws {
        let directory = try TemporaryDirectory()
        let slides = try CopiedSlides.make(12, in: directory)
        let redis = try RedisServer()
        // The survivor waits for as long as it does by default.
        let victim = try Node(slides, redis: redis.socket)
        let survivor = try Node(
            slides,
            redis: redis.socket,
            ["--shared-timeout", "2s", "--shared-connect-timeout", "2s"]
        )
        let socket = redis.socket
        let killer = Thread {
            for _ in 0..<2000 {
                // As soon as it holds a claim.
                let locks = (try? RedisServer.client(["-s", socket, "--scan", "--pattern", "*:lock"])) ?? ""
                if locks.contains("lock") { break }
                usleep(1000)
            }
            victim.process.signal(SIGKILL)
        }
        killer.start()
        _ = victim.ask(Self.families, lanes: 32)
        #expect(victim.process.waitForExit() == 128 + SIGKILL)
        let answers = survivor.ask(Self.families)
        #expect(answers.count == Self.families.count)
        #expect(try survivor.metric("orizuru_shared_claims_total", "elsewhere") > 0, "it met the dead one's claims")
    }

    @Test("whatever Redis does, every request is answered, and with the true tile")
    func faults() throws {
        let directory = try TemporaryDirectory()
        let slides = try CopiedSlides.make(9, in: directory)
        let redis = try RedisServer()
        // Every slide is the same one under another name: its tiles are the truth for all.
        let reference = try ServerProcess(
            "orizuru",
            ["serve", slides, "--listen", "127.0.0.1:0", "--no-disk-cache", "--log-level", "error"]
        )
        let port = try reference.waitUntilListening()
        var truths: [String: [UInt8]] = [:]
        func truth(_ family: Int, _ child: Int) throws -> [UInt8] {
            let path = CopiedSlides.path(family: family % CopiedSlides.familiesPerSlide, child: child)
            if let known = truths[path] { return known }
            let body = try HTTPClient.get(port: port, path).body
            truths[path] = body
            return body
        }
        let proxy = try FaultProxy(upstream: redis.socket)
        defer { proxy.stop() }
        // Its time-outs are the default ones.
        let node = try Node(slides, redis: proxy.socket, [])
        let client = try HTTPClient(port: node.port)
        var family = 0
        func look(_ count: Int, _ what: String) throws {
            for _ in 0..<count {
                for child in 0..<2 {
                    try client.request(CopiedSlides.path(family: family, child: child))
                    let answer = try client.readAnswer(timeout: 120)
                    #expect(answer.status == 200, "family \(family), \(what)")
                    #expect(try answer.body == truth(family, child), "family \(family), \(what)")
                }
                family += 1
            }
        }
        let faults: [FaultProxy.Fault] = [
            .none, .delay(milliseconds: 200), .silence, .answer(Array("$5\r\nwrong\r\n".utf8)), .cut(after: 700),
            .halfClose(after: 700), .flip(at: 300), .close,
        ]
        for fault in faults {
            proxy.set(fault)
            try look(6, "\(fault)")
            proxy.set(.none)
            // Otherwise the breaker keeps the next fault away.
            #expect(try eventually { try node.metric("orizuru_breaker_state", "tier=\"shared\"") == 0 })
        }
        // The same with the server itself: stopped, full, restarted.
        redis.signal(SIGSTOP)
        try look(8, "stopped")
        #expect(try eventually { try node.metric("orizuru_breaker_state", "tier=\"shared\"") > 0 })
        // From now on nobody waits for it; some calls may still be under way.
        let late = try node.metric("orizuru_shared_failures_total", "timeout")
        #expect(late > 0)
        try look(8, "left alone")
        #expect(try node.metric("orizuru_shared_failures_total", "timeout") <= late + 5)
        redis.signal(SIGCONT)
        #expect(try eventually { try node.metric("orizuru_breaker_state", "tier=\"shared\"") == 0 })
        try redis.command("CONFIG", "SET", "maxmemory", "1")
        try look(6, "full")
        #expect(try eventually { try node.metric("orizuru_shared_refused_total", "full") > 0 })
        redis.kill()
        try redis.start()
        try look(6, "restarted")
        #expect(try eventually { try node.metric("orizuru_breaker_state", "tier=\"shared\"") == 0 })
        try look(2, "well again")
    }
}
#endif
