// SPDX-License-Identifier: Apache-2.0

// The small pieces of a text: blanks and comments, strings, numbers.

extension JSONReader {
    /// Skips white space and, in JSON5, comments.
    mutating func skipBlank() throws(JSONError) {
        while let byte = peek {
            switch byte {
            case 0x0A:
                position += 1
                beginLine()
            case 0x20, 0x09, 0x0D:
                position += 1
            case 0x0B where isJSON5, 0x0C where isJSON5:
                position += 1
            case 0xC2 where isJSON5 && self.byte(ahead: 1) == 0xA0:  // no-break space, pasted from elsewhere
                position += 2
            case UInt8(ascii: "/") where isJSON5:
                try skipComment()
            default:
                return
            }
        }
    }

    private mutating func skipComment() throws(JSONError) {
        switch byte(ahead: 1) {
        case UInt8(ascii: "/"):
            while let byte = peek, byte != 0x0A { position += 1 }
        case UInt8(ascii: "*"):
            let opening = fault("this comment is not closed by '*/'")
            position += 2
            while true {
                guard let byte = peek else { throw opening }
                position += 1
                if byte == 0x0A { beginLine() }
                if byte == UInt8(ascii: "*"), peek == UInt8(ascii: "/") { break }
            }
            position += 1
        default:
            throw fault("expected '//' or '/*' to begin a comment")
        }
    }

    /// A string in the quotes that `position` stands on.
    mutating func readString() throws(JSONError) -> String {
        let opening = fault("this string is not closed")
        let quote = bytes[position]
        position += 1
        var text: [UInt8] = []
        while true {
            guard let byte = peek else { throw opening }
            if byte == quote { break }
            if byte == UInt8(ascii: "\\") {
                try readEscape(into: &text)
            } else if byte == 0x0A || byte == 0x0D {
                throw opening
            } else if byte < 0x20, !(isJSON5 && byte == 0x09) {
                throw fault("a control character stands in a string; write it as \\u00\(hexadecimalPair(byte))")
            } else {
                text.append(byte)
                position += 1
            }
        }
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else {
            throw JSONError(line: opening.line, column: opening.column, reason: "this string is not UTF-8")
        }
        return string
    }

    private func hexadecimalPair(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return digits.utf8.count == 1 ? "0" + digits : digits
    }

    private mutating func readEscape(into text: inout [UInt8]) throws(JSONError) {
        let unknown = fault("an unknown escape in a string")
        position += 1
        guard let byte = peek else { throw unknown }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): try readUnicodeEscape(into: &text, beginning: unknown)
        case UInt8(ascii: "'") where isJSON5: text.append(byte)
        case UInt8(ascii: "v") where isJSON5: text.append(0x0B)
        case UInt8(ascii: "0") where isJSON5 && !(peek.map(Self.isDigit) ?? false): text.append(0)
        case UInt8(ascii: "x") where isJSON5:
            guard let unit = takeHexadecimal(digits: 2), let scalar = Unicode.Scalar(unit) else { throw unknown }
            text.append(contentsOf: String(scalar).utf8)
        case 0x0A where isJSON5: beginLine()
        case 0x0D where isJSON5:
            if peek == 0x0A { position += 1 }
            beginLine()
        default: throw unknown
        }
    }

    private mutating func readUnicodeEscape(into text: inout [UInt8], beginning: JSONError) throws(JSONError) {
        let lonely = JSONError(
            line: beginning.line,
            column: beginning.column,
            reason: "expected four hexadecimal digits after \\u, and surrogates in pairs"
        )
        guard var code = takeHexadecimal(digits: 4) else { throw lonely }
        if (0xD800..<0xDC00).contains(code) {
            guard peek == UInt8(ascii: "\\"), byte(ahead: 1) == UInt8(ascii: "u") else { throw lonely }
            position += 2
            guard let low = takeHexadecimal(digits: 4), (0xDC00..<0xE000).contains(low) else { throw lonely }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw lonely }
        text.append(contentsOf: String(scalar).utf8)
    }

    private mutating func takeHexadecimal(digits: Int) -> UInt32? {
        guard position + digits <= bytes.count else { return nil }
        var value: UInt32 = 0
        for byte in bytes[position..<position + digits] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        position += digits
        return value
    }

    /// A number: an integer where it is written as one and fits 64 bits.
    mutating func readNumber() throws(JSONError) -> JSONValue {
        let beginning = fault("expected a value")
        var end = position
        while end < bytes.count {
            let byte = bytes[end]
            guard Self.isNamePart(byte) || byte == UInt8(ascii: ".") || Self.isSign(byte) else { break }
            end += 1
        }
        let text = String(decoding: bytes[position..<end], as: UTF8.self)
        guard let value = isJSON5 ? Self.extendedNumber(text) : Self.number(text) else {
            if end > position {
                throw JSONError(line: beginning.line, column: beginning.column, reason: Self.refusal(text))
            }
            throw beginning
        }
        position = end
        return value
    }

    private static func isSign(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") }

    private static func refusal(_ text: String) -> String {
        "expected a value, found \(text.utf8.count > 40 ? String(text.prefix(40)) + "..." : text)"
    }

    /// JSON5's additions: a leading plus, hexadecimal digits, a point at either end. Infinities and NaN are refused:
    /// nothing of ours accepts them.
    private static func extendedNumber(_ text: String) -> JSONValue? {
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        let magnitude = text.utf8.first.map(isSign) == true ? text.dropFirst() : text[...]
        if magnitude.hasPrefix("0x") || magnitude.hasPrefix("0X") {
            let digits = magnitude.dropFirst(2)
            guard digits.utf8.first.map(isSign) == false else { return nil }
            return Int((isNegative ? "-" : "") + digits, radix: 16).map(JSONValue.integer)
        }
        var plain = String(magnitude)
        if plain.utf8.first == UInt8(ascii: "."), plain.utf8.dropFirst().first.map(isDigit) == true {
            plain = "0" + plain
        }
        if let point = plain.firstIndex(of: "."),
            plain[plain.index(after: point)...].utf8.first.map(isDigit) != true,
            point > plain.startIndex
        {
            plain.insert("0", at: plain.index(after: point))
        }
        guard plain.utf8.first.map(isDigit) == true else { return nil }
        return number((isNegative ? "-" : "") + plain)
    }

    /// RFC 8259's number: `-? int frac? exp?`.
    private static func number(_ text: String) -> JSONValue? {
        var rest = text.utf8[...]
        func digits(_ rest: inout Substring.UTF8View) -> Int {
            let count = rest.prefix(while: isDigit).count
            rest = rest.dropFirst(count)
            return count
        }
        if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        let leading = rest.first
        let count = digits(&rest)
        guard count > 0, count == 1 || leading != UInt8(ascii: "0") else { return nil }
        var isWhole = true
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            isWhole = false
            guard digits(&rest) > 0 else { return nil }
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            isWhole = false
            if let sign = rest.first, isSign(sign) { rest = rest.dropFirst() }
            guard digits(&rest) > 0 else { return nil }
        }
        guard rest.isEmpty else { return nil }
        if isWhole, let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { return nil }
        return .number(number)
    }
}
