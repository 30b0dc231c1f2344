// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TileModel

@Suite("Keys, hashes and names of tiles")
struct TileKeyTests {
    @Test("each field of a key has its own bits, and the coordinate comes back")
    func fields() throws {
        let tile = TileCoordinate(level: 0x1E, x: 0x1234_5678, y: 0x9ABC_DEF0)
        let key = try #require(
            TileKey(ordinal: 0xCAFE_F00D, tile: tile, variant: TileVariant(format: .png, isPadded: true))
        )
        #expect(key.high == 0xCAFE_F00D_1E12_0000)
        #expect(key.low == 0x1234_5678_9ABC_DEF0)
        #expect(key.tile == tile)
        #expect(key.ordinal == 0xCAFE_F00D)
    }

    @Test("keys differ when only one of their fields differs")
    func distinctness() throws {
        var keys: Set<TileKey> = []
        var mixed: Set<UInt64> = []
        var count = 0
        for ordinal in [UInt32(0), 1, .max] {
            for level in [0, 1, 255] {
                for x in [0, 1, 0xFFFF_FFFF] {
                    for y in [0, 1, 0xFFFF_FFFF] {
                        for format in TileFormat.allCases {
                            for isPadded in [false, true] {
                                let key = try #require(
                                    TileKey(
                                        ordinal: ordinal,
                                        tile: TileCoordinate(level: level, x: x, y: y),
                                        variant: TileVariant(format: format, isPadded: isPadded)
                                    )
                                )
                                keys.insert(key)
                                mixed.insert(key.mixed)
                                count += 1
                            }
                        }
                    }
                }
            }
        }
        #expect(keys.count == count)
        #expect(mixed.count == count)
    }

    @Test(
        "a number that does not fit its field makes no key",
        arguments: [
            TileCoordinate(level: 256, x: 0, y: 0), TileCoordinate(level: -1, x: 0, y: 0),
            TileCoordinate(level: 0, x: 1 << 32, y: 0), TileCoordinate(level: 0, x: 0, y: -1),
            TileCoordinate(level: 0, x: Int.min, y: Int.max),
        ]
    )
    func refused(tile: TileCoordinate) {
        #expect(TileKey(ordinal: 1, tile: tile, variant: TileVariant(format: .jpeg)) == nil)
    }

    @Test("the stable hash has the same value in every process: golden values")
    func goldenHashes() {
        #expect(hexadecimal(StableHash().value) == hexadecimal(TileKey.mix(0xCBF2_9CE4_8422_2325)))
        var bytes = StableHash()
        bytes.combine([1, 2, 3] as [UInt8])
        var text = StableHash()
        text.combine("orizuru")
        var numbers = StableHash()
        numbers.combine(-1)
        numbers.combine(UInt64.max)
        #expect([bytes.value, text.value, numbers.value].map(hexadecimal) == Self.golden)
        #expect(hexadecimal(ReconstructionParameters.standard.hash) == Self.goldenParameters)
    }

    /// Written down once: a change would silently orphan every tile on disk and in the shared tier.
    private static let golden = ["ac25a9e3c974e7c4", "0bf33c4d46e37a44", "b985182d97d9d96f"]
    private static let goldenParameters = "2e39f31eb5068929"

    @Test("the hash tells where one part ends and the next begins")
    func separation() {
        var first = StableHash()
        first.combine("ab")
        first.combine("c")
        var second = StableHash()
        second.combine("a")
        second.combine("bc")
        #expect(first.value != second.value)
    }

    @Test("16 hexadecimal digits, leading zeros kept")
    func hexadecimalDigits() {
        #expect(hexadecimal(0) == "0000000000000000")
        #expect(hexadecimal(0xABC) == "0000000000000abc")
        #expect(TilesetVersion(hash: .max).description == "ffffffffffffffff")
    }

    @Test("formats are told by their first bytes and by their extensions")
    func formats() {
        #expect(TileFormat(sniffing: [0xFF, 0xD8, 0xFF, 0xE0] as [UInt8]) == .jpeg)
        #expect(TileFormat(sniffing: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] as [UInt8]) == .png)
        #expect(TileFormat(sniffing: Array("RIFF\u{1}\u{2}\u{3}\u{4}WEBP".utf8)) == .webp)
        for bytes in [[], [0xFF, 0xD8], Array("RIFF1234WAVE".utf8), Array("<html>".utf8)] as [[UInt8]] {
            #expect(TileFormat(sniffing: bytes) == nil)
        }
        #expect(TileFormat(fileExtension: "jpeg") == .jpeg)
        #expect(TileFormat(fileExtension: "jpg") == .jpeg)
        #expect(TileFormat(fileExtension: "JPG") == nil)
        #expect(TileFormat(fileExtension: "gif") == nil)
    }

    @Test("exact mode knows quality 95 alone, rounded mode 1...100")
    func parameters() {
        #expect(ReconstructionParameters(mode: .exact)?.quality == 95)
        #expect(ReconstructionParameters(mode: .exact, quality: 95) != nil)
        #expect(ReconstructionParameters(mode: .exact, quality: 90) == nil)
        #expect(ReconstructionParameters(mode: .rounded) == .standard)
        #expect(ReconstructionParameters(mode: .rounded, quality: 0) == nil)
        #expect(ReconstructionParameters(mode: .rounded, quality: 101) == nil)
        let hashes = Set(
            (1...100).compactMap { ReconstructionParameters(mode: .rounded, quality: $0)?.hash }
                + [ReconstructionParameters(mode: .exact)?.hash].compactMap { $0 }
        )
        #expect(hashes.count == 101)
    }
}
