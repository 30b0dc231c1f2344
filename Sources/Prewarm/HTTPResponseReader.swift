// SPDX-License-Identifier: Apache-2.0

/// An answer's status and headers.
package struct HTTPResponseHead: Equatable, Sendable {
    package let status: Int
    /// Names in lower case; values without the blanks around them.
    package let fields: [(name: String, value: String)]
    /// Whether the connection may be used again after the body.
    package let keepsAlive: Bool

    /// The value of the first field of this name (lower case).
    package subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    package static func == (first: HTTPResponseHead, second: HTTPResponseHead) -> Bool {
        first.status == second.status && first.keepsAlive == second.keepsAlive
            && first.fields.elementsEqual(second.fields) { $0 == $1 }
    }
}

/// Bounds of what is read of an answer.
package struct HTTPResponseLimits: Equatable, Sendable {
    /// Status line and headers together.
    package var headBytes = 64 << 10
    package var bodyBytes: Int
    /// Whether the body is kept, or only counted.
    package var keepsBody: Bool

    package init(bodyBytes: Int, keepsBody: Bool) {
        self.bodyBytes = bodyBytes
        self.keepsBody = keepsBody
    }
}

/// What is wrong with an answer.
package enum HTTPResponseFault: Error, Equatable, CustomStringConvertible {
    case malformed(String)
    case headTooLong
    case bodyTooLong(limit: Int)
    /// The connection ended in the middle.
    case cutShort

    package var description: String {
        switch self {
        case .malformed(let what): "the answer is not HTTP: \(what)"
        case .headTooLong: "the answer's headers are too long"
        case .bodyTooLong(let limit): "the answer's body is longer than \(limit) bytes"
        case .cutShort: "the connection ended in the middle of the answer"
        }
    }
}

/// Reads one HTTP/1.1 answer to a GET out of bytes that arrive in pieces. No input traps; all is bounded.
///
/// It is strict where looseness lets two readers disagree on where an answer ends: Content-Length with
/// Transfer-Encoding, lengths that differ, codings other than chunked, folded headers, blanks before a colon and bare
/// line feeds are refused. Interim answers (1xx) are skipped.
///
/// Source: RFC 9112, sections 2 to 7.
package struct HTTPResponseReader {
    private enum State: Equatable {
        case head
        case counted(remaining: Int)
        case untilEnd
        case chunkSize
        case chunk(remaining: Int)
        case chunkEnd
        case trailers
        case complete
    }

    private let limits: HTTPResponseLimits
    private var state = State.head
    /// The line that is being read, without its end.
    private var line: [UInt8] = []
    /// The lines of the head so far.
    private var lines: [[UInt8]] = []
    private var headBytes = 0

    /// The head, once it has been read.
    package private(set) var head: HTTPResponseHead?
    /// The body, where it is kept.
    package private(set) var body: [UInt8] = []
    /// Bytes of the body so far, without chunk framing.
    package private(set) var bodyCount = 0
    /// Whether anything has arrived at all.
    package private(set) var hasBegun = false

    package init(limits: HTTPResponseLimits) {
        self.limits = limits
    }

    package var isComplete: Bool { state == .complete }

    /// Takes bytes that arrived. Returns how many of them belong to this answer: fewer than all only when it is
    /// complete.
    package mutating func feed(_ bytes: ArraySlice<UInt8>) throws(HTTPResponseFault) -> Int {
        if !bytes.isEmpty { hasBegun = true }
        var rest = bytes
        while !rest.isEmpty, state != .complete {
            switch state {
            case .counted(let remaining):
                let count = min(remaining, rest.count)
                try take(&rest, count)
                state = count == remaining ? .complete : .counted(remaining: remaining - count)
            case .chunk(let remaining):
                let count = min(remaining, rest.count)
                try take(&rest, count)
                state = count == remaining ? .chunkEnd : .chunk(remaining: remaining - count)
            case .untilEnd:
                try take(&rest, rest.count)
            case .head, .chunkSize, .chunkEnd, .trailers:
                guard let complete = try takeLine(&rest) else { break }
                try handle(line: complete)
            case .complete:
                break
            }
        }
        return bytes.count - rest.count
    }

    /// The connection ended. An answer without a length is complete now; any other is cut short.
    package mutating func end() throws(HTTPResponseFault) {
        if state == .untilEnd { state = .complete }
        guard state == .complete else { throw .cutShort }
    }

    private mutating func take(_ rest: inout ArraySlice<UInt8>, _ count: Int) throws(HTTPResponseFault) {
        guard count <= limits.bodyBytes - bodyCount else { throw .bodyTooLong(limit: limits.bodyBytes) }
        bodyCount += count
        if limits.keepsBody { body += rest.prefix(count) }
        rest = rest.dropFirst(count)
    }

    /// A line without its CR LF, or nil where its end has not arrived.
    private mutating func takeLine(_ rest: inout ArraySlice<UInt8>) throws(HTTPResponseFault) -> [UInt8]? {
        let piece = rest.prefix { $0 != 0x0A }
        let found = piece.endIndex < rest.endIndex
        headBytes += piece.count + 1
        guard headBytes <= limits.headBytes else { throw .headTooLong }
        line += piece
        rest = rest[(found ? piece.endIndex + 1 : piece.endIndex)...]
        guard found else { return nil }
        guard line.popLast() == 0x0D, !line.contains(0x0D), !line.contains(0) else {
            throw .malformed("a line does not end in CR LF, or holds CR or NUL")
        }
        defer { line.removeAll(keepingCapacity: true) }
        return line
    }

    private mutating func handle(line: [UInt8]) throws(HTTPResponseFault) {
        switch state {
        case .head:
            if !line.isEmpty {
                lines.append(line)
            } else if let parsed = try HTTPHeadParser.parse(lines) {
                head = parsed.head
                state = try Self.framing(parsed, limits)
                headBytes = 0
            }
            // Nil: an interim answer. Its bytes go on counting, so that there cannot be endlessly many.
            if line.isEmpty { lines.removeAll() }
        case .chunkSize:
            let size = try Self.chunkSize(line)
            guard size <= limits.bodyBytes - bodyCount else { throw .bodyTooLong(limit: limits.bodyBytes) }
            state = size == 0 ? .trailers : .chunk(remaining: size)
            // What counts against the head's bound again are trailers alone; chunk lines are bounded one by one.
            headBytes = 0
        case .chunkEnd:
            guard line.isEmpty else { throw .malformed("a chunk is longer than its size says") }
            state = .chunkSize
        case .trailers:
            if line.isEmpty { state = .complete }
        case .counted, .untilEnd, .chunk, .complete:
            break
        }
    }

    private static func framing(
        _ parsed: HTTPHeadParser.Parsed,
        _ limits: HTTPResponseLimits
    ) throws(HTTPResponseFault) -> State {
        if parsed.head.status == 204 || parsed.head.status == 304 { return .complete }
        if parsed.isChunked { return .chunkSize }
        guard let length = parsed.contentLength else { return .untilEnd }
        guard length <= limits.bodyBytes else { throw .bodyTooLong(limit: limits.bodyBytes) }
        return length == 0 ? .complete : .counted(remaining: length)
    }

    /// `1A2f;extension` as 0x1A2F.
    private static func chunkSize(_ line: [UInt8]) throws(HTTPResponseFault) -> Int {
        let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 && $0 != 0x09 }
        // 15 digits stay below 2^60; nothing of ours is near.
        guard (1...15).contains(digits.count),
            digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 }),
            let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw .malformed("a chunk's size is no hexadecimal number") }
        return size
    }
}
