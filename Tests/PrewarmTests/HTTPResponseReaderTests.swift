// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Prewarm

private func read(
    _ text: String,
    pieces: Int = .max,
    limit: Int = 1 << 20
) throws(HTTPResponseFault) -> (reader: HTTPResponseReader, used: Int) {
    var reader = HTTPResponseReader(limits: HTTPResponseLimits(bodyBytes: limit, keepsBody: true))
    let bytes = Array(text.utf8)
    var position = 0
    while position < bytes.count, !reader.isComplete {
        let end = min(bytes.count, position + min(pieces, bytes.count))
        position += try reader.feed(bytes[position..<end])
    }
    return (reader, position)
}

private let counted = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Status: orizuru; hit; detail=hot\r\n\r\nhello"
private let chunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;name=value\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"

@Suite("reading answers")
struct HTTPResponseReaderTests {
    @Test("an answer is read whole, in whatever pieces it arrives", arguments: [counted, chunked])
    func pieces(text: String) throws {
        for pieces in 1...text.utf8.count {
            let (reader, used) = try read(text + "HTTP", pieces: pieces)
            #expect(reader.isComplete && reader.body == Array("hello".utf8) && reader.bodyCount == 5)
            #expect(used == text.utf8.count)
            #expect(reader.head?.status == 200 && reader.head?.keepsAlive == true)
        }
    }

    @Test("headers are found by name in any case, without the blanks around their values")
    func fields() throws {
        let head = try #require(
            read("HTTP/1.1 503 Busy\r\nRETRY-after: \t 7 \r\nA:\r\nContent-Length: 0\r\n\r\n").reader.head
        )
        #expect(head["retry-after"] == "7" && head["a"]?.isEmpty == true && head["b"] == nil)
    }

    @Test(
        "whether a connection lives on follows from version, Connection and framing",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x , close\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", true),
            ("HTTP/1.1 304 Not Modified\r\n\r\n", true), ("HTTP/1.1 204\r\n\r\n", true),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", true),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                true
            ),
        ]
    )
    func keepAlive(text: String, expected: Bool) throws {
        let (reader, used) = try read(text)
        #expect(reader.isComplete && used == text.utf8.count && reader.head?.keepsAlive == expected)
    }

    @Test("without a length the body ends with the connection, and the connection with it")
    func untilEnd() throws {
        var reader = try read("HTTP/1.1 200 OK\r\n\r\nabc").reader
        #expect(!reader.isComplete)
        try reader.end()
        #expect(reader.isComplete && reader.body == Array("abc".utf8) && reader.head?.keepsAlive == false)
    }

    @Test("an answer cut anywhere is known as cut", arguments: [counted, chunked])
    func cut(text: String) throws {
        for count in 0..<text.utf8.count {
            var reader = HTTPResponseReader(limits: HTTPResponseLimits(bodyBytes: 100, keepsBody: true))
            #expect(try reader.feed(Array(text.utf8)[..<count]) == count)
            #expect(throws: HTTPResponseFault.cutShort) { try reader.end() }
        }
    }

    @Test(
        "what two readers might understand differently is refused",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\n: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA\r\n\r\n",
            "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
            "HTTP/2 200\r\n\r\n", "HTTP/1.2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n", "\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 101 Switching\r\n\r\n", "HTTP/1.1 600 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7FFFFFFFFFFFFFF\r\n",
        ]
    )
    func refused(text: String) {
        #expect(throws: HTTPResponseFault.self) { try read(text) }
    }

    @Test("bodies and heads beyond their limits are refused before they are kept")
    func limits() {
        #expect(throws: HTTPResponseFault.bodyTooLong(limit: 4)) { try read(counted, limit: 4) }
        #expect(throws: HTTPResponseFault.bodyTooLong(limit: 4)) { try read(chunked, limit: 4) }
        #expect(throws: HTTPResponseFault.bodyTooLong(limit: 2)) { try read("HTTP/1.1 200 OK\r\n\r\nabc", limit: 2) }
        let long = "HTTP/1.1 200 OK\r\n" + String(repeating: "A: b\r\n", count: 20_000)
        #expect(throws: HTTPResponseFault.headTooLong) { try read(long, pieces: 1000) }
        #expect(throws: HTTPResponseFault.headTooLong) { try read(String(repeating: "x", count: 70_000), pieces: 1000) }
        let interim = String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 10_000)
        #expect(throws: HTTPResponseFault.headTooLong) { try read(interim, pieces: 1000) }
        let trailers = chunked.dropLast(2) + String(repeating: "A: b\r\n", count: 20_000)
        #expect(throws: HTTPResponseFault.headTooLong) { try read(String(trailers), pieces: 1000) }
        let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + String(repeating: "x", count: 70_000)
        #expect(throws: HTTPResponseFault.headTooLong) { try read(chunk, pieces: 1000) }
    }

    @Test("random bytes, and answers with random changes, are read or refused, never a trap or a standstill")
    func garbage() {
        let seed = Seed.ofThisRun
        var generator = seed.generator()
        for _ in 0..<20_000 {
            var bytes = Array((Bool.random(using: &generator) ? counted : chunked).utf8)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            var reader = HTTPResponseReader(limits: HTTPResponseLimits(bodyBytes: 1000, keepsBody: true))
            do throws(HTTPResponseFault) {
                var position = 0
                while position < bytes.count, !reader.isComplete {
                    let end = min(bytes.count, position + Int.random(in: 1...20, using: &generator))
                    let used = try reader.feed(bytes[position..<end])
                    guard used == end - position || reader.isComplete else {
                        Issue.record("a standstill with \(seed)")
                        return
                    }
                    position += used
                }
                try reader.end()
            } catch {
                continue
            }
        }
    }
}

@Suite("Cache-Status")
struct CacheOutcomeTests {
    @Test(
        "our member of the list says hit or miss",
        arguments: [
            ("orizuru; hit; detail=hot", .hit), ("orizuru;hit", .hit), ("orizuru; fwd=miss; detail=render", .miss),
            ("nginx; fwd=miss, orizuru; hit", .hit), ("orizuru; hit, varnish; fwd=miss", .hit),
            ("orizuru; fwd=miss, orizuru; hit", .hit), ("\"orizuru\"; hit=?1", .hit), ("nginx; hit", nil), ("", nil),
            ("orizuru", nil), ("orizuru; hits", nil), (";;,,", nil),
        ] as [(String, CacheOutcome?)]
    )
    func reading(text: String, expected: CacheOutcome?) {
        #expect(CacheOutcome(cacheStatus: text) == expected)
    }
}
