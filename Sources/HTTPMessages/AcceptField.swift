// SPDX-License-Identifier: Apache-2.0

/// What an Accept field says about media types (RFC 9110, 12.5.1).
package enum AcceptField {
    /// How welcome a media type is: 0 (not at all) to 1000. The most specific range that covers it decides; a type that no
    /// range covers is not welcome. Parameters other than `q` are ignored, and so is what is not well formed.
    ///
    /// `field` is the field's value; `type` is lower case, as `image/png`. Complexity: linear, no allocation.
    package static func quality(of type: StaticString, in field: UnsafeRawBufferPointer) -> Int {
        // SAFETY: a StaticString's bytes live as long as the process.
        let wanted = unsafe UnsafeRawBufferPointer(start: type.utf8Start, count: type.utf8CodeUnitCount)
        var best = (specificity: 0, quality: 0)
        var start = 0
        // SAFETY (all reads below): places are kept below the count of the buffer, which is the caller's for the call.
        while start < field.count {
            var end = start
            while end < field.count, unsafe field[end] != UInt8(ascii: ",") { end += 1 }
            let range = unsafe UnsafeRawBufferPointer(rebasing: field[start..<end])
            let specificity = unsafe specificity(of: range, for: wanted)
            if specificity > best.specificity { best = (specificity, unsafe quality(of: range)) }
            start = end + 1
        }
        return best.quality
    }

    /// 3 where a range names the type, 2 where it names all of its kind, 1 where it names everything, 0 otherwise.
    private static func specificity(of range: UnsafeRawBufferPointer, for type: UnsafeRawBufferPointer) -> Int {
        let name = unsafe trimmed(range, to: firstIndex(of: UInt8(ascii: ";"), in: range) ?? range.count)
        if unsafe equal(name, type) { return 3 }
        guard name.count >= 3, unsafe name[name.count - 1] == UInt8(ascii: "*"),
            unsafe name[name.count - 2] == UInt8(ascii: "/")
        else { return 0 }
        if unsafe name.count == 3 && name[0] == UInt8(ascii: "*") { return 1 }
        let kind = unsafe UnsafeRawBufferPointer(rebasing: name[..<(name.count - 1)])
        guard type.count >= kind.count else { return 0 }
        return unsafe equal(kind, UnsafeRawBufferPointer(rebasing: type[..<kind.count])) ? 2 : 0
    }

    /// The `q` of a range in thousandths; 1000 where there is none, or none that can be read.
    private static func quality(of range: UnsafeRawBufferPointer) -> Int {
        var start = unsafe (firstIndex(of: UInt8(ascii: ";"), in: range) ?? range.count) + 1
        while start < range.count {
            var end = start
            while end < range.count, unsafe range[end] != UInt8(ascii: ";") { end += 1 }
            let parameter = unsafe trimmed(UnsafeRawBufferPointer(rebasing: range[start..<end]), to: end - start)
            if parameter.count > 2, unsafe parameter[0] | 0x20 == UInt8(ascii: "q"),
                unsafe parameter[1] == UInt8(ascii: "=")
            {
                return unsafe thousandths(UnsafeRawBufferPointer(rebasing: parameter[2...])) ?? 1000
            }
            start = end + 1
        }
        return 1000
    }

    /// `0`, `1`, and up to three digits behind a point.
    private static func thousandths(_ text: UnsafeRawBufferPointer) -> Int? {
        guard let first = unsafe text.first, first == UInt8(ascii: "0") || first == UInt8(ascii: "1"), text.count <= 5
        else { return nil }
        var value = first == UInt8(ascii: "1") ? 1000 : 0
        guard text.count > 1 else { return value }
        guard unsafe text[1] == UInt8(ascii: ".") else { return nil }
        var weight = 100
        for index in 2..<text.count {
            let digit = unsafe Int(text[index]) - 0x30
            guard (0...9).contains(digit) else { return nil }
            value += digit * weight
            weight /= 10
        }
        return value <= 1000 ? value : nil
    }

    private static func firstIndex(of byte: UInt8, in bytes: UnsafeRawBufferPointer) -> Int? {
        unsafe bytes.firstIndex(of: byte)
    }

    /// The first `end` bytes without the spaces and tabs around them.
    private static func trimmed(_ bytes: UnsafeRawBufferPointer, to end: Int) -> UnsafeRawBufferPointer {
        func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var (start, end) = (0, end)
        while start < end, unsafe isSpace(bytes[start]) { start += 1 }
        while end > start, unsafe isSpace(bytes[end - 1]) { end -= 1 }
        return unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    /// Whether two texts are the same but for case; `lower` is lower case.
    private static func equal(_ text: UnsafeRawBufferPointer, _ lower: UnsafeRawBufferPointer) -> Bool {
        guard text.count == lower.count else { return false }
        for index in 0..<text.count {
            let byte = unsafe text[index]
            let folded = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
            if unsafe folded != lower[index] { return false }
        }
        return true
    }
}
