// SPDX-License-Identifier: Apache-2.0

import CPlatform

/// What a parse of the bytes that are there gives.
package enum ParseOutcome: Sendable, Equatable {
    /// The head is whole and `RequestHead` is filled.
    case complete
    /// Everything is right so far; more bytes are needed.
    case incomplete
    case refused(Refusal)
}

/// How much of a request is read before it is refused.
package struct RequestLimits: Sendable {
    /// Longest head, from the first byte to the end of the blank line; at most 65,535.
    package var headByteCount: Int
    /// Longest request target.
    package var targetByteCount: Int
    /// Most fields: browsers send fewer than 20.
    package var fieldCount: Int

    package init(headByteCount: Int = 16 * 1024, targetByteCount: Int = 8 * 1024, fieldCount: Int = 100) {
        precondition((256...65_535).contains(headByteCount) && targetByteCount < headByteCount)
        self.headByteCount = headByteCount
        self.targetByteCount = targetByteCount
        self.fieldCount = fieldCount
    }
}

/// A parser of request heads (RFC 9112) that works in place: no allocation, no copy, no state between calls.
///
/// It is strict where leniency has let requests be smuggled past a proxy: each line ends with CR LF and nothing else,
/// no folding, no space before a colon, no control byte, one way to say how long a body is.
///
/// Each call starts at the first byte of the request. The verdict does not depend on how the bytes were split on the
/// way: rules of syntax are applied in the order of the bytes and at once; rules about what the fields mean together
/// (version, Host, Content-Length, ...) only when the blank line is there. Bytes at and beyond the limit are not read.
///
/// Cost: one pass over the bytes that are there. A head that arrives byte by byte is looked at once per byte, so its cost
/// is bounded by the square of the limit on its length.
package enum RequestParser {
    static let cr = UInt8(ascii: "\r")
    static let lf = UInt8(ascii: "\n")
    static let space = UInt8(ascii: " ")
    static let tab = UInt8(ascii: "\t")
    /// Some old clients send one empty line after a body (RFC 9112, 2.2); more than a few are noise.
    static let emptyLineLimit = 4
    /// `OPTIONS` and `CONNECT` have 7 bytes; no registered method has more than 17.
    static let methodByteLimit = 24

    /// Parses a head at the start of `bytes`.
    ///
    /// `head` is only meaningful after `.complete`. The bytes must stay as they are while its places are used.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer,
        limits: borrowing RequestLimits,
        into head: inout RequestHead
    ) -> ParseOutcome {
        guard bytes.count > 0, let start = bytes.baseAddress else { return .incomplete }
        // SAFETY: the caller's buffer, alive for the call; every index below is checked against `end`, which is not
        // beyond its count.
        let base = unsafe start.assumingMemoryBound(to: UInt8.self)
        let end = min(bytes.count, limits.headByteCount)
        let unfinished: ParseOutcome =
            bytes.count >= limits.headByteCount ? .refused(.longFields) : .incomplete
        head.reset()

        var at = 0
        var emptyLines = 0
        while at < end, unsafe base[at] == cr || base[at] == lf {
            if unsafe base[at] == lf { return .refused(.bareLineFeed) }
            if at + 1 == end { return unfinished }
            if unsafe base[at + 1] != lf { return .refused(.bareCarriageReturn) }
            at += 2
            emptyLines += 1
            if emptyLines > emptyLineLimit { return .refused(.emptyLines) }
        }

        // METHOD SP
        let methodStart = at
        let methodCount = unsafe platform_scan_token(base + at, end - at)
        if methodCount > methodByteLimit { return .refused(.unknownMethod) }
        at += methodCount
        if at == end { return unfinished }
        if unsafe methodCount == 0 || base[at] != space { return .refused(.malformedRequestLine) }
        at += 1

        // TARGET SP
        let targetStart = at
        let targetCount = unsafe platform_scan_target(base + at, min(end - at, limits.targetByteCount + 1))
        if targetCount > limits.targetByteCount { return .refused(.longTarget) }
        at += targetCount
        if at == end { return unfinished }
        if unsafe targetCount == 0 || base[at] != space { return .refused(.malformedRequestLine) }
        at += 1

        // HTTP/d.d CR LF
        let versionStart = at
        if let fault = unsafe versionFault(base, at, end) {
            return fault == .incomplete ? unfinished : fault
        }
        at += 10

        var fieldCount = 0
        while true {
            if at == end { return unfinished }
            if unsafe base[at] == cr {
                if at + 1 == end { return unfinished }
                if unsafe base[at + 1] != lf { return .refused(.bareCarriageReturn) }
                at += 2
                break
            }
            let nameCount = unsafe platform_scan_token(base + at, end - at)
            let colon = at + nameCount
            if colon == end { return unfinished }
            if unsafe nameCount == 0 || base[colon] != UInt8(ascii: ":") {
                return unsafe .refused(nameFault(nameCount, base[colon]))
            }
            var valueStart = colon + 1
            while valueStart < end, unsafe base[valueStart] == space || base[valueStart] == tab { valueStart += 1 }
            let stop = unsafe valueStart + platform_scan_value(base + valueStart, end - valueStart)
            if stop == end { return unfinished }
            if unsafe base[stop] != cr {
                return unsafe .refused(base[stop] == lf ? .bareLineFeed : .controlInValue)
            }
            if stop + 1 == end { return unfinished }
            if unsafe base[stop + 1] != lf { return .refused(.bareCarriageReturn) }
            var valueEnd = stop
            while valueEnd > valueStart, unsafe base[valueEnd - 1] == space || base[valueEnd - 1] == tab {
                valueEnd -= 1
            }
            fieldCount += 1
            if fieldCount > limits.fieldCount { return .refused(.manyFields) }
            if let field = unsafe recognise(base + at, nameCount) {
                if field == .connection { unsafe noteConnection(base + valueStart, valueEnd - valueStart, &head) }
                head.record(field, start: valueStart, count: valueEnd - valueStart)
            }
            at = stop + 2
        }
        head.byteCount = at
        return unsafe finish(
            base,
            method: methodStart..<methodStart + methodCount,
            target: targetStart..<targetStart + targetCount,
            version: versionStart,
            &head
        )
    }

    /// Nil where `HTTP/d.d CR LF` stands at `at`; `.incomplete` where it is right so far.
    @inline(__always)
    private static func versionFault(_ base: UnsafePointer<UInt8>, _ at: Int, _ end: Int) -> ParseOutcome? {
        let pattern: StaticString = "HTTP/0.0\r\n"
        // SAFETY: `at + index` is compared with `end` before the byte is read; the pattern has ten bytes.
        for index in 0..<10 {
            if at + index == end { return .incomplete }
            let byte = unsafe base[at + index]
            if index == 5 || index == 7 {
                if byte < UInt8(ascii: "0") || byte > UInt8(ascii: "9") { return .refused(.malformedRequestLine) }
            } else if unsafe byte != pattern.utf8Start[index] {
                if byte == lf { return .refused(.bareLineFeed) }
                return .refused(index == 9 ? .bareCarriageReturn : .malformedRequestLine)
            }
        }
        return nil
    }

    /// Why a line that starts with `nameCount` token bytes and then `stopper` is not a field.
    private static func nameFault(_ nameCount: Int, _ stopper: UInt8) -> Refusal {
        switch stopper {
        case space, tab: nameCount == 0 ? .foldedField : .spaceBeforeColon
        case lf: .bareLineFeed
        case UInt8(ascii: ":"): .emptyFieldName
        default: .malformedFieldName
        }
    }

    /// Which known field a name of `count` token bytes is.
    @inline(__always)
    private static func recognise(_ name: UnsafePointer<UInt8>, _ count: Int) -> KnownField? {
        // SAFETY: `name` has `count` bytes, and each literal compared has exactly `count` as well.
        @inline(__always) func isName(_ literal: StaticString) -> Bool {
            unsafe platform_equals_name(name, literal.utf8Start, literal.utf8CodeUnitCount) != 0
        }
        switch count {
        case 4: return isName("host") ? .host : nil
        case 5: return isName("range") ? .range : nil
        case 6:
            if isName("accept") { return .accept }
            if isName("origin") { return .origin }
            return isName("expect") ? .expect : nil
        case 7: return isName("referer") ? .referer : nil
        case 8:
            if isName("priority") { return .priority }
            if isName("if-range") { return .ifRange }
            return isName("if-match") ? .ifMatch : nil
        case 10:
            if isName("connection") { return .connection }
            return isName("user-agent") ? .userAgent : nil
        case 13:
            if isName("if-none-match") { return .ifNoneMatch }
            return isName("authorization") ? .authorization : nil
        case 14: return isName("content-length") ? .contentLength : nil
        case 15:
            if isName("accept-encoding") { return .acceptEncoding }
            return isName("x-forwarded-for") ? .forwardedFor : nil
        case 16: return isName("x-forwarded-host") ? .forwardedHost : nil
        case 17:
            if isName("transfer-encoding") { return .transferEncoding }
            if isName("if-modified-since") { return .ifModifiedSince }
            if isName("x-forwarded-proto") { return .forwardedProto }
            return isName("x-orizuru-prewarm") ? .orizuruPrewarm : nil
        case 19: return isName("if-unmodified-since") ? .ifUnmodifiedSince : nil
        case 29: return isName("access-control-request-method") ? .accessControlRequestMethod : nil
        case 30: return isName("access-control-request-headers") ? .accessControlRequestHeaders : nil
        default: return nil
        }
    }
}
