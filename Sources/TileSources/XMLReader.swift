// SPDX-License-Identifier: Apache-2.0

/// Reads a small subset of XML 1.0 from bytes, piece by piece: elements, attributes, text, comments, CDATA and
/// processing instructions. What it cannot read it refuses: a document type (so no entity can be declared), entities
/// but the five predefined ones and numbered characters, encodings other than UTF-8.
///
/// Never traps, never recurses; memory is bounded by the input and by `maxDepth` and `maxAttributes`.
/// Source: Extensible Markup Language 1.0 (5th edition), Namespaces in XML 1.0.
struct XMLReader {
    /// What is wrong, and at which byte.
    struct Failure: Error, Hashable {
        let reason: String
        let offset: Int
    }

    /// One piece of a document.
    enum Event: Hashable {
        case start(Element)
        case end(name: String)
        case text(String)
    }

    /// An opening tag; an empty one (`<a/>`) is followed by its own `.end`.
    struct Element: Hashable {
        /// The name without its prefix.
        let name: String
        /// The namespace that its prefix stands for; nil where none is declared.
        let namespace: String?
        /// Attributes as written, prefix included, in order; no name occurs twice.
        let attributes: [Attribute]

        /// The value of an attribute without prefix.
        subscript(name: String) -> String? { attributes.first { $0.name == name }?.value }
    }

    /// One attribute with its value decoded.
    struct Attribute: Hashable {
        let name: String
        let value: String
    }

    /// How deep elements may nest: a .dzi nests two deep, vips properties four.
    static let maxDepth = 32
    /// Attributes of one element.
    static let maxAttributes = 64

    private let bytes: [UInt8]
    private var position = 0
    /// Raw names of the open elements with the namespace declarations that each of them made.
    private var open: [(name: String, declared: [Attribute])] = []
    private var pendingEnd: String?
    private var sawRoot = false

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// The next piece, or nil at the end of a well-formed document.
    mutating func next() throws(Failure) -> Event? {
        if let name = pendingEnd {
            pendingEnd = nil
            return .end(name: name)
        }
        while position < bytes.count {
            if bytes[position] != UInt8(ascii: "<") {
                let text = try readText()
                if open.isEmpty {
                    guard text.utf8.allSatisfy(Self.isSpace) else { throw failure("text outside the root element") }
                    continue
                }
                return .text(text)
            }
            if has("<?") {
                try skip(past: "?>", of: "a processing instruction")
            } else if has("<!--") {
                position += 4
                try skip(past: "-->", of: "a comment")
            } else if has("<![CDATA[") {
                guard !open.isEmpty else { throw failure("CDATA outside the root element") }
                let start = position + 9
                try skip(past: "]]>", of: "CDATA")
                return .text(try string(start..<max(start, position - 3)))
            } else if has("<!") {
                throw failure("a document type or declaration, which is not accepted")
            } else if has("</") {
                return try readEndTag()
            } else {
                return try readStartTag()
            }
        }
        guard open.isEmpty else { throw failure("the document ends inside <\(open[open.count - 1].name)>") }
        guard sawRoot else { throw failure("no element at all") }
        return nil
    }

    // MARK: Tags

    private mutating func readStartTag() throws(Failure) -> Event {
        guard !(open.isEmpty && sawRoot) else { throw failure("a second root element") }
        guard open.count < Self.maxDepth else { throw failure("elements nest deeper than \(Self.maxDepth)") }
        position += 1
        let name = try readName()
        var attributes: [Attribute] = []
        var isEmpty = false
        while true {
            let hadSpace = skipSpace()
            guard position < bytes.count else { throw failure("the document ends inside <\(name)") }
            if bytes[position] == UInt8(ascii: ">") {
                position += 1
                break
            }
            if has("/>") {
                position += 2
                isEmpty = true
                break
            }
            guard hadSpace else { throw failure("no space before an attribute of <\(name)>") }
            guard attributes.count < Self.maxAttributes else { throw failure("too many attributes in <\(name)>") }
            let attribute = try readAttribute()
            guard !attributes.contains(where: { $0.name == attribute.name }) else {
                throw failure("attribute \(attribute.name) occurs twice in <\(name)>")
            }
            attributes.append(attribute)
        }
        sawRoot = true
        open.append((name, attributes.filter { $0.name == "xmlns" || $0.name.hasPrefix("xmlns:") }))
        let (prefix, local) = Self.splitName(name)
        let element = Element(name: local, namespace: namespace(ofPrefix: prefix), attributes: attributes)
        if isEmpty {
            open.removeLast()
            pendingEnd = local
        }
        return .start(element)
    }

