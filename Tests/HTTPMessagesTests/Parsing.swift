// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import TestSupport

/// What a parse gave, with the bytes of its places, so that it can be compared and outlives them.
struct Parsed: Equatable, CustomStringConvertible {
    var verdict: String
    var byteCount = 0
    var method = ""
    var path = ""
    var query: String?
    var authority = ""
    var minorVersion = 1
    var keepsAlive = true
    var expectsContinue = false
    var bodyByteCount = 0
    var fields: [String] = []

    var description: String {
        "\(verdict) \(byteCount) \(method) \(path) ?\(query ?? "-") @\(authority) 1.\(minorVersion) \(keepsAlive) "
            + "\(bodyByteCount) \(fields)"
    }
}

/// Parses with the real parser, its input flush against a page that may not be touched.
func parse(_ bytes: some Collection<UInt8>, limits: RequestLimits = RequestLimits()) -> Parsed {
    unsafe GuardedBytes(capacity: bytes.count + 1).with(bytes) { unsafe parse($0, limits) }
}

func parse(_ text: String, limits: RequestLimits = RequestLimits()) -> Parsed {
    parse(Array(text.utf8), limits: limits)
}

func parse(_ bytes: UnsafeRawBufferPointer, _ limits: RequestLimits) -> Parsed {
    var head = RequestHead()
    switch unsafe RequestParser.parse(bytes, limits: limits, into: &head) {
    case .incomplete: return Parsed(verdict: "incomplete")
    case .refused(let refusal): return Parsed(verdict: "\(refusal)")
    case .complete: break
    }
    func text(_ place: ByteRange) -> String {
        var scalars = String.UnicodeScalarView()
        for index in Int(place.start)..<Int(place.start) + Int(place.count) {
            scalars.append(Unicode.Scalar(unsafe bytes[index]))
        }
        return String(scalars)
    }
    return Parsed(
        verdict: "complete",
        byteCount: head.byteCount,
        method: "\(head.method.name)",
        path: text(head.path),
        query: head.hasQuery ? text(head.query) : nil,
        authority: text(head.authority),
        minorVersion: Int(head.minorVersion),
        keepsAlive: head.keepsAlive,
        expectsContinue: head.expectsContinue,
        bodyByteCount: head.bodyByteCount,
        fields: KnownField.allCases.compactMap { field in
            head.place(of: field).map { "\(field)\(head.isRepeated(field) ? "*" : "")=\(text($0))" }
        }
    )
}
