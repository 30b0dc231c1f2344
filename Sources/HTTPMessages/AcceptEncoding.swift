// SPDX-License-Identifier: Apache-2.0

/// Which codings of a body a client takes (RFC 9110, 12.5.3).
package enum AcceptEncoding {
    /// Whether the value of an Accept-Encoding field takes gzip: named, also as `x-gzip`, or by a star, with a weight above
    /// 0. A member that is not well formed takes nothing. Without the field all codings are taken.
    package static func takesGzip(_ value: UnsafeRawBufferPointer) -> Bool {
        var byName: Bool?
        var byStar = false
        // SAFETY: the caller's bytes, copied at once; only answers that vary by this field ask.
        let bytes = unsafe Array(value)
        for member in bytes.split(separator: UInt8(ascii: ",")) {
            let parts = member.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(Self.word)
            let name = parts[0]
            let isTaken = parts.count == 1 || parts.count == 2 && Self.isPositiveWeight(parts[1])
            if name == Array("gzip".utf8) || name == Array("x-gzip".utf8) { byName = (byName ?? false) || isTaken }
            if name == Array("*".utf8) { byStar = isTaken }
        }
        return byName ?? byStar
    }

    /// Without the white space around it, in lower case.
    private static func word(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var word = bytes.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        while let last = word.last, last == 0x20 || last == 0x09 { word.removeLast() }
        return Array(word.drop { $0 == 0x20 || $0 == 0x09 })
    }

    /// `q=` and a number from 0 to 1 with at most three digits behind its point, not all of them zero.
    private static func isPositiveWeight(_ word: [UInt8]) -> Bool {
        guard word.starts(with: Array("q=".utf8)), (3...7).contains(word.count) else { return false }
        let digits = word[2...]
        guard digits.first == 0x30 || digits.first == 0x31 else { return false }
        let rest = digits.dropFirst()
        guard rest.isEmpty || rest.first == UInt8(ascii: "."),
            rest.dropFirst().allSatisfy({ (0x30...0x39).contains($0) })
        else { return false }
        let isPositive = digits.contains { (0x31...0x39).contains($0) }
        return isPositive && (digits.first == 0x30 || rest.dropFirst().allSatisfy { $0 == 0x30 })
    }
}
