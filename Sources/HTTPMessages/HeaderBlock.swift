// SPDX-License-Identifier: Apache-2.0

/// A header block in the making: field lines, then the blank line. For answers that are made once: documents, errors,
/// and the stored heads of tiles. It does not contain the status line, Date or Connection: a reactor writes those.
package struct HeaderBlock: Sendable {
    /// The lines so far.
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// Adds a line. A byte that may not stand in a value becomes `?`, so that no value can end its line.
    package mutating func add(_ name: StaticString, _ value: String) {
        add(name)
        for byte in value.utf8 {
            let isAllowed = byte >= 0x20 ? byte != 0x7F : byte == 0x09
            bytes.append(isAllowed ? byte : UInt8(ascii: "?"))
        }
        endLine()
    }

    /// Adds a line with a number.
    package mutating func add(_ name: StaticString, _ value: Int) { add(name, String(value)) }

    /// The lines and the blank line.
    package consuming func finished() -> [UInt8] {
        endLine()
        return bytes
    }

    private mutating func add(_ name: StaticString) {
        // SAFETY: a literal lives for ever.
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: ":"))
        bytes.append(UInt8(ascii: " "))
    }

    private mutating func endLine() {
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }
}
