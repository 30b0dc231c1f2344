// SPDX-License-Identifier: Apache-2.0

/// A number as names of levels, columns and rows are written: ASCII digits, no sign, no leading zero, below 2^31.
/// Leading zeros are refused because a tile's path is made from its number.
func canonicalNumber(_ text: some StringProtocol) -> Int? {
    guard (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let value = Int(text), value < 1 << 31, text.utf8.count == 1 || text.utf8.first != 0x30
    else { return nil }
    return value
}
