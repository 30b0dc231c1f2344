// SPDX-License-Identifier: Apache-2.0

import CPlatform

/// The rules that need the whole head: method, version, target form, Host, and how long the message is.
extension RequestParser {
    /// Applies the rules of RFC 9112, 3 and 6, in an order of their own: the version first, as nothing else can be
    /// trusted in another version; then what could hide a second request; then what is merely not supported.
    static func finish(
        _ base: UnsafePointer<UInt8>,
        method: Range<Int>,
        target: Range<Int>,
        version: Int,
        _ head: inout RequestHead
    ) -> ParseOutcome {
        // SAFETY: all ranges lie in the head that was parsed, so in the caller's buffer.
        if unsafe base[version + 5] != UInt8(ascii: "1") { return .refused(.version) }
        head.minorVersion = unsafe base[version + 7] == UInt8(ascii: "0") ? 0 : 1

        if head.isRepeated(.host) { return .refused(.repeatedHost) }
        if let host = head.place(of: .host) {
            if unsafe !isAuthority(base + Int(host.start), Int(host.count)) { return .refused(.malformedHost) }
            head.authority = host
        } else if head.minorVersion == 1 {
            return .refused(.missingHost)
        }

        if head.place(of: .transferEncoding) != nil {
            if head.place(of: .contentLength) != nil { return .refused(.lengthAndCoding) }
            if head.minorVersion == 0 { return .refused(.codingInOldVersion) }
        }
        if let length = head.place(of: .contentLength) {
            if head.isRepeated(.contentLength) { return .refused(.repeatedLength) }
            guard let count = unsafe decimal(base + Int(length.start), Int(length.count)) else {
                return .refused(.malformedLength)
            }
            head.bodyByteCount = count
        }

        guard let known = unsafe recogniseMethod(base + method.lowerBound, method.count) else {
            return .refused(.unknownMethod)
        }
        head.method = known
        if let refusal = unsafe splitTarget(base, target, &head) { return .refused(refusal) }
        if head.place(of: .transferEncoding) != nil { return .refused(.transferCoding) }
        if let expectation = head.place(of: .expect) {
            guard unsafe equalsIgnoringCase(base + Int(expectation.start), Int(expectation.count), "100-continue")
            else {
                return .refused(.expectation)
            }
            // A 1.0 client cannot have meant it (RFC 9110, 10.1.1).
            head.expectsContinue = head.minorVersion == 1
        }
        head.keepsAlive = head.wantsClose ? false : head.minorVersion == 1 || head.wantsKeepAlive
        return .complete
    }

    /// Remembers what a Connection field says; other options than these two do not matter here.
    static func noteConnection(_ value: UnsafePointer<UInt8>, _ count: Int, _ head: inout RequestHead) {
        var at = 0
        // SAFETY: `at` and `end` stay within `count`.
        while at < count {
            var end = at
            while end < count, unsafe value[end] != UInt8(ascii: ",") { end += 1 }
            var first = at
            var last = end
            while first < last, unsafe value[first] == space || value[first] == tab { first += 1 }
            while last > first, unsafe value[last - 1] == space || value[last - 1] == tab { last -= 1 }
            if unsafe equalsIgnoringCase(value + first, last - first, "close") { head.wantsClose = true }
            if unsafe equalsIgnoringCase(value + first, last - first, "keep-alive") { head.wantsKeepAlive = true }
            at = end + 1
        }
    }

    private static func recogniseMethod(_ name: UnsafePointer<UInt8>, _ count: Int) -> Method? {
        // Nearly every request is one.
        if unsafe count == 3 && name[0] == UInt8(ascii: "G") && name[1] == UInt8(ascii: "E")
            && name[2] == UInt8(ascii: "T")
        {
            return .get
        }
        for method in Method.allCases where method.name.utf8CodeUnitCount == count {
            // SAFETY: both have `count` bytes. Methods are case-sensitive (RFC 9110, 9.1).
            var equal = true
            for index in 0..<count where unsafe name[index] != method.name.utf8Start[index] { equal = false }
            if equal { return method }
        }
        return nil
    }

    /// Finds path and query in the four forms of a target (RFC 9112, 3.2).
    private static func splitTarget(
        _ base: UnsafePointer<UInt8>,
        _ target: Range<Int>,
        _ head: inout RequestHead
    ) -> Refusal? {
        var at = target.lowerBound
        let end = target.upperBound
        if head.method == .connect { return nil }
        // SAFETY: `at` is below `end` at each read.
        if unsafe base[at] == UInt8(ascii: "*") {
            guard target.count == 1, head.method == .options else { return .malformedTarget }
            head.path = ByteRange(start: at, count: 1)
            return nil
        }
        if unsafe base[at] != UInt8(ascii: "/") {
            let https = unsafe target.count > 8 && equalsIgnoringCase(base + at, 8, "https://")
            let http = unsafe target.count > 7 && equalsIgnoringCase(base + at, 7, "http://")
            guard http || https else { return .malformedTarget }
            at += https ? 8 : 7
            let host = at
            while at < end, unsafe base[at] != UInt8(ascii: "/"), unsafe base[at] != UInt8(ascii: "?") { at += 1 }
            guard at > host, unsafe isAuthority(base + host, at - host) else { return .malformedTarget }
            head.authority = ByteRange(start: host, count: at - host)
        }
        let path = at
        at += unsafe platform_scan_path(base + at, end - at)
        if at < end, unsafe base[at] == UInt8(ascii: "#") { return .malformedTarget }
        head.path = ByteRange(start: path, count: at - path)
        if at < end {
            head.hasQuery = true
            head.query = ByteRange(start: at + 1, count: end - at - 1)
            // A query may hold further question marks, but no fragment.
            while at < end {
                at += 1
                at += unsafe platform_scan_path(base + at, end - at)
                if at < end, unsafe base[at] == UInt8(ascii: "#") { return .malformedTarget }
            }
        }
        return nil
    }

    /// Whether bytes can be a host with an optional port: no user, no path, no list. Empty is a host that is unknown
    /// (RFC 9110, 7.2).
    private static func isAuthority(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var at = 0
        // SAFETY: `at` is below `count` at each read.
        if count > 0, unsafe bytes[0] == UInt8(ascii: "[") {
            at = 1
            while at < count,
                unsafe isHexadecimal(bytes[at]) || bytes[at] == UInt8(ascii: ":")
                    || bytes[at] == UInt8(ascii: ".")
            { at += 1 }
            guard at > 1, at < count, unsafe bytes[at] == UInt8(ascii: "]") else { return false }
            at += 1
        } else {
            at = unsafe platform_scan_host(bytes, count)
        }
        guard at < count else { return true }
        guard unsafe bytes[at] == UInt8(ascii: ":"), at > 0, count - at <= 6 else { return false }
        at += 1
        while at < count, unsafe isDigit(bytes[at]) { at += 1 }
        return at == count
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "f"))
    }

    /// A number of 1 to 18 digits: no sign, no space, no overflow.
    static func decimal(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int? {
        guard (1...18).contains(count) else { return nil }
        var value = 0
        for index in 0..<count {
            let byte = unsafe bytes[index]
            guard isDigit(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    static func equalsIgnoringCase(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ literal: StaticString) -> Bool {
        guard count == literal.utf8CodeUnitCount else { return false }
        // SAFETY: both have `count` bytes.
        for index in 0..<count {
            let byte = unsafe bytes[index]
            let lower = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
            if unsafe lower != literal.utf8Start[index] { return false }
        }
        return true
    }
}
