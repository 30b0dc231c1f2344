// SPDX-License-Identifier: Apache-2.0

import CBenchmarkCalls
import Glibc
import LockFree
import Synchronization
import TestSupport

/// Clients that hold on to connections: heads that never end, bodies that come drop by drop, answers that are not read.
/// Who is closed comes again at once. A thread of its own sends each of them a byte every half second.
final class SlowClients: Sendable {
    enum Kind: CaseIterable { case head, body, reader }

    private struct Slow {
        let kind: Kind
        let client: HTTPClient
    }

    private let port: UInt16
    private let path: String
    private let count: Int
    private let isOver = Atomic<Bool>(false)
    private let closed = Atomic<Int>(0)
    private let left = Atomic<Int>(-1)
    private let thread = Lock<OSThread?>(nil)

    /// `count` clients, a third of each kind. `path`: what is asked for, many times over, by those that do not read.
    init(port: UInt16, count: Int, path: String) throws {
        self.port = port
        self.count = count
        self.path = path
        let made = try OSThread(name: "slow-clients") { [self] in work() }
        thread.withLock { $0 = made }
    }

    /// How often one was closed.
    var closings: Int { closed.load(ordering: .relaxed) }

    /// Lets no closed client come again, and waits until all are closed or `seconds` have passed. How many are left.
    func finish(within seconds: Int) -> Int {
        isOver.store(true, ordering: .relaxed)
        for _ in 0..<seconds * 10 where left.load(ordering: .relaxed) != 0 { usleep(100_000) }
        let result = left.load(ordering: .relaxed)
        left.store(0, ordering: .relaxed)
        thread.withLock { $0 }?.join()
        return result
    }

    private func work() {
        var all: [Slow] = []
        var round = 0
        while true {
            let isOver = isOver.load(ordering: .relaxed)
            if isOver, left.load(ordering: .relaxed) == 0 { return }
            all = all.filter { slow in
                guard isAlive(slow) else {
                    closed.wrappingAdd(1, ordering: .relaxed)
                    return false
                }
                return true
            }
            if isOver {
                left.store(all.count, ordering: .relaxed)
                if all.isEmpty { return }
            } else {
                while all.count < count, let slow = try? begin(Kind.allCases[round % 3]) {
                    all.append(slow)
                    round += 1
                }
            }
            usleep(500_000)
        }
    }

    private func begin(_ kind: Kind) throws -> Slow {
        let client = try HTTPClient(port: port)
        switch kind {
        case .head: try client.send("GET \(path) HTTP/1.1\r\nHost: slow\r\n")
        case .body: try client.send("POST \(path) HTTP/1.1\r\nHost: slow\r\nContent-Length: 1000000\r\n\r\n")
        case .reader:
            client.setReceiveBuffer(4096)
            // Together far more than the sockets' buffers hold.
            try client.send(String(repeating: "GET \(path) HTTP/1.1\r\nHost: slow\r\n\r\n", count: 400))
        }
        return Slow(kind: kind, client: client)
    }

    /// Does what the client does every half second; false where the server has ended the connection.
    private func isAlive(_ slow: Slow) -> Bool {
        switch slow.kind {
        case .head: guard (try? slow.client.send("X-a: b\r\n")) != nil else { return false }
        case .body: guard (try? slow.client.send("x")) != nil else { return false }
        case .reader: break
        }
        return bench_has_ended(slow.client.descriptor) == 0
    }
}
