// SPDX-License-Identifier: Apache-2.0

/// Which part of a representation a Range field asks for (RFC 9110, 14).
package enum RangeRequest: Equatable, Sendable {
    /// Everything: another unit, a malformed value, or several ranges, which a server may answer whole (14.2).
    case whole
    /// A part, not empty, within the representation.
    case part(Range<Int>)
    /// One range that lies beyond the end: 416.
    case unsatisfiable

    /// Reads the value of a Range field for a representation of `byteCount` bytes. No allocation; numbers of any length
    /// are taken.
    package static func parse(_ value: UnsafeRawBufferPointer, of byteCount: Int) -> RangeRequest {
        var reader = unsafe RangeReader(bytes: value)
        guard reader.skipUnit() else { return .whole }
        let first = reader.number()
        guard reader.skip(UInt8(ascii: "-")) else { return .whole }
        let last = reader.number()
        guard reader.isAtEnd else { return .whole }
        switch (first, last) {
        case (nil, nil): return .whole
        case (nil, let suffix?):
            guard suffix > 0, byteCount > 0 else { return .unsatisfiable }
            return .part(max(0, byteCount - suffix)..<byteCount)
        case (let first?, let last):
            if let last, last < first { return .whole }
            guard first < byteCount else { return .unsatisfiable }
            return .part(first..<min(last ?? .max, byteCount - 1) + 1)
        }
    }
}

/// Walks over the value of a Range field.
@safe
private struct RangeReader {
    // SAFETY: the caller's buffer, alive for the call of `RangeRequest.parse`; `at` is checked before each read.
    private let bytes: UnsafeRawBufferPointer
    private let count: Int
    private var at = 0

    init(bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
        count = bytes.count
    }

    var isAtEnd: Bool { at == count }

    mutating func skip(_ byte: UInt8) -> Bool {
        guard at < count, unsafe bytes[at] == byte else { return false }
        at += 1
        return true
    }

    /// `bytes=`, in any case.
    mutating func skipUnit() -> Bool {
        let unit: StaticString = "bytes"
        guard count > 5 else { return false }
        // SAFETY: the literal has five bytes, the value more.
        while at < 5 {
            guard unsafe bytes[at] | 0x20 == unit.utf8Start[at] else { return false }
            at += 1
        }
        return skip(UInt8(ascii: "="))
    }

    /// A number, nil where there is no digit; what exceeds 62 bits counts as that much.
    mutating func number() -> Int? {
        let start = at
        var value = 0
        while at < count {
            let digit = unsafe Int(bytes[at]) - 0x30
            guard (0...9).contains(digit) else { break }
            value = value < 1 << 58 ? value * 10 + digit : 1 << 62
            at += 1
        }
        return at == start ? nil : value
    }
}
