// SPDX-License-Identifier: Apache-2.0

/// Reads a JSON or JSON5 text into nodes.
///
/// It is a recursive descent over bytes, with a bound on nesting, and is meant for documents that are small beside
/// pictures: configuration, catalogs, metadata. It refuses what quietly changes meaning elsewhere: names given
/// twice, invalid UTF-8, numbers beyond what a Double holds. Errors carry line and column.
///
/// Complexity: linear in the bytes. No input traps; the memory is proportional to the text.
///
/// Source: RFC 8259; JSON5 1.0.0 (spec.json5.org).
package struct JSONReader {
    /// How deep lists and objects may nest: bounds the stack, far beyond what any document of ours needs.
    package static let maxDepth = 64

    let bytes: [UInt8]
    let dialect: JSONDialect
    var position = 0
    private var line = 1
    private var lineStart = 0

    private init(bytes: [UInt8], dialect: JSONDialect) {
        self.bytes = bytes
        self.dialect = dialect
    }

    /// The one value that `bytes` hold.
    package static func read(_ bytes: [UInt8], dialect: JSONDialect) throws(JSONError) -> JSONNode {
        var reader = JSONReader(bytes: bytes, dialect: dialect)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.position = 3 }  // a byte order mark says nothing
        try reader.skipBlank()
        let node = try reader.readValue(depth: 0)
        try reader.skipBlank()
        guard reader.peek == nil else { throw reader.fault("expected the end of the text after its value") }
        return node
    }

    var isJSON5: Bool { dialect == .json5 }

    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    func byte(ahead distance: Int) -> UInt8? {
        let index = position + distance
        return index < bytes.count ? bytes[index] : nil
    }

    func fault(_ reason: String) -> JSONError {
        JSONError(line: line, column: position - lineStart + 1, reason: reason)
    }

    /// Counts a line; `position` stands behind its end.
    mutating func beginLine() {
        line += 1
        lineStart = position
    }

    private mutating func readValue(depth: Int) throws(JSONError) -> JSONNode {
        guard depth < Self.maxDepth else { throw fault("nested deeper than \(Self.maxDepth) levels") }
        let startLine = line
        let startColumn = position - lineStart + 1
        let value: JSONValue
        switch peek {
        case UInt8(ascii: "{"): value = .object(try readObject(depth: depth))
        case UInt8(ascii: "["): value = .array(try readArray(depth: depth))
        case UInt8(ascii: "\""): value = .string(try readString())
        case UInt8(ascii: "'") where isJSON5: value = .string(try readString())
        case nil: throw fault("expected a value, but the text ends here")
        default:
            if take("true") {
                value = .bool(true)
            } else if take("false") {
                value = .bool(false)
            } else if take("null") {
                value = .null
            } else {
                value = try readNumber()
            }
        }
        return JSONNode(value: value, line: startLine, column: startColumn)
    }

    /// Takes a word that is not the beginning of a longer one.
    mutating func take(_ word: StaticString) -> Bool {
        let text = "\(word)".utf8
        guard bytes[position...].starts(with: text) else { return false }
        if let next = byte(ahead: text.count), Self.isNamePart(next) { return false }
        position += text.count
        return true
    }

    private mutating func readArray(depth: Int) throws(JSONError) -> [JSONNode] {
        position += 1
        var elements: [JSONNode] = []
        while true {
            try skipBlank()
            if peek == UInt8(ascii: "]"), elements.isEmpty || isJSON5 { break }
            elements.append(try readValue(depth: depth + 1))
            try skipBlank()
            if peek == UInt8(ascii: "]") { break }
            guard peek == UInt8(ascii: ",") else { throw fault("expected ',' or ']' in a list") }
            position += 1
        }
        position += 1
        return elements
    }

    private mutating func readObject(depth: Int) throws(JSONError) -> [JSONMember] {
        position += 1
        var members: [JSONMember] = []
        var names: Set<String> = []
        while true {
            try skipBlank()
            if peek == UInt8(ascii: "}"), members.isEmpty || isJSON5 { break }
            let beginning = fault("")
            let name = try readName()
            guard names.insert(name).inserted else {
                throw JSONError(
                    line: beginning.line,
                    column: beginning.column,
                    reason: "the name \"\(name)\" is given twice in this object"
                )
            }
            try skipBlank()
            guard peek == UInt8(ascii: ":") else { throw fault("expected ':' after the name \"\(name)\"") }
            position += 1
            try skipBlank()
            members.append(JSONMember(name: name, node: try readValue(depth: depth + 1)))
            try skipBlank()
            if peek == UInt8(ascii: "}") { break }
            guard peek == UInt8(ascii: ",") else { throw fault("expected ',' or '}' after the value of \"\(name)\"") }
            position += 1
        }
        position += 1
        return members
    }

    private mutating func readName() throws(JSONError) -> String {
        switch peek {
        case UInt8(ascii: "\""): return try readString()
        case UInt8(ascii: "'") where isJSON5: return try readString()
        case let byte? where isJSON5 && Self.isNamePart(byte) && !Self.isDigit(byte):
            let start = position
            while let byte = peek, Self.isNamePart(byte) { position += 1 }
            guard let name = String(validating: bytes[start..<position], as: UTF8.self) else {
                throw fault("the name before this place is not UTF-8")
            }
            return name
        case nil: throw fault("expected '}', but the text ends here")
        default:
            throw fault(isJSON5 ? "expected a name or '}'" : "expected a name in double quotes or '}'")
        }
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    /// Letters, digits, `_`, `$` and everything beyond ASCII.
    static func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
            UInt8(ascii: "$"), 0x80...:
            true
        default: isDigit(byte)
        }
    }
}
