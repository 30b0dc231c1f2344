// SPDX-License-Identifier: Apache-2.0

/// A name or a value of a query, decoded: percent-encodings, and a plus for a space (application/x-www-form-urlencoded).
/// Nil where it is malformed.
package func queryDecoded(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
        case UInt8(ascii: "%"):
            let digits = rest.prefix(2)
            guard digits.count == 2, digits.allSatisfy({ Character(.init($0)).isHexDigit }),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            rest.removeFirst(2)
        default: bytes.append(byte)
        }
    }
    return String(validating: bytes, as: UTF8.self)
}
