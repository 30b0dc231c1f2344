// SPDX-License-Identifier: Apache-2.0

/// A method of RFC 9110 and RFC 5789.
package enum Method: UInt8, Sendable, CaseIterable {
    case get, head, options, post, put, delete, patch, trace, connect

    /// The name as it stands in a request line and in `Allow`.
    package var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .options: "OPTIONS"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .patch: "PATCH"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        }
    }
}

/// The fields whose place the parser remembers. Others are checked and skipped.
package enum KnownField: UInt8, Sendable, CaseIterable {
    case host, connection, contentLength, transferEncoding, expect
    case ifNoneMatch, ifModifiedSince, ifMatch, ifUnmodifiedSince, ifRange, range
    case accept, acceptEncoding, origin, accessControlRequestMethod, accessControlRequestHeaders
    case priority, orizuruPrewarm, userAgent, referer, authorization
    case forwardedFor, forwardedProto, forwardedHost

    /// How many there are.
    package static let count = 24

    fileprivate var bit: UInt32 { 1 << UInt32(rawValue) }
}

/// A set of known fields, to ask a request about all of them at once.
package struct KnownFields: Sendable {
    fileprivate let bits: UInt32

    package init(_ fields: [KnownField]) { bits = fields.reduce(0) { $0 | $1.bit } }
}

/// A place in the bytes of a request, by offsets from its first byte. Both fit 16 bits: no header block is longer.
package struct ByteRange: Sendable, Equatable {
    package var start: UInt16
    package var count: UInt16

    package init(start: Int, count: Int) {
        self.start = UInt16(truncatingIfNeeded: start)
        self.count = UInt16(truncatingIfNeeded: count)
    }
}

/// The head of one request: numbers and places, no bytes of its own. It means nothing without the bytes that it was
/// parsed from. A plain value of about 130 bytes without references.
package struct RequestHead: Sendable {
    /// Bytes from the start of the input, empty lines included, to the end of the blank line.
    package internal(set) var byteCount = 0
    package internal(set) var method = Method.get
    /// 0 or 1: HTTP/1.x with a greater x counts as 1.
    package internal(set) var minorVersion: UInt8 = 1
    /// Whether the client wants to send another request on the connection.
    package internal(set) var keepsAlive = true
    /// Whether the client waits for `100 Continue` before its body.
    package internal(set) var expectsContinue = false
    /// Bytes of the body that follows the head.
    package internal(set) var bodyByteCount = 0
    /// The path without query; `*` in asterisk-form, empty for CONNECT.
    package internal(set) var path = ByteRange(start: 0, count: 0)
    /// The query without its question mark.
    package internal(set) var query = ByteRange(start: 0, count: 0)
    /// Whether there is a question mark.
    package internal(set) var hasQuery = false
    /// The host of an absolute-form target, else the Host field; may be empty.
    package internal(set) var authority = ByteRange(start: 0, count: 0)

    var wantsClose = false
    var wantsKeepAlive = false
    private var present: UInt32 = 0
    private var repeated: UInt32 = 0
    private var places = InlineArray<24, ByteRange>(repeating: ByteRange(start: 0, count: 0))

    package init() {}

    /// Where the value of a field stands, without surrounding white space; of the first one where it is repeated.
    @inline(__always)
    package func place(of field: KnownField) -> ByteRange? {
        present & field.bit == 0 ? nil : places[Int(field.rawValue)]
    }

    /// The same for a head that somebody else keeps: without a copy of it.
    package static func place(of field: KnownField, in head: UnsafePointer<RequestHead>) -> ByteRange? {
        // SAFETY: the caller's head, initialised and alive for the call.
        unsafe head.pointee.present & field.bit == 0 ? nil : head.pointee.places[Int(field.rawValue)]
    }

    /// Whether at least one of the fields of a head that somebody else keeps is there.
    package static func has(anyOf fields: KnownFields, in head: UnsafePointer<RequestHead>) -> Bool {
        unsafe head.pointee.present & fields.bits != 0
    }

    /// Whether at least one of the fields is there.
    package func has(anyOf fields: KnownFields) -> Bool { present & fields.bits != 0 }

    /// Whether a field occurred more than once.
    @inline(__always)
    package func isRepeated(_ field: KnownField) -> Bool { repeated & field.bit != 0 }

    @inline(__always)
    mutating func record(_ field: KnownField, start: Int, count: Int) {
        if present & field.bit != 0 {
            repeated |= field.bit
            return
        }
        present |= field.bit
        places[Int(field.rawValue)] = ByteRange(start: start, count: count)
    }

    mutating func reset() {
        byteCount = 0
        method = .get
        minorVersion = 1
        keepsAlive = true
        expectsContinue = false
        bodyByteCount = 0
        path = ByteRange(start: 0, count: 0)
        query = ByteRange(start: 0, count: 0)
        hasQuery = false
        authority = ByteRange(start: 0, count: 0)
        wantsClose = false
        wantsKeepAlive = false
        present = 0
        repeated = 0
    }
}
