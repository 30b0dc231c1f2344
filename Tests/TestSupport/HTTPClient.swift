// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc

/// What went wrong on the client's side of a test.
package enum HTTPClientError: Error {
    case connect(Int32)
    case send(Int32)
    case receive(Int32)
    /// Nothing came within the time limit; what had come before.
    case timeout([UInt8])
    /// The connection ended inside an answer; what had come before.
    case ended([UInt8])
    /// The bytes are not an HTTP answer.
    case malformed([UInt8])
}

/// An answer as a client sees it.
package struct HTTPAnswer: Sendable, Equatable {
    package var status: Int
    package var reason: String
    /// In the order of the wire, names in lower case.
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]

    /// The value of the first field of this name (in lower case).
    package subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    package var text: String { String(decoding: body, as: UTF8.self) }

    package static func == (a: HTTPAnswer, b: HTTPAnswer) -> Bool {
        a.status == b.status && a.body == b.body && a.fields.map { "\($0)" } == b.fields.map { "\($0)" }
    }
}

/// One raw connection to a server: sends exactly the bytes it is given and reads answers one by one. Blocking, with
/// time limits; one thread.
package final class HTTPClient {
    package let descriptor: Int32
    /// Kept alive as long as the client: the server that it talks to.
    package var server: AnyObject?
    private var buffer: [UInt8] = []
    private var chunk = [UInt8](repeating: 0, count: 65_536)
    private var isClosed = false

    package init(port: UInt16, address: String = "127.0.0.1") throws {
        descriptor = unsafe platform_connect(address, port)
        guard descriptor >= 0 else { throw HTTPClientError.connect(-descriptor) }
    }

    /// A client on a socket that is connected already; owned from now on.
    package init(connected descriptor: Int32) { self.descriptor = descriptor }

    deinit { close() }

    /// One GET on a connection of its own.
    package static func get(
        port: UInt16,
        _ path: String,
        fields: [String] = [],
        timeout: Double = 30
    ) throws -> HTTPAnswer {
        let client = try HTTPClient(port: port)
        try client.request(path, fields: fields + ["Connection: close"])
        return try client.readAnswer(timeout: timeout)
    }

    /// Sends all of the bytes.
    package func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe platform_send(descriptor, $0.baseAddress! + sent, bytes.count - sent)
            }
            guard count > 0 else { throw HTTPClientError.send(Int32(clamping: -count)) }
            sent += count
        }
    }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends a request without a body.
    package func request(_ path: String, method: String = "GET", fields: [String] = []) throws {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: test\r\n"
        for field in fields { text += field + "\r\n" }
        try send(text + "\r\n")
    }

    /// Reads one answer, skipping interim ones (1xx), and leaves what follows it for the next call.
    ///
    /// - Parameter hasBody: false for the answer to a HEAD request.
    package func readAnswer(hasBody: Bool = true, timeout: Double = 30) throws -> HTTPAnswer {
        let deadline = Self.now() + timeout
        while true {
            let headEnd = try waitForHead(deadline)
            let lines = String(decoding: buffer[..<headEnd], as: UTF8.self).split(
                separator: "\r\n",
                omittingEmptySubsequences: true
            )
            let words = lines.first.map { $0.split(separator: " ", maxSplits: 2) } ?? []
            guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
                throw HTTPClientError.malformed(buffer)
            }
            buffer.removeFirst(headEnd)
            if status < 200 { continue }
            var answer = HTTPAnswer(
                status: status,
                reason: words.count > 2 ? String(words[2]) : "",
                fields: [],
                body: []
            )
            for line in lines.dropFirst() {
                guard let colon = line.firstIndex(of: ":") else { throw HTTPClientError.malformed(Array(line.utf8)) }
                var value = line[line.index(after: colon)...]
                while value.first == " " { value = value.dropFirst() }
                answer.fields.append((line[..<colon].lowercased(), String(value)))
            }
            if hasBody, status != 204, status != 304 {
                if let length = answer["content-length"].flatMap({ Int($0) }) {
                    while buffer.count < length { try fill(deadline) }
                    answer.body = Array(buffer[..<length])
                    buffer.removeFirst(length)
                } else {
                    answer.body = try readToEnd(timeout: max(0, deadline - Self.now()))
                }
            }
            return answer
        }
    }

    /// Reads until the server ends the connection. A reset counts as an error.
    package func readToEnd(timeout: Double = 30) throws -> [UInt8] {
        let deadline = Self.now() + timeout
        while true {
            do { try fill(deadline) } catch HTTPClientError.ended {
                let all = buffer
                buffer = []
                return all
            }
        }
    }

    /// Whether the server has ended or reset the connection within the time limit; what it sent is kept.
    package func isEnded(within timeout: Double) -> Bool {
        let deadline = Self.now() + timeout
        while true {
            do { try fill(deadline) } catch HTTPClientError.timeout { return false } catch { return true }
        }
    }

    /// Announces that nothing more will be sent; answers can still be read.
    package func shutdownWriting() { _ = platform_shutdown_writing(descriptor) }

    /// Closes the connection as a browser does.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        platform_close(descriptor)
    }

    /// Closes the connection with a reset.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// Limits how much the kernel takes in for this client: a slow reader. Before the first byte arrives.
    package func setReceiveBuffer(_ byteCount: Int32) {
        var value = byteCount
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private func waitForHead(_ deadline: Double) throws -> Int {
        var searched = 0
        while true {
            if buffer.count >= 4 {
                for index in max(searched - 3, 0)...(buffer.count - 4)
                where buffer[index] == 13 && buffer[index + 1] == 10 && buffer[index + 2] == 13
                    && buffer[index + 3] == 10
                {
                    return index + 4
                }
                searched = buffer.count
            }
            try fill(deadline)
        }
    }

    private func fill(_ deadline: Double) throws {
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let rest = deadline - Self.now()
            let ready = unsafe poll(&item, 1, Int32(max(0, rest * 1000)))
            if ready > 0 { break }
            if ready == 0 || rest <= 0 { throw HTTPClientError.timeout(buffer) }
        }
        let received = unsafe chunk.withUnsafeMutableBytes {
            unsafe platform_receive(descriptor, $0.baseAddress!, $0.count)
        }
        if received > 0 { buffer += chunk[..<received] }
        if received == 0 { throw HTTPClientError.ended(buffer) }
        if received < 0 { throw HTTPClientError.receive(Int32(clamping: -received)) }
    }

    private static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
