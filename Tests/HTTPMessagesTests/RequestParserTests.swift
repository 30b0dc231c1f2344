// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import TestSupport
import Testing

@Suite("Request parser")
struct RequestParserTests {
    private func verdict(_ lines: String..., limits: RequestLimits = RequestLimits()) -> String {
        parse(lines.joined(separator: "\r\n") + "\r\n\r\n", limits: limits).verdict
    }

    @Test("a browser's request gives its path, query and fields")
    func browserRequest() {
        let parsed = parse(RequestCorpus.browser)
        #expect(parsed.verdict == "complete")
        #expect(parsed.byteCount == RequestCorpus.browser.utf8.count)
        #expect(parsed.path == "/tiles/slide/14/133/207.jpg")
        #expect(parsed.query == "v=5f3a")
        #expect(parsed.authority == "slides.example.org:8080")
        #expect(parsed.keepsAlive)
        #expect(parsed.fields.contains("ifNoneMatch=\"9f86d081884c7d65\", W/\"2f77668a9dfbf8d5\""))
        #expect(parsed.fields.contains("priority=u=1, i"))
        #expect(parsed.fields.contains("acceptEncoding=gzip, deflate, br, zstd"))
    }

    @Test("Content-Length together with Transfer-Encoding is refused: a proxy may see another message")
    func lengthAndCoding() {
        #expect(
            verdict("GET / HTTP/1.1", "Host: a", "Content-Length: 1", "Transfer-Encoding: chunked") == "lengthAndCoding"
        )
        #expect(verdict("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: x", "content-length: 1") == "lengthAndCoding")
    }

    @Test("a transfer coding is not supported, however it is written")
    func transferCoding() {
        for value in ["chunked", "identity", "Chunked", "gzip, chunked", "\u{b}chunked", "", "chunked;x=1"] {
            let result = verdict("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: \(value)")
            #expect(result == "transferCoding" || result == "controlInValue", "\(value)")
        }
        #expect(Refusal.transferCoding.status == .notImplemented)
        #expect(verdict("GET / HTTP/1.0", "Transfer-Encoding: chunked") == "codingInOldVersion")
    }

    @Test("a repeated Content-Length is refused, equal or not")
    func repeatedLength() {
        #expect(verdict("GET / HTTP/1.1", "Host: a", "Content-Length: 0", "Content-Length: 0") == "repeatedLength")
        #expect(verdict("GET / HTTP/1.1", "Host: a", "Content-Length: 0", "Content-Length: 9") == "repeatedLength")
    }

    @Test(
        "a Content-Length that is not 1 to 18 digits is refused",
        arguments: ["", "+1", "-1", "0x1", "1 2", "1,1", "1.0", "1234567890123456789", "99999999999999999999999"]
    )
    func malformedLength(_ value: String) {
        #expect(verdict("GET / HTTP/1.1", "Host: a", "Content-Length: \(value)") == "malformedLength")
    }

    @Test("a Content-Length of 18 digits is a number")
    func longestLength() {
        let parsed = parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999\r\n\r\n")
        #expect(parsed.bodyByteCount == 999_999_999_999_999_999)
    }

    @Test("a folded field is refused")
    func foldedField() {
        #expect(verdict("GET / HTTP/1.1", "Host: a", "X: 1", " 2") == "foldedField")
        #expect(verdict("GET / HTTP/1.1", " Host: a") == "foldedField")
        #expect(verdict("GET / HTTP/1.1", "\tHost: a") == "foldedField")
    }

    @Test("white space before a colon is refused")
    func spaceBeforeColon() {
        #expect(verdict("GET / HTTP/1.1", "Host: a", "Transfer-Encoding : chunked") == "spaceBeforeColon")
        #expect(verdict("GET / HTTP/1.1", "Host\t: a") == "spaceBeforeColon")
    }

    @Test("an empty field name is refused")
    func emptyName() { #expect(verdict("GET / HTTP/1.1", "Host: a", ": x") == "emptyFieldName") }

    @Test("a field name with a byte outside a token is refused")
    func malformedName() {
        for name in ["a b", "a(b", "a\"", "a/b", "a\u{0}", "é", "{x}", "a,b"] {
            let result = verdict("GET / HTTP/1.1", "Host: a", "\(name): x")
            #expect(result == "malformedFieldName" || result == "spaceBeforeColon", "\(name)")
        }
    }

    @Test("a bare line feed is refused wherever it stands")
    func bareLineFeed() {
        #expect(parse("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").verdict == "bareLineFeed")
        #expect(parse("GET / HTTP/1.1\nHost: a\r\n\r\n").verdict == "bareLineFeed")
        #expect(parse("GET / HTTP/1.1\r\nHost: a\n\r\n").verdict == "bareLineFeed")
        #expect(parse("GET / HTTP/1.1\r\nHost: a\r\n\n").verdict == "bareLineFeed")
    }

    @Test("a bare carriage return is refused wherever it stands")
    func bareCarriageReturn() {
        #expect(parse("\rGET / HTTP/1.1\r\n").verdict == "bareCarriageReturn")
        #expect(parse("GET / HTTP/1.1\rHost: a\r\n\r\n").verdict == "bareCarriageReturn")
        #expect(parse("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n").verdict == "bareCarriageReturn")
        #expect(parse("GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n").verdict == "bareCarriageReturn")
    }

    @Test("every control byte but the tab is refused in a value")
    func controls() {
        for byte in UInt8.min...UInt8.max {
            let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX: b".utf8) + [byte] + Array("c\r\n\r\n".utf8)
            let verdict = parse(bytes).verdict
            switch byte {
            case 9, 32...126, 128...255: #expect(verdict == "complete", "\(byte)")
            case 10: #expect(verdict == "bareLineFeed")
            case 13: #expect(verdict == "bareCarriageReturn")
            default: #expect(verdict == "controlInValue", "\(byte)")
            }
        }
    }

    @Test("every byte outside visible ASCII is refused in a target")
    func targetBytes() {
        for byte in UInt8.min...UInt8.max {
            let verdict = parse(Array("GET /a".utf8) + [byte] + Array("b HTTP/1.1\r\nHost: a\r\n\r\n".utf8)).verdict
            switch byte {
            case UInt8(ascii: "#"): #expect(verdict == "malformedTarget")
            case 33...126: #expect(verdict == "complete", "\(byte)")
            default: #expect(verdict == "malformedRequestLine", "\(byte)")
            }
        }
    }

    @Test("a missing Host is refused in HTTP/1.1 and allowed in HTTP/1.0")
    func missingHost() {
        #expect(verdict("GET / HTTP/1.1") == "missingHost")
        #expect(verdict("GET / HTTP/1.0") == "complete")
    }

    @Test("a repeated Host is refused, equal or not")
    func repeatedHost() {
        #expect(verdict("GET / HTTP/1.1", "Host: a", "Host: a") == "repeatedHost")
        #expect(verdict("GET / HTTP/1.0", "Host: a", "Host: b") == "repeatedHost")
    }

    @Test(
        "a Host that is no host is refused",
        arguments: ["a b", "a,b", "a/b", "u@a", "a:x", "a:123456", ":80", "[", "[]", "[x]"]
    )
    func malformedHost(_ host: String) {
        #expect(verdict("GET / HTTP/1.1", "Host: \(host)") == "malformedHost")
    }

    @Test(
        "hosts with and without port, addresses and an empty one are taken",
        arguments: ["", "a", "a.b-c:8080", "[::1]", "[::1]:80", "a:"]
    )
    func goodHost(_ host: String) { #expect(verdict("GET / HTTP/1.1", "Host: \(host)") == "complete") }

    @Test("the host of an absolute-form target replaces Host")
    func absoluteForm() {
        let parsed = parse("GET http://b:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(parsed.authority == "b:81" && parsed.path == "/p" && parsed.query == "q")
    }

    @Test(
        "a target in no known form is refused",
        arguments: ["a", "//", "http://", "ftp://a/", "http://u@a/", "*x", "http:///p"]
    )
    func malformedTarget(_ target: String) {
        let result = verdict("GET \(target) HTTP/1.1", "Host: a")
        #expect(target == "//" ? result == "complete" : result == "malformedTarget")
    }

    @Test("the asterisk is a target of OPTIONS alone")
    func asterisk() {
        #expect(verdict("OPTIONS * HTTP/1.1", "Host: a") == "complete")
        #expect(verdict("GET * HTTP/1.1", "Host: a") == "malformedTarget")
    }

    @Test("HTTP/2 and later versions, and 0.9, are told 505; a greater minor version counts as 1.1")
    func versions() {
        #expect(parse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").verdict == "version")
        #expect(verdict("GET / HTTP/3.0", "Host: a") == "version")
        #expect(verdict("GET / HTTP/0.9", "Host: a") == "version")
        #expect(parse("GET / HTTP/1.9\r\nHost: a\r\n\r\n").minorVersion == 1)
        #expect(Refusal.version.status == .versionNotSupported)
    }

    @Test(
        "a malformed request line is refused",
        arguments: [
            "GET /", "GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "GET / http/1.1", "GET / HTTP/1.1 ",
            "GET / HTTP/11", "GET / HTTP/1.", "GET\t/ HTTP/1.1", "G@T / HTTP/1.1", "\u{16}\u{3}\u{1}",
        ]
    )
    func malformedRequestLine(_ line: String) {
        #expect(["malformedRequestLine", "bareCarriageReturn"].contains(verdict(line, "Host: a")))
    }

    @Test("an unknown method is told apart from one that is known")
    func methods() {
        #expect(verdict("BREW / HTTP/1.1", "Host: a") == "unknownMethod")
        #expect(verdict("get / HTTP/1.1", "Host: a") == "unknownMethod")
        #expect(parse(String(repeating: "A", count: 25)).verdict == "unknownMethod")
        for method in Method.allCases where method != .connect {
            #expect(parse("\(method.name) / HTTP/1.1\r\nHost: a\r\n\r\n").method == "\(method.name)")
        }
    }

    @Test("a few empty lines before a request are skipped, more are refused")
    func emptyLines() {
        #expect(parse(String(repeating: "\r\n", count: 4) + "GET / HTTP/1.1\r\nHost: a\r\n\r\n").verdict == "complete")
        #expect(parse(String(repeating: "\r\n", count: 5)).verdict == "emptyLines")
    }

    @Test("a target beyond its limit is told 414, a head beyond its limit 431, too many fields 431")
    func limits() {
        let limits = RequestLimits(headByteCount: 512, targetByteCount: 64, fieldCount: 5)
        let target = "/" + String(repeating: "a", count: 63)
        #expect(verdict("GET \(target) HTTP/1.1", "Host: a", limits: limits) == "complete")
        #expect(verdict("GET \(target)a HTTP/1.1", "Host: a", limits: limits) == "longTarget")
        #expect(parse("GET \(target)a", limits: limits).verdict == "longTarget")
        let padding = String(repeating: "x", count: 600)
        #expect(verdict("GET / HTTP/1.1", "Host: a", "X: \(padding)", limits: limits) == "longFields")
        #expect(parse("GET / HTTP/1.1\r\nHost: a\r\nX: \(padding)", limits: limits).verdict == "longFields")
        #expect(
            verdict("GET / HTTP/1.1", "Host: a", "A: 1", "B: 1", "C: 1", "D: 1", "E: 1", limits: limits) == "manyFields"
        )
        #expect(Refusal.longTarget.status == .targetTooLong && Refusal.longFields.status == .fieldsTooLarge)
    }

    @Test("HTTP/1.0 keeps a connection only when asked, HTTP/1.1 unless told not to")
    func keepAlive() {
        #expect(!parse("GET / HTTP/1.0\r\n\r\n").keepsAlive)
        #expect(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keepsAlive)
        #expect(parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keepsAlive)
        #expect(!parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").keepsAlive)
        #expect(!parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n").keepsAlive)
    }

    @Test("an expectation other than 100-continue is told 417")
    func expectation() {
        #expect(parse("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n").expectsContinue)
        #expect(verdict("GET / HTTP/1.1", "Host: a", "Expect: miracles") == "expectation")
        #expect(Refusal.expectation.status == .expectationFailed)
    }

    @Test("the verdict does not depend on how the bytes were split")
    func everySplit() {
        for text in RequestCorpus.all { expectSteady(Array(text.utf8)) }
    }

    @Test("the verdict on damaged requests does not depend on how the bytes were split")
    func everySplitOfDamaged() {
        let seed = Seed.ofThisRun
        print("splits of damaged requests: \(seed)")
        var random = seed.generator()
        for _ in 0..<300 { expectSteady(damaged(&random)) }
    }

    /// Every prefix is unfinished, until one has the verdict of the whole; all longer ones have it too.
    private func expectSteady(_ bytes: [UInt8]) {
        let limits = RequestLimits(headByteCount: 1024, targetByteCount: 200, fieldCount: 20)
        let whole = parse(bytes, limits: limits)
        var isDecided = false
        for count in 0...bytes.count {
            let parsed = parse(bytes[..<count], limits: limits)
            if parsed.verdict != "incomplete" { isDecided = true }
            let expected = isDecided ? whole : Parsed(verdict: "incomplete")
            #expect(parsed == expected, "after \(count) of \(String(decoding: bytes, as: UTF8.self))")
            guard parsed == expected else { return }
        }
    }

    @Test("the parser agrees with a plain one on whole and damaged requests")
    func differential() {
        let seed = Seed.ofThisRun
        print("parser against the plain one: \(seed)")
        var random = seed.generator()
        let limits = RequestLimits(headByteCount: 1024, targetByteCount: 200, fieldCount: 20)
        for text in RequestCorpus.all { #expect(parse(text) == naiveParse(Array(text.utf8))) }
        for _ in 0..<20_000 {
            let bytes = damaged(&random)
            let ours = parse(bytes, limits: limits)
            let plain = naiveParse(bytes, limits: limits)
            #expect(ours == plain, "\(seed): \(bytes)")
            guard ours == plain else { return }
        }
    }

    /// A request of the corpus with a few bytes changed, removed, doubled, or spliced with another.
    private func damaged(_ random: inout SeededGenerator) -> [UInt8] {
        let interesting: [UInt8] = [0, 9, 10, 13, 32, 34, 35, 42, 44, 47, 58, 63, 127, 128, 255, 48, 57, 65, 97]
        var bytes = Array(RequestCorpus.all.randomElement(using: &random)!.utf8)
        for _ in 0..<Int.random(in: 0...4, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[at] = interesting.randomElement(using: &random)!
            case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.remove(at: at)
            case 3: bytes.insert(interesting.randomElement(using: &random)!, at: at)
            case 4: bytes.insert(contentsOf: bytes[at..<min(at + 20, bytes.count)], at: at)
            default:
                let other = Array(RequestCorpus.all.randomElement(using: &random)!.utf8)
                bytes = Array(bytes[..<at]) + other[Int.random(in: 0..<other.count, using: &random)...]
            }
        }
        return bytes
    }
}
