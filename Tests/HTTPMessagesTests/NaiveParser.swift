// SPDX-License-Identifier: Apache-2.0

import HTTPMessages

/// The same rules written the slow and plain way, over arrays: the partner of the differential tests.
func naiveParse(_ bytes: [UInt8], limits: RequestLimits = RequestLimits()) -> Parsed {
    let input = Array(bytes.prefix(limits.headByteCount))
    let unfinished = Parsed(verdict: bytes.count >= limits.headByteCount ? "longFields" : "incomplete")
    var at = 0
    func byte(_ index: Int) -> UInt8? { index < input.count ? input[index] : nil }
    func refused(_ refusal: Refusal) -> Parsed { Parsed(verdict: "\(refusal)") }
    let tokenBytes = Set(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8
    )

    var emptyLines = 0
    while byte(at) == 13 || byte(at) == 10 {
        if byte(at) == 10 { return refused(.bareLineFeed) }
        guard let next = byte(at + 1) else { return unfinished }
        if next != 10 { return refused(.bareCarriageReturn) }
        at += 2
        emptyLines += 1
        if emptyLines > 4 { return refused(.emptyLines) }
    }

    var method: [UInt8] = []
    while let next = byte(at), tokenBytes.contains(next) {
        method.append(next)
        at += 1
        if method.count > 24 { return refused(.unknownMethod) }
    }
    guard let afterMethod = byte(at) else { return unfinished }
    if method.isEmpty || afterMethod != 32 { return refused(.malformedRequestLine) }
    at += 1

    var target: [UInt8] = []
    let targetStart = at
    while let next = byte(at), next > 32, next < 127 {
        target.append(next)
        at += 1
        if target.count > limits.targetByteCount { return refused(.longTarget) }
    }
    guard let afterTarget = byte(at) else { return unfinished }
    if target.isEmpty || afterTarget != 32 { return refused(.malformedRequestLine) }
    at += 1

    var version: [UInt8] = []
    for (index, wanted) in Array("HTTP/0.0\r\n".utf8).enumerated() {
        guard let next = byte(at) else { return unfinished }
        let isRight = wanted == 48 ? (48...57).contains(next) : next == wanted
        if !isRight {
            if next == 10, wanted != 48 { return refused(.bareLineFeed) }
            return refused(index == 9 ? .bareCarriageReturn : .malformedRequestLine)
        }
        version.append(next)
        at += 1
    }

    var fields: [(name: String, value: [UInt8])] = []
    while true {
        guard let first = byte(at) else { return unfinished }
        if first == 13 {
            guard let next = byte(at + 1) else { return unfinished }
            if next != 10 { return refused(.bareCarriageReturn) }
            at += 2
            break
        }
        var name: [UInt8] = []
        while let next = byte(at), tokenBytes.contains(next) {
            name.append(next)
            at += 1
        }
        guard let stopper = byte(at) else { return unfinished }
        if stopper == 58, name.isEmpty { return refused(.emptyFieldName) }
        if stopper != 58 {
            if stopper == 32 || stopper == 9 { return refused(name.isEmpty ? .foldedField : .spaceBeforeColon) }
            return refused(stopper == 10 ? .bareLineFeed : .malformedFieldName)
        }
        at += 1
        var value: [UInt8] = []
        while let next = byte(at), next == 9 || (next >= 32 && next != 127) {
            value.append(next)
            at += 1
        }
        guard let end = byte(at) else { return unfinished }
        if end == 10 { return refused(.bareLineFeed) }
        if end != 13 { return refused(.controlInValue) }
        guard let feed = byte(at + 1) else { return unfinished }
        if feed != 10 { return refused(.bareCarriageReturn) }
        at += 2
        while value.first == 32 || value.first == 9 { value.removeFirst() }
        while value.last == 32 || value.last == 9 { value.removeLast() }
        fields.append((String(decoding: name, as: UTF8.self).lowercased(), value))
        if fields.count > limits.fieldCount { return refused(.manyFields) }
    }
    return naiveFraming(method, target, targetStart, version, fields, byteCount: at)
}

private func text(_ bytes: some Sequence<UInt8>) -> String {
    var scalars = String.UnicodeScalarView()
    for byte in bytes { scalars.append(Unicode.Scalar(byte)) }
    return String(scalars)
}

private let fieldNames: [KnownField: String] = [
    .host: "host", .connection: "connection", .contentLength: "content-length",
    .transferEncoding: "transfer-encoding", .expect: "expect", .ifNoneMatch: "if-none-match",
    .ifModifiedSince: "if-modified-since", .ifMatch: "if-match", .ifUnmodifiedSince: "if-unmodified-since",
    .ifRange: "if-range", .range: "range", .accept: "accept", .acceptEncoding: "accept-encoding", .origin: "origin",
    .accessControlRequestMethod: "access-control-request-method",
    .accessControlRequestHeaders: "access-control-request-headers", .priority: "priority",
    .orizuruPrewarm: "x-orizuru-prewarm", .userAgent: "user-agent", .referer: "referer",
    .authorization: "authorization", .forwardedFor: "x-forwarded-for", .forwardedProto: "x-forwarded-proto",
    .forwardedHost: "x-forwarded-host",
]

