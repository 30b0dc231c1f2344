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

        init(_ slides: String, redis: String) throws {
            process = try ServerProcess(
                "orizuru",
                [
                    "serve", slides, "--listen", "127.0.0.1:0", "--no-disk-cache", "--redis", "unix:\(redis)",
                    // The machine may be busy: what is late here is late by a fault.
                    "--shared-timeout", "2s", "--shared-connect-timeout", "2s", "--log-level", "error",
                ]
            )
            port = try process.waitUntilListening()
        }

        func metric(_ name: String) throws -> Int {
            let text = try HTTPClient.get(port: port, "/metrics").text
            return text.split(separator: "\n").filter { $0.hasPrefix(name + " ") || $0.hasPrefix(name + "{") }
                .reduce(0) { $0 + (Int($1.split(separator: " ").last ?? "") ?? 0) }
        }

        /// Asks for one tile of each family on some connections at once, and gives the bodies of those answered by 200.
        func ask(_ families: Range<Int>, child: Int = 0, lanes: Int = 8) -> [Int: [UInt8]] {
            let bodies = Guarded<[Int: [UInt8]]>([:])
            DispatchQueue.concurrentPerform(iterations: lanes) { lane in
                guard let client = try? HTTPClient(port: port) else { return }
                for family in families where family % lanes == lane {
                    guard (try? client.request(CopiedSlides.path(family: family, child: child))) != nil,
                        let answer = try? client.readAnswer(timeout: 60)
                    else { return }
                    if answer.status == 200 { bodies.change { $0[family] = answer.body } }
                }
            }
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

    private static let families = 0..<108

    @Test("each of 100 cold families asked of two servers at once is rendered by one of them, but for one in twenty")
    func renderedOnce() throws {
        let directory = try TemporaryDirectory()
        let slides = try CopiedSlides.make(12, in: directory)
        let redis = try RedisServer()
        let nodes = [try Node(slides, redis: redis.socket), try Node(slides, redis: redis.socket)]
        let answers = Guarded<[[Int: [UInt8]]]>([[:], [:]])
        DispatchQueue.concurrentPerform(iterations: 2) { index in
            let mine = nodes[index].ask(Self.families)
            answers.change { $0[index] = mine }
        }
        #expect(answers.value[0].count == Self.families.count)
        #expect(answers.value[0] == answers.value[1], "the same tiles from both")
        let rendered = try nodes.map { try $0.metric("orizuru_family_renders_total") }
        // A machine that is so busy that a call took longer than anybody waits: rendered for that reason.
        let late = try nodes.map { try $0.metric("orizuru_tier_expired_total") }.reduce(0, +)
        #expect(rendered.reduce(0, +) >= Self.families.count)
        #expect(
            rendered.reduce(0, +) <= Self.families.count * 105 / 100 + late,
            "\(rendered) of \(Self.families.count) families, \(late) late"
        )
        #expect(rendered.allSatisfy { $0 > 0 }, "both do their part: \(rendered)")
    }

    @Test("what one server rendered, the next one finds: after a restart nothing is rendered again")
    func restarted() throws {
        let directory = try TemporaryDirectory()
        let slides = try CopiedSlides.make(2, in: directory)
        let redis = try RedisServer()
        let first = try Node(slides, redis: redis.socket)
        let bodies = first.ask(0..<18)
        #expect(bodies.count == 18)
        first.process.signal(SIGTERM)
        #expect(first.process.waitForExit() == 0)
        let second = try Node(slides, redis: redis.socket)
        #expect(second.ask(0..<18) == bodies)
        let late = try second.metric("orizuru_tier_expired_total")
        let rendered = try second.metric("orizuru_family_renders_total")
        #expect(rendered <= late, "\(rendered) rendered, \(late) late")
        let shared = try HTTPClient.get(port: second.port, "/metrics").text.split(separator: "\n")
            .filter { $0.hasPrefix("orizuru_requests_total{") && $0.contains("layer=\"shared\"") }
        #expect(!shared.isEmpty)
    }

    @Test("a server that dies with claims in its hands holds nobody up: the other one serves everything")
    func holderDies() throws {
        let directory = try TemporaryDirectory()
        let slides = try CopiedSlides.make(12, in: directory)
        let redis = try RedisServer()
        let victim = try Node(slides, redis: redis.socket)
        let survivor = try Node(slides, redis: redis.socket)
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
    }

    @Test("whatever Redis does, every request is answered, and with the true tile")
    func faults() throws {
        let directory = try TemporaryDirectory()
        let slides = try CopiedSlides.make(12, in: directory)
        let redis = try RedisServer()
        let reference = try ServerProcess(
            "orizuru",
            ["serve", slides, "--listen", "127.0.0.1:0", "--no-disk-cache", "--log-level", "error"]
        )
        let port = try reference.waitUntilListening()
        func truth(_ family: Int, _ child: Int) throws -> [UInt8] {
            try HTTPClient.get(port: port, CopiedSlides.path(family: family, child: child)).body
        }
        let proxy = try FaultProxy(upstream: redis.socket)
        defer { proxy.stop() }
        let node = try ServerProcess(
            "orizuru",
            [
                "serve", slides, "--listen", "127.0.0.1:0", "--no-disk-cache", "--redis", "unix:\(proxy.socket)",
                "--log-level", "error",
            ]
        )
        let client = try HTTPClient(port: try node.waitUntilListening())
        let faults: [FaultProxy.Fault] = [
            .none, .delay(milliseconds: 200), .none, .silence, .none, .answer(Array("$5\r\nwrong\r\n".utf8)), .none,
            .cut(after: 700), .none, .flip(at: 300), .close, .none,
        ]
        var family = 0
        for fault in faults {
            proxy.set(fault)
            for _ in 0..<9 {
                for child in 0..<2 {
                    try client.request(CopiedSlides.path(family: family, child: child))
                    let answer = try client.readAnswer()
                    #expect(answer.status == 200)
                    #expect(try answer.body == truth(family, child), "family \(family) under \(fault)")
                }
                family += 1
            }
        }
        // The same with the server itself: stopped, full, restarted.
        proxy.set(.none)
        for step in 0..<4 {
            switch step {
            case 0: redis.signal(SIGSTOP)
            case 1: redis.signal(SIGCONT)
            case 2: try redis.command("CONFIG", "SET", "maxmemory", "1")
            default:
                redis.kill()
                try redis.start()
            }
            for number in 0..<18 {
                let path = CopiedSlides.path(family: number, child: 1)
                try client.request(path)
                #expect(try client.readAnswer().status == 200)
            }
        }
    }
}
#endif
