// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import HTTPMessages
import ImageCodecs
import JSONText
import TestSupport
import TileModel
import TileSources

extension FuzzTarget {
    /// An LZ4 block: two bytes of target size, then the block.
    static let lz4 = FuzzTarget(
        name: "lz4",
        run: { bytes in
            guard bytes.count >= 2 else { return }
            var target = [UInt8](repeating: 0, count: Int(bytes[0]) << 8 | Int(bytes[1]))
            let source = Array(bytes[2...])
            unsafe source.withUnsafeBytes { source in
                unsafe target.withUnsafeMutableBytes { target in
                    _ = unsafe try? LZ4Block.decompress(source, into: target)
                }
            }
        },
        seeds: {
            let text = Array("a tile, a tile, a tile of tiles".utf8)
            return [
                [0, UInt8(text.count)] + LZ4Block.literals(text),
                // One literal, then a match that repeats it, then five literals.
                [0, 26, 0x1F, 0x41, 1, 0, 1, 0x50] + Array("abcde".utf8),
            ]
        }
    )

    /// A .dzi file.
    static let dzi = FuzzTarget(
        name: "dzi",
        run: { _ = try? DeepZoomDescription(parsing: $0) },
        seeds: {
            [
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" Format=\"jpg\" Overlap=\"0\" TileSize=\"256\"><Size Height=\"2967\" Width=\"2220\"/></Image>",
                "<!-- c --><d:Image xmlns:d='http://schemas.microsoft.com/deepzoom/2009' TileSize='254' Overlap='1' Format='&#112;ng'><d:Size Width='1' Height='1'></d:Size><![CDATA[x]]></d:Image>",
            ].map { Array($0.utf8) }
        }
    )

    /// A parser that is wrong on purpose: `Tests/Fuzz/run` expects it to be caught, so that silence means something.
    static let canary = FuzzTarget(
        name: "canary",
        run: { precondition(!$0.starts(with: Array("BUG".utf8)), "the canary") },
        seeds: { [Array("B".utf8)] }
    )

    /// The small JSON files beside tiles, and configuration.
    static let json = FuzzTarget(
        name: "json",
        run: { bytes in
            _ = try? JSONReader.read(bytes, dialect: .json)
            _ = try? JSONReader.read(bytes, dialect: .json5)
        },
        seeds: {
            [
                "{\"name\": \"x\\u00e9\\ud83d\\ude00\", \"bounds\": [-180, -85.05, 1.8e2, 85], \"a\": {\"b\": [true, false, null]}}",
                "// a comment\n{unquoted: 'single', hex: 0xFF, list: [1, 2,], /* more */ infinity: +1.}",
            ].map { Array($0.utf8) }
        }
    )

    /// The headers of images, by which the tile size of a map is found.
    static let header = FuzzTarget(
        name: "header",
        run: { _ = ImageHeader($0) },
        seeds: {
            [
                Seeds.jpeg(.quarter), Seeds.png,
                Array("RIFF....WEBPVP8X".utf8) + [10, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0, 0, 0x8F, 1, 0],
                Array("RIFF....WEBPVP8L".utf8) + [10, 0, 0, 0, 0x2F, 0xFF, 0xC0, 0x3F, 0],
                Array("RIFF....WEBPVP8 ".utf8) + [10, 0, 0, 0, 0, 0, 0, 0x9D, 1, 0x2A, 0, 1, 64, 0],
            ]
        }
    )

    // SAFETY: the fuzzer calls on one thread.
    nonisolated(unsafe) private static let page = GuardedBytes(capacity: 1 << 16)

    /// A request head, in one piece and cut in two, each flush against a page that may not be touched: the parser reads
    /// by blocks of 16 bytes, which the address sanitizer does not see in a C header's inlined code as surely as the
    /// processor does. Then what its fields are parsed by, and Range and conditions.
    static let request = FuzzTarget(
        name: "request",
        run: { bytes in
            guard unsafe bytes.count <= page.capacity else { return }
            let limits = RequestLimits(headByteCount: 4096, targetByteCount: 1024, fieldCount: 40)
            let half = bytes[..<(bytes.count / 2)]
            let first = unsafe page.with(half) { bytes in
                var head = RequestHead()
                return unsafe RequestParser.parse(bytes, limits: limits, into: &head)
            }
            unsafe page.with(bytes) { all in
                var head = RequestHead()
                let whole = unsafe RequestParser.parse(all, limits: limits, into: &head)
                // A verdict on a part is a verdict on the whole.
                if case .refused = first { precondition(first == whole, "\(first) of a part, \(whole) of the whole") }
                if case .complete = whole { precondition(head.byteCount <= all.count && head.path.count <= all.count) }
                _ = unsafe HTTPDate.parse(all)
                if case .part(let part) = unsafe RangeRequest.parse(all, of: 1000) {
                    precondition(!part.isEmpty && part.upperBound <= 1000)
                }
                let start = unsafe UnsafeRawBufferPointer(rebasing: all[..<(all.count / 2)])
                _ = unsafe EntityTag.isListed(start, in: all)
                var conditions = Preconditions()
                unsafe conditions.ifNoneMatch = unsafe all
                unsafe conditions.range = unsafe start
                unsafe conditions.ifRange = unsafe all
                _ = unsafe conditions.outcome(tag: start, lastModified: all, byteCount: 1000, isGet: true)
            }
        },
        seeds: {
            [
                "GET /tiles/a/3/1_2.jpg?v=1 HTTP/1.1\r\nHost: localhost:8080\r\nIf-None-Match: \"abc\", W/\"d\"\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
                "POST /a HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 5\r\nExpect: 100-continue\r\nPriority: u=1, i\r\n\r\nhello",
                "HEAD http://h/x%20y HTTP/1.0\r\nConnection: close, x\r\nRange: bytes=0-1\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
                "Sun, 06 Nov 1994 08:49:37 GMT", "bytes=0-499", "bytes=-5", "bytes=9500-",
            ].map { Array($0.utf8) }
        }
    )
}