private func isAuthority(_ value: String) -> Bool {
    var rest = Substring(value)
    if value.hasPrefix("[") {
        guard let end = value.firstIndex(of: "]") else { return false }
        let inside = value[value.index(after: value.startIndex)..<end]
        guard !inside.isEmpty, inside.allSatisfy({ $0.isASCII && ($0.isHexDigit || $0 == ":" || $0 == ".") }) else {
            return false
        }
        rest = value[value.index(after: end)...]
    } else {
        rest = value.drop { $0.isASCII && ($0.isLetter || $0.isNumber || "-._~%".contains($0)) }
        if rest.count == value.count, !value.isEmpty { return false }
    }
    return rest.isEmpty
        || (rest.first == ":" && rest.count <= 6 && rest.dropFirst().allSatisfy { "0123456789".contains($0) })
}

private func naiveFraming(
    _ method: [UInt8],
    _ target: [UInt8],
    _ targetStart: Int,
    _ version: [UInt8],
    _ fields: [(name: String, value: [UInt8])],
    byteCount: Int
) -> Parsed {
    func refused(_ refusal: Refusal) -> Parsed { Parsed(verdict: "\(refusal)") }
    func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map { text($0.value) } }
    if version[5] != 49 { return refused(.version) }
    var parsed = Parsed(verdict: "complete", byteCount: byteCount, method: text(method))
    parsed.minorVersion = version[7] == 48 ? 0 : 1
    let hosts = values("host")
    if hosts.count > 1 { return refused(.repeatedHost) }
    if let host = hosts.first {
        if !isAuthority(host) { return refused(.malformedHost) }
        parsed.authority = host
    } else if parsed.minorVersion == 1 {
        return refused(.missingHost)
    }
    let codings = values("transfer-encoding")
    let lengths = values("content-length")
    if !codings.isEmpty {
        if !lengths.isEmpty { return refused(.lengthAndCoding) }
        if parsed.minorVersion == 0 { return refused(.codingInOldVersion) }
    }
    if lengths.count > 1 { return refused(.repeatedLength) }
    if let length = lengths.first {
        guard (1...18).contains(length.count), length.allSatisfy({ "0123456789".contains($0) }), let count = Int(length)
        else { return refused(.malformedLength) }
        parsed.bodyByteCount = count
    }
    guard Method.allCases.contains(where: { "\($0.name)" == parsed.method }) else { return refused(.unknownMethod) }
    if parsed.method != "CONNECT" {
        var rest = text(target)
        if rest.hasPrefix("*") {
            guard rest == "*", parsed.method == "OPTIONS" else { return refused(.malformedTarget) }
            parsed.path = "*"
        } else {
            if !rest.hasPrefix("/") {
                let lower = rest.lowercased()
                guard
                    let scheme = ["https://", "http://"].first(where: { lower.hasPrefix($0) && lower.count > $0.count })
                else { return refused(.malformedTarget) }
                rest = String(rest.dropFirst(scheme.count))
                let host = String(rest.prefix { $0 != "/" && $0 != "?" })
                guard !host.isEmpty, isAuthority(host) else { return refused(.malformedTarget) }
                parsed.authority = host
                rest = String(rest.dropFirst(host.count))
            }
            if rest.contains("#") { return refused(.malformedTarget) }
            parsed.path = String(rest.prefix { $0 != "?" })
            if rest.contains("?") { parsed.query = String(rest.drop { $0 != "?" }.dropFirst()) }
        }
    }
    if !codings.isEmpty { return refused(.transferCoding) }
    if let expectation = values("expect").first {
        if expectation.lowercased() != "100-continue" { return refused(.expectation) }
        parsed.expectsContinue = parsed.minorVersion == 1
    }
    var options: [String] = []
    for value in values("connection") {
        for part in value.split(separator: ",") {
            options.append(
                String(part.drop { " \t".contains($0) }.reversed().drop { " \t".contains($0) }.reversed()).lowercased()
            )
        }
    }
    parsed.keepsAlive =
        options.contains("close") ? false : parsed.minorVersion == 1 || options.contains("keep-alive")
    for field in KnownField.allCases {
        let all = values(fieldNames[field] ?? "")
        if let first = all.first { parsed.fields.append("\(field)\(all.count > 1 ? "*" : "")=\(first)") }
    }
    return parsed
}
