// SPDX-License-Identifier: Apache-2.0

import CBenchmarkCalls
import Glibc
import Telemetry
import TestSupport

/// A client that asks at fixed times, whether or not earlier answers have come, and counts each answer's time from when
/// its request was due: what a server that stands still costs is not hidden by a client that waits for it.
///
/// One thread. Requests go out on connections that are free; where none is, they wait, and their time runs.
package final class OpenLoop {
    private final class Lane {
        let descriptor: Int32
        /// When the request under way was due; nil while the connection is free.
        var due: Int?
        /// Of the answer under way: its status, and how many bytes are still to come.
        var status = 0
        var missing = 0

        init(port: UInt16) throws {
            let client = try HTTPClient(port: port)
            descriptor = dup(client.descriptor)
        }

        deinit { close(descriptor) }
    }

    /// What came of one run.
    package struct Result {
        /// Milliseconds, in ascending order.
        package var times: [Double] = []
        package var statuses: [Int: Int] = [:]

        /// The time that so large a share of the answers took at most.
        package func quantile(_ share: Double) -> Double {
            times.isEmpty ? .nan : times[min(Int(Double(times.count) * share), times.count - 1)]
        }
    }

    private let lanes: [Lane]
    private let interval: Int
    private var chunk = [UInt8](repeating: 0, count: 1 << 16)

    /// - Parameter rate: requests per second.
    package init(port: UInt16, connections: Int, rate: Double) throws {
        lanes = try (0..<connections).map { _ in try Lane(port: port) }
        interval = Int(1e9 / rate)
        bench_sleep_exactly()
    }

    /// Asks for `seconds`, each time for what `path` gives for the number of the request.
    package func run(seconds: Double, path: (Int) -> String) throws -> Result {
        var result = Result()
        let start = MonotonicClock.nanoseconds
        let count = Int(seconds * 1e9) / interval
        var sent = 0
        var free = Array(lanes.indices)
        var items = lanes.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        while sent < count || free.count < lanes.count {
            let now = MonotonicClock.nanoseconds
            while sent < count, start + sent * interval <= now, let lane = free.popLast() {
                lanes[lane].due = start + sent * interval
                try send("GET \(path(sent)) HTTP/1.1\r\nHost: bench\r\n\r\n", on: lane)
                sent += 1
            }
            let next = sent < count && !free.isEmpty ? start + sent * interval : now + 1_000_000_000
            let rest = max(0, next - MonotonicClock.nanoseconds)
            // SAFETY: the array's own items.
            guard unsafe bench_poll(&items, Int32(items.count), Int64(rest)) > 0 else {
                guard now - start < Int((seconds + 60) * 1e9) else { throw HTTPClientError.timeout([]) }
                continue
            }
            for lane in items.indices where items[lane].revents != 0 {
                guard let status = try receive(on: lane), let due = lanes[lane].due else { continue }
                result.times.append(Double(MonotonicClock.nanoseconds - due) / 1e6)
                result.statuses[status, default: 0] += 1
                lanes[lane].due = nil
                free.append(lane)
            }
        }
        result.times.sort()
        return result
    }

    private func send(_ text: String, on lane: Int) throws {
        let bytes = Array(text.utf8)
        // SAFETY: the array's own bytes. A request fits the socket's buffer.
        let sent = unsafe Glibc.send(lanes[lane].descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        guard sent == bytes.count else { throw HTTPClientError.send(errno) }
    }

    /// The status, once the whole answer is there. The client is to cost less than the server: a head is looked at once,
    /// and is taken to come in one piece; a body is counted.
    private func receive(on lane: Int) throws -> Int? {
        // SAFETY: as many bytes as the array has.
        let count = unsafe recv(lanes[lane].descriptor, &chunk, chunk.count, Int32(MSG_DONTWAIT))
        guard count > 0 else {
            if count < 0, errno == EAGAIN { return nil }
            throw HTTPClientError.ended([])
        }
        if lanes[lane].missing == 0 {
            var status: Int32 = 0
            // SAFETY: `count` bytes of the array, and a local.
            let total = unsafe chunk.withUnsafeBytes { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self) {
                    unsafe bench_answer_length($0.baseAddress!, count, &status)
                }
            }
            guard total > 0 else { throw HTTPClientError.malformed(Array(chunk[..<count])) }
            lanes[lane].status = Int(status)
            lanes[lane].missing = total
        }
        lanes[lane].missing -= count
        return lanes[lane].missing == 0 ? lanes[lane].status : nil
    }
}
