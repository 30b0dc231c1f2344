// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Testing
import TileModel

@testable import TileService

@Suite("What answers are made of")
struct ServingTests {
    @Test("an answer tells the tier that it came from, or that it came from none (RFC 9211)")
    func cacheStatus() {
        let lines = Self.lines(maxAge: 60)
        let expected: [(TileTier, String)] = [
            (.hot, "orizuru; hit; detail=hot"), (.warm, "orizuru; hit; detail=warm"),
            (.disk, "orizuru; hit; detail=disk"), (.shared, "orizuru; hit; detail=shared"),
            (.render, "orizuru; fwd=miss; detail=render"), (.none, "orizuru; fwd=bypass"),
        ]
        #expect(Set(expected.map(\.0)) == Set(TileTier.allCases))
        for (tier, status) in expected {
            for isVersioned in [false, true] {
                let text = Self.text(Self.written(lines, tier, isVersioned))
                #expect(text.hasPrefix("Cache-Status: \(status)\r\nCache-Control: "), "\(tier): \(text)")
                #expect(text.hasSuffix("\r\n") && text.contains("Server-Timing: ") == (tier == .hot || tier == .warm))
            }
        }
    }

    @Test("a URL with the version is kept for a year, one without it as long as configured, or asked for again")
    func lifetimes() {
        let hour = Self.lines(maxAge: 3600)
        let asked = Self.lines(maxAge: 0)
        for tier in TileTier.allCases {
            for lines in [hour, asked] {
                #expect(Self.cacheControl(Self.written(lines, tier, true)) == "public, max-age=31536000, immutable")
            }
            #expect(
                Self.cacheControl(Self.written(hour, tier, false))
                    == "public, max-age=3600, stale-while-revalidate=86400"
            )
            #expect(Self.cacheControl(Self.written(asked, tier, false)) == "no-cache")
        }
    }

    @Test("a tile's stored headers begin with its ETag and end with the blank line")
    func storedHeaders() throws {
        let block = try Self.block(.open, format: .png, byteCount: 12_345)
        #expect(
            Self.text(block) == """
                ETag: "00c0ffee00000001"\r
                Content-Length: 12345\r
                Content-Type: image/png\r
                Accept-Ranges: bytes\r
                Access-Control-Allow-Origin: *\r
                Access-Control-Expose-Headers: Cache-Status, Content-Range, ETag\r
                Timing-Allow-Origin: *\r
                X-Content-Type-Options: nosniff\r
                \r

                """
        )
    }

    @Test("a body kept as gzip says so and varies, in its 304 and its parts as well; others do not")
    func storedGzip() throws {
        for modified in [nil, 784_111_777] {
            for isGzip in [true, false] {
                var block: [UInt8] = []
                TileHeaders(crossOrigin: nil).appendHeaders(
                    of: try Self.key(.png),
                    entityTag: 0x00C0_FFEE_0000_0001,
                    format: .png,
                    byteCount: 5,
                    modified: modified,
                    isGzip: isGzip,
                    to: &block
                )
                let text = Self.text(block)
                #expect(text.contains("\r\nContent-Encoding: gzip\r\n") == isGzip)
                #expect(text.contains("\r\nVary: Accept-Encoding\r\n") == isGzip)
                let (validators, rest) = unsafe block.withUnsafeMutableBytes { bytes in
                    let tile = unsafe StoredTile(
                        headers: UnsafeRawBufferPointer(bytes),
                        body: UnsafeRawBufferPointer(bytes),
                        block: bytes.baseAddress!
                    )
                    return unsafe (Array(tile.validatorLines), Array(tile.linesBehindLength))
                }
                #expect(Self.text(validators).contains("Vary: ") == isGzip)
                #expect(Self.text(validators).contains("Last-Modified: ") == (modified != nil))
                #expect(Self.text(validators).hasSuffix("\r\n") && !Self.text(validators).contains("Content-"))
                #expect(Self.text(rest).contains("Content-Encoding: gzip\r\n") == isGzip)
                #expect(!Self.text(rest).contains("Content-Length"))
            }
        }
    }

    @Test("the ETag stands at its fixed place whatever follows, and is what If-None-Match is compared with")
    func fixedPlace() throws {
        let other = try #require(CrossOriginRules(allowedOrigins: ["https://example.org"]))
        for rules in [CrossOriginRules.open, other, nil] {
            for (format, byteCount) in [(TileFormat.jpeg, 1), (.webp, 99_999_999)] {
                let block = try Self.block(rules, format: format, byteCount: byteCount)
                #expect(Self.text(block[TileHeaders.entityTagLine]) == "ETag: \"00c0ffee00000001\"\r\n")
                let tag = Array(block[TileHeaders.entityTag])
                #expect(Self.text(tag) == "\"00c0ffee00000001\"")
                #expect(Self.isListed(tag, in: Array("\"x\", \"00c0ffee00000001\"".utf8)))
                #expect(Self.isListed(tag, in: tag))
                #expect(!Self.isListed(tag, in: Array("\"00c0ffee00000002\"".utf8)))
            }
        }
    }

    @Test("without cross-origin rules no field of theirs is sent; with an origin it is named")
    func crossOrigin() throws {
        let closed = Self.text(try Self.block(nil, format: .jpeg, byteCount: 7))
        #expect(!closed.contains("Access-Control") && !closed.contains("Timing-Allow-Origin"))
        #expect(closed.hasSuffix("Accept-Ranges: bytes\r\nX-Content-Type-Options: nosniff\r\n\r\n"))
        let rules = try #require(CrossOriginRules(allowedOrigins: ["https://example.org"]))
        let named = Self.text(try Self.block(rules, format: .jpeg, byteCount: 7))
        #expect(named.contains("\r\nAccess-Control-Allow-Origin: https://example.org\r\n"))
        #expect(!named.contains("*"))
    }

    @Test("an origin that could not stand in a field is refused", arguments: ["", "a b", "a\r\nX: y", "ö"])
    func originRefused(text: String) {
        #expect(CrossOriginRules(allowedOrigins: [text]) == nil)
    }

    private static func key(_ format: TileFormat) throws -> TileKey {
        let tile = TileCoordinate(level: 3, x: 1, y: 2)
        return try #require(TileKey(ordinal: 1, tile: tile, variant: TileVariant(format: format, isPadded: false)))
    }

    private static func block(_ rules: CrossOriginRules?, format: TileFormat, byteCount: Int) throws -> [UInt8] {
        var block: [UInt8] = []
        TileHeaders(crossOrigin: rules).appendHeaders(
            of: try key(format),
            entityTag: 0xC0_FFEE_0000_0001,
            format: format,
            byteCount: byteCount,
            modified: nil,
            isGzip: false,
            to: &block
        )
        return block
    }

    private static func lines(maxAge: Int) -> AnswerLines {
        var policy = CachePolicy()
        policy.maxAge = maxAge
        return AnswerLines(policy)
    }

    private static func written(_ lines: AnswerLines, _ tier: TileTier, _ isVersioned: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        unsafe lines.with(tier, isVersioned: isVersioned) { unsafe bytes.append(contentsOf: $0) }
        return bytes
    }

    private static func isListed(_ tag: [UInt8], in list: [UInt8]) -> Bool {
        unsafe tag.withUnsafeBytes { tag in unsafe list.withUnsafeBytes { unsafe EntityTag.isListed(tag, in: $0) } }
    }

    private static func cacheControl(_ lines: [UInt8]) -> Substring? {
        text(lines).split(separator: "\r\n").first { $0.hasPrefix("Cache-Control: ") }?.split(
            separator: ": ",
            maxSplits: 1
        ).last
    }

    private static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
