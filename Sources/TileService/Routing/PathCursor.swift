// SPDX-License-Identifier: Apache-2.0

/// Walks a path segment by segment, in place: segments are ranges of the bytes, nothing is copied.
struct PathCursor {
    private(set) var position = 0

    /// The next segment, without its slash, or nil at the end. Two slashes in a row make an empty one.
    mutating func next(in path: Span<UInt8>) -> Range<Int>? {
        guard position < path.count, path[position] == UInt8(ascii: "/") else { return nil }
        let start = position + 1
        var end = start
        while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
        position = end
        return start..<end
    }

    /// Whether every segment was read.
    func isAtEnd(of path: Span<UInt8>) -> Bool { position == path.count }
}

/// The bytes of a part of a path, compared and parsed in place.
enum PathPart {
    /// Whether the part is exactly `text`.
    static func matches(_ path: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
        range.count == text.utf8CodeUnitCount && hasPrefix(path, range, text)
    }

    /// Whether the part begins with `text`.
    static func hasPrefix(_ path: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard range.count >= count else { return false }
        // SAFETY: a StaticString's bytes live as long as the process; `index` stays below their count.
        for index in 0..<count where unsafe text.utf8Start[index] != path[range.lowerBound + index] { return false }
        return true
    }

    /// Whether the part ends with `text`.
    static func hasSuffix(_ path: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard range.count >= count else { return false }
        return hasPrefix(path, range.upperBound - count..<range.upperBound, text)
    }

    /// A number as tile URLs write it: digits only, no sign, no leading zero, below 2^31, so that one tile has one
    /// URL. Nil otherwise.
    static func number(_ path: Span<UInt8>, _ range: Range<Int>) -> Int? {
        guard (1...10).contains(range.count) else { return nil }
        if range.count > 1, path[range.lowerBound] == UInt8(ascii: "0") { return nil }
        var value = 0
        for index in range {
            let digit = Int(path[index]) - 0x30
            guard (0...9).contains(digit) else { return nil }
            value = value * 10 + digit
        }
        return value < 1 << 31 ? value : nil
    }

    /// Where the last `byte` of the part is.
    static func lastIndex(of byte: UInt8, in path: Span<UInt8>, _ range: Range<Int>) -> Int? {
        var index = range.upperBound
        while index > range.lowerBound {
            index -= 1
            if path[index] == byte { return index }
        }
        return nil
    }
}
