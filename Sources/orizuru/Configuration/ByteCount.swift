// SPDX-License-Identifier: Apache-2.0

/// A number of bytes, 0 or more.
struct ByteCount: Hashable, Comparable, Sendable, CustomStringConvertible {
    let bytes: Int

    /// Nil where negative.
    init?(bytes: Int) {
        guard bytes >= 0 else { return nil }
        self.bytes = bytes
    }

    /// `1GiB`, `1.5 GiB`, `20GB`, `512kB`, `4096`. Units of 1000: kB, MB, GB, TB; of 1024: KiB, MiB, GiB, TiB; in any
    /// case; B or nothing is bytes. Nil for anything else, for what is no whole number of bytes and for what exceeds
    /// 63 bits. (G alone is refused: it means both.)
    init?(_ text: some StringProtocol) {
        guard let parsed = UnitNumber(text), let unit = parsed.unit.isEmpty ? 1 : Self.units[parsed.unit.lowercased()],
            let bytes = parsed.scaled(by: unit)
        else { return nil }
        self.bytes = bytes
    }

    private static let units: [String: Int] = [
        "b": 1, "kb": 1000, "mb": 1_000_000, "gb": 1_000_000_000, "tb": 1_000_000_000_000,
        "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
    ]

    static func kibibytes(_ count: Int) -> ByteCount { ByteCount(unchecked: count << 10) }
    static func mebibytes(_ count: Int) -> ByteCount { ByteCount(unchecked: count << 20) }
    static func gibibytes(_ count: Int) -> ByteCount { ByteCount(unchecked: count << 30) }

    private init(unchecked bytes: Int) { self.bytes = bytes }

    static func < (first: ByteCount, second: ByteCount) -> Bool { first.bytes < second.bytes }

    /// In the largest unit that leaves a whole number; read back, it is the same count.
    var description: String {
        for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
        where bytes > 0 && bytes & (1 << shift - 1) == 0 {
            return "\(bytes >> shift)\(unit)"
        }
        return "\(bytes)"
    }
}

/// A decimal number with a unit behind it, as people write sizes and times. Exact: no floating point.
struct UnitNumber: Equatable {
    /// All digits, the point left out.
    let digits: Int
    /// How many of them stand behind the point.
    let fractionDigits: Int
    /// The letters behind the number, a space between left out; may be empty.
    let unit: String

    /// Nil where `text` is not `digits[.digits] [letters]`, or has more digits than 63 bits hold.
    init?(_ text: some StringProtocol) {
        var rest = text.utf8[...]
        let whole = rest.prefix(while: Self.isDigit)
        rest = rest.dropFirst(whole.count)
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix(while: Self.isDigit)
            guard !fraction.isEmpty else { return nil }
            rest = rest.dropFirst(1 + fraction.count)
        }
        if rest.first == UInt8(ascii: " ") { rest = rest.dropFirst() }
        guard !whole.isEmpty, rest.allSatisfy(Self.isLetter),
            let digits = Int(String(decoding: Array(whole) + Array(fraction), as: UTF8.self))
        else { return nil }
        self.digits = digits
        self.fractionDigits = fraction.count
        self.unit = String(decoding: Array(rest), as: UTF8.self)
    }

    /// The number times `unit`; nil where that is no whole number or exceeds 63 bits.
    func scaled(by unit: Int) -> Int? {
        let (product, overflow) = digits.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        var value = product
        for _ in 0..<fractionDigits {
            guard value % 10 == 0 else { return nil }
            value /= 10
        }
        return value
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
