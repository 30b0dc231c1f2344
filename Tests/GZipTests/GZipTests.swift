// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import GZip

@Suite("Gzip")
struct GZipTests {
    @Test("what is compressed inflates to what it was, at any size")
    func roundTrip() throws {
        var random = Seed.ofThisRun.generator()
        for count in [0, 1, 63, 64, 65, 1000, 70_000, 300_000] {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...7, using: &random) }
            let compressed = try GZip.deflate(bytes)
            #expect(GZip.isCompressed(compressed))
            #expect(try GZip.inflate(compressed, limit: count) == bytes)
        }
    }

    @Test("several members in a row are one text")
    func members() throws {
        let both = try GZip.deflate(Array("abc".utf8)) + GZip.deflate(Array("def".utf8))
        #expect(try GZip.inflate(both, limit: 6) == Array("abcdef".utf8))
    }

    @Test("more than the limit is refused, one byte more as well as a bomb")
    func limits() throws {
        let compressed = try GZip.deflate([UInt8](repeating: 0, count: 10_000_000))
        #expect(throws: GZipError.tooLarge(limit: 9_999_999)) { try GZip.inflate(compressed, limit: 9_999_999) }
        #expect(throws: GZipError.tooLarge(limit: 100)) { try GZip.inflate(compressed, limit: 100) }
        #expect(try GZip.inflate(compressed, limit: 10_000_000).count == 10_000_000)
    }

    @Test("every cut, every flipped byte of the trailer, and bytes behind the end are refused")
    func damage() throws {
        let compressed = try GZip.deflate(Array("a text that is long enough to have some bytes".utf8))
        for count in 0..<compressed.count {
            #expect(throws: GZipError.self) { try GZip.inflate(Array(compressed[..<count]), limit: 1000) }
        }
        for index in compressed.count - 8..<compressed.count {
            var damaged = compressed
            damaged[index] ^= 1
            #expect(throws: GZipError.self) { try GZip.inflate(damaged, limit: 1000) }
        }
        #expect(throws: GZipError.self) { try GZip.inflate(compressed + [0], limit: 1000) }
        #expect(throws: GZipError.self) { try GZip.inflate([], limit: 1000) }
    }
}
