// SPDX-License-Identifier: Apache-2.0

/// Turns the lines of an answer's head into its parts. Pure.
enum HTTPHeadParser {
    struct Parsed {
        let head: HTTPResponseHead
        let contentLength: Int?
        let isChunked: Bool
    }

    /// Nil for an interim answer (1xx).
    static func parse(_ lines: [[UInt8]]) throws(HTTPResponseFault) -> Parsed? {
        guard let first = lines.first else { throw .malformed("the status line is empty") }
        let (minor, status) = try statusLine(first)
        // 101 would hand the connection to another protocol, which nobody asked for.
        guard status != 101 else { throw .malformed("the server switches protocols unasked") }
        var fields: [(name: String, value: String)] = []
        for line in lines.dropFirst() { fields.append(try field(line)) }
        if status < 200 { return nil }
        let isChunked = try transferEncoding(fields)
        let contentLength = try contentLength(fields)
        guard !isChunked || contentLength == nil else {
            throw .malformed("Content-Length stands beside Transfer-Encoding")
        }
        guard !isChunked || minor > 0 else { throw .malformed("an HTTP/1.0 answer is chunked") }
        let connection = tokens(fields, "connection")
        let hasBody = status != 204 && status != 304
        let isFramed = !hasBody || isChunked || contentLength != nil
        let head = HTTPResponseHead(
            status: status,
            fields: fields,
            keepsAlive: isFramed && !connection.contains("close") && (minor > 0 || connection.contains("keep-alive"))
        )
        return Parsed(head: head, contentLength: contentLength, isChunked: isChunked)
    }

    /// `HTTP/1.1 200 OK`: the minor version and the status.
    private static func statusLine(_ line: [UInt8]) throws(HTTPResponseFault) -> (minor: Int, status: Int) {
        let prefix = Array("HTTP/1.".utf8)
        guard line.count >= 12, line.starts(with: prefix), line[7] == UInt8(ascii: "0") || line[7] == UInt8(ascii: "1"),
            line[8] == 0x20, line.count == 12 || line[12] == 0x20,
            line[9..<12].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let status = Int(String(decoding: line[9..<12], as: UTF8.self)), (100...599).contains(status)
        else { throw .malformed("the status line is not 'HTTP/1.1 NNN reason'") }
        return (line[7] == UInt8(ascii: "0") ? 0 : 1, status)
    }

    private static func field(_ line: [UInt8]) throws(HTTPResponseFault) -> (name: String, value: String) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0, line[..<colon].allSatisfy(isTokenByte)
        else {
            throw .malformed("a header is not 'Name: value'")
        }
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        let value = line[(colon + 1)...].drop(while: isBlank).reversed().drop(while: isBlank).reversed()
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw .malformed("a header's value holds control characters")
        }
        return (
            String(decoding: line[..<colon], as: UTF8.self).lowercased(), String(decoding: Array(value), as: UTF8.self)
        )
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    private static func tokens(_ fields: [(name: String, value: String)], _ name: String) -> [String] {
        fields.filter { $0.name == name }
            .flatMap { $0.value.split(separator: ",") }
            .map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
    }

    private static func transferEncoding(_ fields: [(name: String, value: String)]) throws(HTTPResponseFault) -> Bool {
        let codings = tokens(fields, "transfer-encoding")
        if codings.isEmpty {
            guard !fields.contains(where: { $0.name == "transfer-encoding" }) else {
                throw .malformed("Transfer-Encoding is empty")
            }
            return false
        }
        guard codings == ["chunked"] else { throw .malformed("its transfer coding is not 'chunked'") }
        return true
    }

    private static func contentLength(_ fields: [(name: String, value: String)]) throws(HTTPResponseFault) -> Int? {
        let values = Set(fields.filter { $0.name == "content-length" }.map(\.value))
        guard let text = values.first else { return nil }
        guard values.count == 1, (1...18).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let length = Int(text)
        else { throw .malformed("Content-Length is no number, or given twice") }
        return length
    }
}