    private mutating func readEndTag() throws(Failure) -> Event {
        position += 2
        let name = try readName()
        _ = skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: ">") else {
            throw failure("</\(name) is not closed")
        }
        position += 1
        guard let last = open.popLast(), last.name == name else { throw failure("</\(name)> closes nothing") }
        return .end(name: Self.splitName(name).local)
    }

    private mutating func readAttribute() throws(Failure) -> Attribute {
        let name = try readName()
        _ = skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: "=") else {
            throw failure("attribute \(name) has no value")
        }
        position += 1
        _ = skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") || bytes[position] == UInt8(ascii: "'")
        else { throw failure("the value of \(name) is not quoted") }
        let quote = bytes[position]
        position += 1
        let start = position
        while position < bytes.count, bytes[position] != quote {
            guard bytes[position] != UInt8(ascii: "<") else { throw failure("a '<' in the value of \(name)") }
            position += 1
        }
        guard position < bytes.count else { throw failure("the value of \(name) does not end") }
        let value = try decoded(start..<position)
        position += 1
        return Attribute(name: name, value: value)
    }

    private mutating func readName() throws(Failure) -> String {
        let start = position
        while position < bytes.count, Self.isName(bytes[position]) { position += 1 }
        guard position > start, !(0x30...0x39).contains(bytes[start]) else { throw failure("a name was expected") }
        return try string(start..<position)
    }

    // MARK: Text

    private mutating func readText() throws(Failure) -> String {
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "<") { position += 1 }
        return try decoded(start..<position)
    }

    private func decoded(_ range: Range<Int>) throws(Failure) -> String {
        guard bytes[range].contains(UInt8(ascii: "&")) else { return try string(range) }
        var result = ""
        var start = range.lowerBound
        while let ampersand = bytes[start..<range.upperBound].firstIndex(of: UInt8(ascii: "&")) {
            // The longest accepted reference is &#x10FFFF; : ten bytes.
            let window = bytes[ampersand..<min(ampersand + 12, range.upperBound)]
            guard let end = window.firstIndex(of: UInt8(ascii: ";")) else { throw failure("an '&' without ';'") }
            result += try string(start..<ampersand)
            let name = try string(ampersand + 1..<end)
            guard let scalar = Self.scalar(ofEntity: name) else { throw failure("the entity &\(name); is not known") }
            result.unicodeScalars.append(scalar)
            start = end + 1
        }
        return result + (try string(start..<range.upperBound))
    }

    private static func scalar(ofEntity name: String) -> Unicode.Scalar? {
        switch name {
        case "lt": return "<"
        case "gt": return ">"
        case "amp": return "&"
        case "quot": return "\""
        case "apos": return "'"
        default:
            let isHexadecimal = name.hasPrefix("#x")
            guard name.hasPrefix("#") else { return nil }
            let digits = name.dropFirst(isHexadecimal ? 2 : 1)
            guard !digits.isEmpty, digits.allSatisfy(\.isHexDigit),
                let value = UInt32(digits, radix: isHexadecimal ? 16 : 10), value >= 0x20 || value == 9 || value == 10
            else { return nil }
            return Unicode.Scalar(value)
        }
    }

    private func string(_ range: Range<Int>) throws(Failure) -> String {
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw Failure(reason: "not UTF-8", offset: range.lowerBound)
        }
        return text
    }

    // MARK: Bytes

    private mutating func skipSpace() -> Bool {
        let start = position
        while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
        return position > start
    }

    private mutating func skip(past end: String, of what: String) throws(Failure) {
        let mark = Array(end.utf8)
        let start = position
        while position + mark.count <= bytes.count {
            if bytes[position..<position + mark.count].elementsEqual(mark) {
                position += mark.count
                return
            }
            position += 1
        }
        throw Failure(reason: "\(what) does not end", offset: start)
    }

    private func has(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count else { return false }
        return bytes[position..<position + count].elementsEqual(text.description.utf8)
    }

    private func namespace(ofPrefix prefix: String) -> String? {
        let wanted = prefix.isEmpty ? "xmlns" : "xmlns:\(prefix)"
        for element in open.reversed() {
            if let found = element.declared.first(where: { $0.name == wanted }) { return found.value }
        }
        return nil
    }

    private static func splitName(_ name: String) -> (prefix: String, local: String) {
        guard let colon = name.firstIndex(of: ":") else { return ("", name) }
        return (String(name[..<colon]), String(name[name.index(after: colon)...]))
    }

    private func failure(_ reason: String) -> Failure { Failure(reason: reason, offset: position) }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte) && byte != 0x0B && byte != 0x0C
    }

    /// Letters, digits and `.-_:`; every byte of a multi-byte character.
    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x41...0x5A, 0x61...0x7A, 0x30...0x3A, 0x2D, 0x2E, 0x5F, 0x80...: true
        default: false
        }
    }
}
