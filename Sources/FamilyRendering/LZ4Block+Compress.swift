// SPDX-License-Identifier: Apache-2.0

extension LZ4Block {
    /// A block that decompresses to `bytes`: greedy, with a table of the last place of each hash of four bytes.
    ///
    /// The JPEGs of a pack are compressed already, but their headers repeat: some five in a hundred bytes go.
    /// Complexity: O(bytes). Source: the LZ4 block format description, with its rules for the end: the last five bytes
    /// are literals, and no match begins in the last twelve.
    package static func compress(_ bytes: [UInt8]) -> [UInt8] {
        var block: [UInt8] = []
        block.reserveCapacity(bytes.count + bytes.count / 255 + 16)
        var table = [Int32](repeating: -1, count: 1 << hashBits)
        var anchor = 0
        var at = 0
        let lastStart = bytes.count - 12
        let matchEnd = bytes.count - 5
        while at <= lastStart {
            let word = fourBytes(bytes, at)
            let slot = Int((word &* 2_654_435_761) >> UInt32(32 - hashBits))
            let candidate = Int(table[slot])
            table[slot] = Int32(truncatingIfNeeded: at)
            guard candidate >= 0, at - candidate <= 65535, fourBytes(bytes, candidate) == word else {
                at += 1
                continue
            }
            var length = 4
            while at + length < matchEnd, bytes[candidate + length] == bytes[at + length] { length += 1 }
            append(bytes[anchor..<at], matchLength: length, offset: at - candidate, to: &block)
            at += length
            anchor = at
        }
        append(bytes[anchor...], matchLength: nil, offset: 0, to: &block)
        return block
    }

    private static let hashBits = 14

    private static func fourBytes(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
    }

    /// One sequence: literals, and a match behind them unless they are the last.
    private static func append(
        _ literals: ArraySlice<UInt8>,
        matchLength: Int?,
        offset: Int,
        to block: inout [UInt8]
    ) {
        let match = (matchLength ?? 4) - 4
        block.append(UInt8(min(literals.count, 15)) << 4 | UInt8(min(match, 15)))
        appendLength(literals.count, to: &block)
        block.append(contentsOf: literals)
        guard matchLength != nil else { return }
        block.append(UInt8(offset & 0xFF))
        block.append(UInt8(offset >> 8))
        appendLength(match, to: &block)
    }

    private static func appendLength(_ length: Int, to block: inout [UInt8]) {
        guard length >= 15 else { return }
        var rest = length - 15
        while rest >= 255 {
            block.append(255)
            rest -= 255
        }
        block.append(UInt8(rest))
    }
}
