// SPDX-License-Identifier: Apache-2.0

/// An entity tag as it stands in a field: 16 hexadecimal digits in quotes (RFC 9110, 8.8.3; strong).
enum EntityTagText {
    static func append(_ tag: UInt64, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for shift in stride(from: 60, through: 0, by: -4) { bytes.append(digit(tag >> UInt64(shift))) }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func digit(_ value: UInt64) -> UInt8 {
        let nibble = UInt8(value & 0xF)
        return nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10
    }
}
