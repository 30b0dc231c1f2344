// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import TestSupport
import Testing

@Suite("LZ4 blocks")
struct LZ4BlockTests {
    static func decompress(_ block: [UInt8], count: Int) throws -> [UInt8] {
        var output = [UInt8](repeating: 0, count: count)
        try unsafe output.withUnsafeMutableBytes { target in
            try unsafe block.withUnsafeBytes { try unsafe LZ4Block.decompress($0, into: target) }
        }
        return output
    }

    @Test("blocks written by hand from the format's description are decoded")
    func byHand() throws {
        #expect(try Self.decompress([0x00], count: 0) == [])
        #expect(try Self.decompress([0x30, 1, 2, 3], count: 3) == [1, 2, 3])
        // Two literals, a match of 4 at distance 2, then one literal.
        #expect(try Self.decompress([0x20, 7, 8, 2, 0, 0x10, 9], count: 7) == [7, 8, 7, 8, 7, 8, 9])
        // A match that overlaps itself: a run of one byte, with a continued length (4 + 15 + 3).
        #expect(try Self.decompress([0x1F, 5, 1, 0, 3, 0x00], count: 23) == [UInt8](repeating: 5, count: 23))
    }

    @Test("a block of literals comes back, at every length around the continued ones")
    func literals() throws {
        for count in [0, 1, 14, 15, 16, 269, 270, 271, 524, 525, 526, 70_000] {
            let bytes = (0..<count).map { UInt8($0 * 31 & 255) }
            expectBytes(try Self.decompress(LZ4Block.literals(bytes), count: count), equal: bytes)
        }
    }

    @Test(
        "lengths and distances that lie are refused",
        arguments: [
            [], [0x10], [0xF0], [0xF0, 255], [0x20, 1], [0x10, 1, 0, 0], [0x10, 1, 2, 0, 0x00], [0x10, 1, 1],
            [0x1F, 1, 1, 0], [0x1F, 1, 1, 0, 255, 255, 255, 0, 0x00], [0xF0, 255, 255, 255, 255, 255, 255, 0],
            [0x40, 1, 2, 3, 4], [0x20, 1, 2],
        ] as [[UInt8]]
    )
    func lies(block: [UInt8]) {
        #expect(throws: PackError.self) { try Self.decompress(block, count: 3) }
    }

    @Test("random and damaged blocks are refused or fill the output, never a trap")
    func fuzz() throws {
        let seed = Seed.ofThisRun
        print("LZ4 fuzz: \(seed)")
        for round in 0..<4000 {
            var generator = seed.generator(stream: round)
            var block: [UInt8] = []
            for _ in 0..<Int.random(in: 0...40, using: &generator) {
                // Small values often, so that lengths and distances are often nearly right.
                block.append(
                    Bool.random(using: &generator)
                        ? .random(in: 0...255, using: &generator) : .random(in: 0...40, using: &generator)
                )
            }
            _ = try? Self.decompress(block, count: Int.random(in: 0...300, using: &generator))
        }
    }

    @Test("what is compressed is decompressed to the same bytes, repetitions gone, whatever they are")
    func compression() throws {
        let seed = Seed.ofThisRun
        print("lz4: \(seed)")
        for round in 0..<300 {
            var generator = seed.generator(stream: round)
            let alphabet = Int.random(in: 1...255, using: &generator)
            var bytes: [UInt8] = []
            while bytes.count < round * 7 {
                if bytes.count > 20, Bool.random(using: &generator) {
                    let start = Int.random(in: 0..<bytes.count, using: &generator)
                    bytes += bytes[start..<min(start + Int.random(in: 1...400, using: &generator), bytes.count)]
                } else {
                    bytes.append(UInt8(Int.random(in: 0..<alphabet, using: &generator)))
                }
            }
            let block = LZ4Block.compress(bytes)
            #expect(try Self.decompress(block, count: bytes.count) == bytes, "round \(round), \(seed)")
            #expect(block.count <= LZ4Block.literals(bytes).count + 1)
        }
        let far = [UInt8](repeating: 7, count: 100) + (0..<70_000).map { UInt8($0 * $0 / 7 & 255) }
        #expect(try Self.decompress(LZ4Block.compress(far + far), count: 2 * far.count) == far + far)
        #expect(LZ4Block.compress([UInt8](repeating: 0, count: 1000)).count < 30)
    }
}
