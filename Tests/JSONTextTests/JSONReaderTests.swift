// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import JSONText

private func read(_ text: String, _ dialect: JSONDialect = .json5) throws(JSONError) -> JSONNode {
    try JSONReader.read(Array(text.utf8), dialect: dialect)
}

private func refusal(_ text: String, _ dialect: JSONDialect = .json5) -> String? {
    do throws(JSONError) {
        _ = try read(text, dialect)
        return nil
    } catch {
        return error.description
    }
}

/// A node's value without its places, for comparison.
private func plain(_ node: JSONNode) -> String {
    switch node.value {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let text): text.debugDescription
    case .array(let elements): "[" + elements.map(plain).joined(separator: ",") + "]"
    case .object(let members): "{" + members.map { "\($0.name):\(plain($0.node))" }.joined(separator: ",") + "}"
    }
}

@Suite("JSON and JSON5 texts")
struct JSONReaderTests {
    @Test(
        "what both dialects write is read alike",
        arguments: [
            ("{\"a\": 1, \"b\": [true, false, null], \"c\": {\"d\": \"e\"}}", "{a:1,b:[true,false,null],c:{d:\"e\"}}"),
            ("[]", "[]"), ("{}", "{}"), (" \n\t 0 ", "0"), ("-0.5e+2", "-50.0"), ("1E3", "1000.0"),
            ("9223372036854775807", "9223372036854775807"), ("-9223372036854775808", "-9223372036854775808"),
            ("9223372036854775808", "9.223372036854776e+18"),
            ("\"\\u00e9\\ud83d\\ude00\\n\\/\\\"\"", "\"é😀\\n/\\\"\""),
        ]
    )
    func common(text: String, expected: String) throws {
        #expect(plain(try read(text, .json)) == expected)
        #expect(plain(try read(text, .json5)) == expected)
    }

    @Test(
        "what JSON5 adds is read in JSON5 and refused in JSON",
        arguments: [
            ("{a: 1, $b_2: 2,}", "{a:1,$b_2:2}"), ("[1, 2,]", "[1,2]"), ("'it\"s'", "\"it\\\"s\""),
            ("0xFF", "255"), ("-0x10", "-16"), ("+1", "1"), (".5", "0.5"), ("5.", "5.0"), ("5.e2", "500.0"),
            ("// one\n1 /* two\n */", "1"), ("'a\\\nb'", "\"ab\""), ("'\\x41\\v\\0'", "\"A\\u{0B}\\0\""),
            ("{é: 1}", "{é:1}"), ("\u{00A0}1", "1"),
        ]
    )
    func extensions(text: String, expected: String) throws {
        #expect(plain(try read(text)) == expected)
        #expect(refusal(text, .json) != nil)
    }

    @Test(
        "what is no text of either dialect is refused with its place",
        arguments: [
            ("", "line 1, column 1: expected a value, but the text ends here"),
            ("{\n  a: 1\n  b: 2\n}", "line 3, column 3: expected ',' or '}' after the value of \"a\""),
            ("{\n  a: tru\n}", "line 2, column 6: expected a value, found tru"),
            ("{a: 1, a: 2}", "line 1, column 8: the name \"a\" is given twice in this object"),
            ("{a 1}", "line 1, column 4: expected ':' after the name \"a\""),
            ("[1 2]", "line 1, column 4: expected ',' or ']' in a list"),
            ("1 2", "line 1, column 3: expected the end of the text after its value"),
            ("'abc", "line 1, column 1: this string is not closed"),
            ("\n/* x", "line 2, column 1: this comment is not closed by '*/'"),
            ("'\\q'", "line 1, column 2: an unknown escape in a string"),
            ("{a: 1", "line 1, column 6: expected ',' or '}' after the value of \"a\""),
            ("{", "line 1, column 2: expected '}', but the text ends here"),
            ("truely", "line 1, column 1: expected a value, found truely"),
            ("/1", "line 1, column 1: expected '//' or '/*' to begin a comment"),
            ("\"\u{1}\"", "line 1, column 2: a control character stands in a string; write it as \\u0001"),
        ]
    )
    func refused(text: String, expected: String) {
        #expect(refusal(text) == expected)
    }

    @Test(
        "numbers and escapes that are nearly right are refused",
        arguments: [
            "01", "-", "+", ".", "1.2.3", "1e", "0x", "0x-1", "--1", "1e999", "NaN", "Infinity", "-Infinity", "0b1",
            "1_0",
            "'\\ud800'", "'\\ud800\\u0041'", "'\\udc00'", "'\\u12'", "'\\x4'", "'\\01'", "[,]", "{,}", "[1,,2]", "{a:}",
        ]
    )
    func nearly(text: String) {
        #expect(refusal(text) != nil)
        #expect(refusal(text, .json) != nil)
    }

    @Test("nesting up to the bound is read and one more is refused")
    func depth() {
        let most = JSONReader.maxDepth
        #expect(refusal(String(repeating: "[", count: most) + String(repeating: "]", count: most)) == nil)
        #expect(
            refusal(String(repeating: "[", count: most + 1))
                == "line 1, column \(most + 1): nested deeper than \(most) levels"
        )
        #expect(refusal(String(repeating: "[", count: 1_000_000)) != nil)
        #expect(refusal(String(repeating: "{\"a\":", count: 1_000_000)) != nil)
    }

    @Test("bytes that are not UTF-8 are refused in strings and in names")
    func notText() {
        #expect(throws: JSONError.self) { try JSONReader.read([0x22, 0xFF, 0x22], dialect: .json) }
        #expect(throws: JSONError.self) {
            try JSONReader.read(Array("{".utf8) + [0xC3] + Array(":1}".utf8), dialect: .json5)
        }
    }

    @Test("a node knows its line and column")
    func places() throws {
        let node = try read("{\n  a: [\n    1,\n    'x'],\n}")
        let list = try #require(node["a"])
        #expect((list.line, list.column) == (2, 6))
        let second = try #require(list.array?.last)
        #expect((second.line, second.column) == (4, 5))
        #expect(second.string == "x" && list.array?.first?.integer == 1 && node["b"] == nil)
    }

    @Test("every prefix and every one-byte change of a text is read or refused, never a trap")
    func mutations() {
        let text = Array(
            "{a: [1, -2.5e3, 'x\\u00e9\\ud83d\\ude00'], /* c */ \"b\": {c: null, d: true}, // e\n f: 0x1F,}".utf8
        )
        var outcomes = (read: 0, refused: 0)
        func attempt(_ bytes: [UInt8]) {
            for dialect in [JSONDialect.json, .json5] {
                do throws(JSONError) {
                    _ = try JSONReader.read(bytes, dialect: dialect)
                    outcomes.read += 1
                } catch {
                    outcomes.refused += 1
                }
            }
        }
        for end in 0...text.count { attempt(Array(text[..<end])) }
        for index in text.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = text
                changed[index] = byte
                attempt(changed)
            }
        }
        #expect(outcomes.read > 0 && outcomes.refused > 0)
    }
}
