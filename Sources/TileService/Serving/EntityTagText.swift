// SPDX-License-Identifier: Apache-2.0

import HTTPMessages

/// An entity tag as it stands in a field: 16 hexadecimal digits in quotes (RFC 9110, 8.8.3; strong).
enum EntityTagText {
    static func append(_ tag: UInt64, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for shift in stride(from: 60, through: 0, by: -4) { bytes.append(digit(tag >> UInt64(shift))) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Whether the value of an If-None-Match field names the tag.
    static func isListed(_ tag: UInt64, in list: [UInt8]) -> Bool {
        var text: [UInt8] = []
        append(tag, to: &text)
        return isListed(text, in: list)
    }

    /// The same for a tag in quotes.
    static func isListed(_ text: [UInt8], in list: [UInt8]) -> Bool {
        // SAFETY: both arrays are alive and unchanged for the call.
        unsafe text.withUnsafeBytes { tag in unsafe list.withUnsafeBytes { unsafe EntityTag.isListed(tag, in: $0) } }
    }

    private static func digit(_ value: UInt64) -> UInt8 {
        let nibble = UInt8(value & 0xF)
        return nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10
    }
}
