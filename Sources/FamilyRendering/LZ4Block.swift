// SPDX-License-Identifier: Apache-2.0

/// The raw LZ4 block format: sequences of literals and back references, no frame, no checksum.
///
/// Source: github.com/lz4/lz4, `doc/lz4_Block_format.md`. The decoder checks every length before it copies; input can
/// neither make it read or write outside of its two buffers nor run longer than O(input + output).
package enum LZ4Block {
    /// One input byte of a length yields at most 255 output bytes.
    package static let maxExpansion = 255

    /// Decompresses `source`, which must fill `target` exactly. The two must not overlap.
    package static func decompress(
        _ source: UnsafeRawBufferPointer,
        into target: UnsafeMutableRawBufferPointer
    ) throws(PackError) {
        var input = 0
        var output = 0
        let inputEnd = source.count
        let outputEnd = target.count

        while true {
            guard input < inputEnd else { throw .brokenCompression(reason: "it ends inside a sequence") }
            // SAFETY: input < inputEnd was checked.
            let token = unsafe source[input]
            input += 1
            let literals = try unsafe length(token >> 4, source, &input)
            guard literals <= inputEnd - input, literals <= outputEnd - output else {
                throw .brokenCompression(reason: "a run of \(literals) literals does not fit")
            }
            if literals > 0 {
                // SAFETY: both ranges were checked; the buffers do not overlap.
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[output..<(output + literals)])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[input..<(input + literals)]))
            }
            input += literals
            output += literals
            if input == inputEnd { break }

            guard inputEnd - input >= 2 else { throw .brokenCompression(reason: "it ends inside an offset") }
            // SAFETY: two bytes are left.
            let offset = unsafe Int(source[input]) | Int(source[input + 1]) << 8
            input += 2
            let match = try unsafe length(token & 15, source, &input) + 4
            guard offset > 0, offset <= output, match <= outputEnd - output else {
                throw .brokenCompression(reason: "a match of \(match) bytes at distance \(offset) does not fit")
            }
            // Byte by byte, because a match may overlap what it writes.
            for index in output..<(output + match) {
                // SAFETY: offset <= output <= index < outputEnd.
                unsafe target[index] = target[index - offset]
            }
            output += match
        }
        guard output == outputEnd else {
            throw .brokenCompression(reason: "it yields \(output) bytes instead of \(outputEnd)")
        }
    }

    /// A length: four bits, continued in bytes where they are all set.
    @unsafe
    private static func length(
        _ nibble: UInt8,
        _ source: UnsafeRawBufferPointer,
        _ input: inout Int
    ) throws(PackError) -> Int {
        var total = Int(nibble)
        guard nibble == 15 else { return total }
        while true {
            guard input < source.count else { throw .brokenCompression(reason: "it ends inside a length") }
            // SAFETY: input < count. The sum is at most 255 * count.
            let more = unsafe source[input]
            input += 1
            total += Int(more)
            if more < 255 { return total }
        }
    }

    /// A block of literals only: what a writer needs where the content is compressed already. JPEG data gains nothing.
    package static func literals(_ bytes: [UInt8]) -> [UInt8] {
        var block: [UInt8] = []
        block.reserveCapacity(bytes.count + bytes.count / 255 + 2)
        block.append(UInt8(min(bytes.count, 15)) << 4)
        if bytes.count >= 15 {
            var rest = bytes.count - 15
            while rest >= 255 {
                block.append(255)
                rest -= 255
            }
            block.append(UInt8(rest))
        }
        block.append(contentsOf: bytes)
        return block
    }
}
