// SPDX-License-Identifier: Apache-2.0

/// An answer to a GET.
struct WarmAnswer {
    let head: HTTPResponseHead
    /// Empty where only counted.
    let body: [UInt8]
    let bodyCount: Int
}

/// Why a GET had no answer.
struct WarmFault: Error, Equatable {
    let reason: String
    /// Whether it may pass: worth another try.
    let isTransient: Bool
    /// Whether the server could not be reached, or went away.
    let isUnreachable: Bool
}

/// A keep-alive connection to one server, made when needed and made anew when it broke. Owned by one thread.
final class WarmConnection {
    private let endpoint: WarmEndpoint
    private let timeout: Duration
    private var socket: WarmSocket?
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)

    /// - Parameter timeout: for each GET as a whole, connecting included.
    init(endpoint: WarmEndpoint, timeout: Duration) {
        self.endpoint = endpoint
        self.timeout = timeout
    }

    /// Asks for a path of the server.
    func get(
        _ path: String,
        fields: [(name: String, value: String)] = [],
        limits: HTTPResponseLimits
    ) throws(WarmFault) -> WarmAnswer {
        let deadline = Deadline(after: timeout)
        var text =
            "GET \(endpoint.target(of: path)) HTTP/1.1\r\nHost: \(endpoint.authority)\r\nUser-Agent: orizuru-prewarm\r\n"
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        let request = Array((text + "\r\n").utf8)
        var reader = HTTPResponseReader(limits: limits)
        if let resting = socket, !resting.isAtRest { socket = nil }
        let isReused = socket != nil
        do throws(WarmFault) {
            return try exchange(request, &reader, deadline)
        } catch {
            socket = nil
            // A server may close a resting connection just when it is used again: that says nothing about the server.
            guard isReused, error.isUnreachable, !reader.hasBegun else { throw error }
        }
        reader = HTTPResponseReader(limits: limits)
        do throws(WarmFault) {
            return try exchange(request, &reader, deadline)
        } catch {
            socket = nil
            throw error
        }
    }

    private func exchange(
        _ request: [UInt8],
        _ reader: inout HTTPResponseReader,
        _ deadline: Deadline
    ) throws(WarmFault) -> WarmAnswer {
        do throws(ConnectionFault) {
            return try converse(request, &reader, deadline)
        } catch {
            throw WarmFault(error, endpoint, timeout)
        }
    }

    private func converse(
        _ request: [UInt8],
        _ reader: inout HTTPResponseReader,
        _ deadline: Deadline
    ) throws(ConnectionFault) -> WarmAnswer {
        let current: WarmSocket
        if let socket {
            current = socket
        } else {
            current = try WarmSocket.connect(host: endpoint.host, port: endpoint.port, deadline: deadline)
            socket = current
        }
        try current.send(request, deadline)
        while !reader.isComplete {
            let count = try current.receive(into: &buffer, deadline)
            try feed(count, into: &reader)
        }
        guard let head = reader.head else { throw .refused(.cutShort) }
        if !head.keepsAlive { socket = nil }
        return WarmAnswer(head: head, body: reader.body, bodyCount: reader.bodyCount)
    }

    private func feed(_ count: Int, into reader: inout HTTPResponseReader) throws(ConnectionFault) {
        do throws(HTTPResponseFault) {
            if count == 0 {
                try reader.end()
            } else if try reader.feed(buffer[..<count]) < count {
                // Bytes behind an answer that nobody asked for: the next one could not be told apart from them.
                socket = nil
            }
        } catch {
            throw .refused(error)
        }
    }
}

extension WarmFault {
    fileprivate init(_ fault: ConnectionFault, _ endpoint: WarmEndpoint, _ timeout: Duration) {
        switch fault {
        case .unresolved(let reason):
            self.init(reason: "looking up \(endpoint.host) failed: \(reason)", isTransient: true, isUnreachable: true)
        case .unreachable(let reason):
            let reason = "connecting to \(endpoint.authority) failed: \(reason)"
            self.init(reason: reason, isTransient: true, isUnreachable: true)
        case .broken(let reason):
            self.init(reason: "the connection broke: \(reason)", isTransient: true, isUnreachable: true)
        case .timedOut:
            self.init(reason: "no whole answer within \(timeout)", isTransient: true, isUnreachable: false)
        case .refused(let fault):
            // An answer that ends early may have met a restart and is worth another try; what is no HTTP is not.
            let isCut = fault == .cutShort
            self.init(reason: fault.description, isTransient: isCut, isUnreachable: isCut)
        }
    }
}
