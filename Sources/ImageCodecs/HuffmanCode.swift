// SPDX-License-Identifier: Apache-2.0

/// The shortest prefix code for symbols of known frequencies under the rules of JPEG: no code longer than 16 bits, none of
/// ones alone. Source: ITU-T T.81, annex K.2, and C.2 for the codes from the lengths.
struct HuffmanCode {
    /// How many codes there are of 1...16 bits.
    private(set) var counts = [UInt8](repeating: 0, count: 16)
    /// The symbols, shortest codes first.
    private(set) var symbols: [UInt8] = []
    /// By symbol: the code in the low 16 bits, its length above; 0 for symbols that do not occur.
    private(set) var codes = [UInt32](repeating: 0, count: 256)

    /// `frequencies` are those of the symbols 0...255; at least one is above 0. Complexity: O(n^2) for n that occur.
    init(frequencies: [Int]) {
        precondition(frequencies.count == 256, "\(frequencies.count) frequencies")
        // A symbol that does not exist takes the longest code, so that no other consists of ones alone.
        let present = (0..<256).filter { frequencies[$0] > 0 } + [256]
        precondition(present.count > 1, "a code for nothing")
        let lengths = Self.limited(Self.lengths(present.map { $0 == 256 ? 1 : frequencies[$0] }))
        // K.3: sorted by length; of equal lengths the one that occurs more comes first or the smaller symbol. The
        // lengths are handed out anew, the longest to the rarest.
        let order = present.dropLast().sorted { (frequencies[$1], $0) < (frequencies[$0], $1) }
        var code: UInt32 = 0
        var next = order.makeIterator()
        var left = order.count
        for length in 1...16 {
            let count = min(lengths[length], left)
            counts[length - 1] = UInt8(count)
            left -= count
            for _ in 0..<count {
                guard let symbol = next.next() else { break }
                symbols.append(UInt8(symbol))
                codes[symbol] = UInt32(length) << 16 | code
                code += 1
            }
            code <<= 1
        }
    }

    /// The lengths of an optimal code without a limit, by merging the two rarest again and again.
    private static func lengths(_ frequencies: [Int]) -> [Int] {
        var weights = frequencies
        var lengths = [Int](repeating: 0, count: weights.count)
        // The members of each tree, at its first one's place.
        var members = (0..<weights.count).map { [$0] }
        var roots = Array(0..<weights.count)
        while roots.count > 1 {
            // The last of equals, so that the symbol that does not exist, which comes last, goes deepest.
            var (first, second) = (-1, -1)
            for (position, root) in roots.enumerated() {
                if first < 0 || weights[root] <= weights[roots[first]] {
                    second = first
                    first = position
                } else if second < 0 || weights[root] <= weights[roots[second]] {
                    second = position
                }
            }
            let (kept, gone) = (roots[second], roots[first])
            weights[kept] += weights[gone]
            members[kept] += members[gone]
            members[gone] = []
            for member in members[kept] { lengths[member] += 1 }
            roots.remove(at: first)
        }
        return lengths
    }

    /// How many codes of each length there are when none is longer than 16 bits and the longest one, that of the symbol
    /// that does not exist, is left out. The first element is unused.
    private static func limited(_ lengths: [Int]) -> [Int] {
        var counts = [Int](repeating: 0, count: max(lengths.max() ?? 0, 16) + 1)
        for length in lengths { counts[length] += 1 }
        var length = counts.count - 1
        while length > 16 {
            while counts[length] > 0 {
                // A pair of the longest codes: one takes the place of their common prefix, the other goes below a
                // shorter code.
                var shorter = length - 2
                while counts[shorter] == 0 { shorter -= 1 }
                counts[length] -= 2
                counts[length - 1] += 1
                counts[shorter + 1] += 2
                counts[shorter] -= 1
            }
            length -= 1
        }
        while counts[length] == 0 { length -= 1 }
        counts[length] -= 1
        return Array(counts[...16])
    }
}
