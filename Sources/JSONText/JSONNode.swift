// SPDX-License-Identifier: Apache-2.0

/// One value of a JSON text, with the place where it stands in it, so that whoever refuses it can say where it is.
package struct JSONNode: Sendable, Equatable {
    /// What stands there.
    package let value: JSONValue
    /// The line of its first byte, counted from 1.
    package let line: Int
    /// The column of its first byte, counted from 1 in bytes.
    package let column: Int

    package init(value: JSONValue, line: Int, column: Int) {
        self.value = value
        self.line = line
        self.column = column
    }

    /// The member of an object, or nil where this is no object or has no such member. Complexity: O(members).
    package subscript(name: String) -> JSONNode? {
        guard case .object(let members) = value else { return nil }
        return members.first { $0.name == name }?.node
    }

    /// The text of a string.
    package var string: String? {
        if case .string(let text) = value { text } else { nil }
    }

    /// A whole number, written as one.
    package var integer: Int? {
        if case .integer(let number) = value { number } else { nil }
    }

    /// The elements of an array.
    package var array: [JSONNode]? {
        if case .array(let elements) = value { elements } else { nil }
    }
}

/// What a JSON value can be.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number without fraction and exponent that fits 64 bits.
    case integer(Int)
    /// Any other number.
    case number(Double)
    case string(String)
    case array([JSONNode])
    /// Members in the order in which they are written; their names differ.
    case object([JSONMember])

    /// The kind in words, for messages: `a string`.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .integer: "a whole number"
        case .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

/// A name and its value in an object.
package struct JSONMember: Sendable, Equatable {
    package let name: String
    package let node: JSONNode

    package init(name: String, node: JSONNode) {
        self.name = name
        self.node = node
    }
}

/// Which language a text is written in.
package enum JSONDialect: Sendable {
    /// RFC 8259, strictly.
    case json
    /// JSON5 1.0.0: comments, unquoted names, trailing commas, single quotes, hexadecimal numbers and so on.
    case json5
}

/// Why a text was refused.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    package let line: Int
    package let column: Int
    /// What is wrong there, as the end of a sentence.
    package let reason: String

    package init(line: Int, column: Int, reason: String) {
        self.line = line
        self.column = column
        self.reason = reason
    }

    /// `line 3, column 7: expected a value`.
    package var description: String { "line \(line), column \(column): \(reason)" }
}
