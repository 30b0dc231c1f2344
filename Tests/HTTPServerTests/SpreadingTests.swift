// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree
import TestSupport
import Testing

@testable import HTTPServer

@Suite("Reactors in use")
struct SpreadingTests {
    private let rule = SpreadingRule()

    @Test("a reactor that is busy three times in a row uses another, or sheds to one that has much less to do")
    func growth() {
        #expect(rule.decide(reactor: 0, shares: [960, 0], inUse: 1, looksHigh: 2) == .stay, "once is chance")
        #expect(rule.decide(reactor: 0, shares: [960, 0], inUse: 1, looksHigh: 3) == .useAnother(thousandths: 500))
        #expect(rule.decide(reactor: 0, shares: [960], inUse: 1, looksHigh: 3) == .stay, "there is no other")
        #expect(rule.decide(reactor: 0, shares: [960, 900], inUse: 2, looksHigh: 3) == .stay, "both are busy")
        #expect(
            rule.decide(reactor: 1, shares: [200, 1000, 900], inUse: 3, looksHigh: 3)
                == .shed(to: 0, thousandths: 400)
        )
        #expect(
            rule.decide(reactor: 0, shares: [960, 940, 0], inUse: 2, looksHigh: 3) == .useAnother(thousandths: 500)
        )
    }

    @Test("the last reactor in use retires when the others have time for its work, the first never")
    func shrinking() {
        #expect(rule.decide(reactor: 1, shares: [300, 200], inUse: 2, looksHigh: 1) == .retire)
        #expect(rule.decide(reactor: 1, shares: [500, 400], inUse: 2, looksHigh: 1) == .stay)
        #expect(rule.decide(reactor: 0, shares: [10, 10], inUse: 2, looksHigh: 1) == .stay)
        #expect(rule.decide(reactor: 0, shares: [0, 0], inUse: 1, looksHigh: 1) == .stay)
        #expect(rule.decide(reactor: 1, shares: [100, 100, 0], inUse: 3, looksHigh: 1) == .stay, "not the last")
    }

    @Test("no load wanders back and forth: what makes one reactor too many does not make two too few")
    func hysteresis() {
        for share in stride(from: rule.high + 1, through: 1000, by: 1) {
            let half = [share / 2, share - share / 2]
            #expect(rule.decide(reactor: 1, shares: half, inUse: 2, looksHigh: 1) == .stay, "\(share)")
        }
    }

    @Test(
        "little load stays on one reactor; more of it moves connections, whose requests are all answered, and less back"
    )
    func moving() throws {
        // What counts as much and as little is lowered, so that a test can tell the difference on any machine.
        let server = try TestServer {
            $0.spreadingRule.high = 100
            $0.spreadingRule.low = 60
            $0.spreadingRule.difference = 10
            $0.spreadingRule.patience = 1
        }
        let clients = try (0..<8).map { _ in try server.client() }
        func ask(_ rounds: Int) throws -> Set<Substring> {
            for client in clients { try client.request("/burn/\(rounds)") }
            return Set(try clients.map { try $0.readAnswer().text.prefix { $0 != " " } })
        }
        #expect(try ask(1) == ["0"], "connections begin together")
        var seen: Set<Substring> = []
        for _ in 0..<5000 {
            if seen.count == 2 { break }
            seen = try ask(20_000)
        }
        #expect(seen == ["0", "1"], "both reactors work")
        let moved = server.server.count(.moved)
        #expect(moved > 0)
        #expect(server.server.count(.accepted) == 8 && server.server.count(.open) == 8)
        // So few requests that they are little work for an unoptimised server on a slow machine, too.
        for _ in 0..<600 {
            if seen == ["0"] { break }
            usleep(100_000)
            seen = try ask(1)
        }
        #expect(seen == ["0"], "one reactor is enough again")
        #expect(server.server.count(.moved) > moved)
        #expect(server.server.count(.accepted) == 8 && server.server.count(.open) == 8)
    }

    @Test("connections move under pipelined load while the server drains, and no answer is lost")
    func movingWhileDraining() throws {
        for _ in 0..<5 {
            let server = try TestServer {
                $0.spreadingRule.high = 1
                $0.spreadingRule.low = 1000
                $0.spreadingRule.difference = 0
                $0.spreadingRule.patience = 1
            }
            let port = server.port
            let faults = Lock<[String]>([])
            let threads = try (0..<6).map { index in
                try OSThread(name: "client-\(index)") {
                    guard let client = try? HTTPClient(port: port) else { return }
                    for round in 0..<100_000 {
                        do {
                            for number in 0..<4 { try client.request("/echo?\(round)-\(number)") }
                            for number in 0..<4 {
                                let answer = try client.readAnswer()
                                if answer.text != "/echo?\(round)-\(number)" {
                                    faults.withLock { $0.append(answer.text) }
                                }
                                if answer["connection"] == "close" { return }
                            }
                        } catch HTTPClientError.ended(let rest) where rest.isEmpty {
                            return
                        } catch HTTPClientError.receive(ECONNRESET), HTTPClientError.send {
                            return
                        } catch {
                            return faults.withLock { $0.append("\(error)") }
                        }
                    }
                }
            }
            #expect(server.wait(for: .moved, toReach: 3))
            #expect(server.server.drain(deadline: .seconds(60)))
            for thread in threads { thread.join() }
            #expect(faults.withLock { $0 } == [])
            #expect(server.server.count(.open) == 0)
        }
    }
}
