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
}
#endif
