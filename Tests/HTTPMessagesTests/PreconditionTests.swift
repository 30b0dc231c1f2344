// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Testing

@Suite("Ranges and conditions")
struct PreconditionTests {
    private func range(_ value: String, of count: Int = 100) -> RangeRequest {
        unsafe Array(value.utf8).withUnsafeBytes { unsafe RangeRequest.parse($0, of: count) }
    }

    @Test("a single range is understood in its three forms, and cut at the end")
    func single() {
        #expect(range("bytes=0-0") == .part(0..<1))
        #expect(range("bytes=10-19") == .part(10..<20))
        #expect(range("bytes=90-") == .part(90..<100))
        #expect(range("bytes=-10") == .part(90..<100))
        #expect(range("bytes=-1000") == .part(0..<100))
        #expect(range("bytes=50-1000") == .part(50..<100))
        #expect(range("Bytes=99-99999999999999999999999999") == .part(99..<100))
    }

    @Test("a range beyond the end cannot be satisfied")
    func beyond() {
        #expect(range("bytes=100-") == .unsatisfiable)
        #expect(range("bytes=99999999999999999999999-") == .unsatisfiable)
        #expect(range("bytes=-0") == .unsatisfiable)
        #expect(range("bytes=0-", of: 0) == .unsatisfiable)
        #expect(range("bytes=-5", of: 0) == .unsatisfiable)
    }

    @Test(
        "several ranges, other units and what is malformed mean the whole",
        arguments: [
            "bytes=0-1,5-6", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=1", "bytes 0-1", "items=0-1", "",
            "bytes=0-1 ", "bytes=+1-2", "bytes=1--2", "byte=0-1",
        ]
    )
    func whole(_ value: String) { #expect(range(value) == .whole) }

    private static let tag = "\"abc\""
    private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"
    private static let earlier = "Sun, 06 Nov 1994 08:49:36 GMT"
    private static let later = "Sun, 06 Nov 1994 08:49:38 GMT"

    /// What fields make of a representation of 100 bytes with the tag `"abc"`, changed at `date`.
    private func outcome(_ fields: [KnownField: String], isDated: Bool = true, isGet: Bool = true)
        -> ConditionalOutcome
    {
        let copies = fields.mapValues { Array($0.utf8) }
        func with(_ rest: [KnownField], _ conditions: Preconditions) -> ConditionalOutcome {
            guard let field = rest.first else {
                return unsafe Array(Self.tag.utf8).withUnsafeBytes { tag in
                    unsafe Array(Self.date.utf8).withUnsafeBytes { date in
                        unsafe conditions.outcome(
                            tag: tag,
                            lastModified: isDated ? date : nil,
                            byteCount: 100,
                            isGet: isGet
                        )
                    }
                }
            }
            return unsafe copies[field]!.withUnsafeBytes { bytes in
                var next = conditions
                switch field {
                case .ifMatch: unsafe next.ifMatch = bytes
                case .ifUnmodifiedSince: unsafe next.ifUnmodifiedSince = bytes
                case .ifNoneMatch: unsafe next.ifNoneMatch = bytes
                case .ifModifiedSince: unsafe next.ifModifiedSince = bytes
                case .range: unsafe next.range = bytes
                default: unsafe next.ifRange = bytes
                }
                return with(Array(rest.dropFirst()), next)
            }
        }
        return with(Array(fields.keys), Preconditions())
    }

    @Test("If-None-Match is weighed before If-Modified-Since, in lists, weakly, and with a star")
    func noneMatch() {
        #expect(outcome([:]) == .whole)
        #expect(outcome([.ifNoneMatch: "\"x\", W/\"abc\""]) == .notModified)
        #expect(outcome([.ifNoneMatch: "*"]) == .notModified)
        #expect(outcome([.ifNoneMatch: "\"x\"", .ifModifiedSince: Self.later]) == .whole)
        #expect(outcome([.ifNoneMatch: Self.tag, .ifModifiedSince: Self.earlier]) == .notModified)
    }

    @Test("If-Modified-Since compares times, and is ignored where there is none or it is malformed")
    func modifiedSince() {
        #expect(outcome([.ifModifiedSince: Self.date]) == .notModified)
        #expect(outcome([.ifModifiedSince: Self.later]) == .notModified)
        #expect(outcome([.ifModifiedSince: Self.earlier]) == .whole)
        #expect(outcome([.ifModifiedSince: "yesterday"]) == .whole)
        #expect(outcome([.ifModifiedSince: Self.later], isDated: false) == .whole)
    }

    @Test("If-Match compares strongly and comes first, If-Unmodified-Since compares times")
    func match() {
        #expect(outcome([.ifMatch: Self.tag]) == .whole)
        #expect(outcome([.ifMatch: "*"]) == .whole)
        #expect(outcome([.ifMatch: "W/\"abc\""]) == .preconditionFailed)
        #expect(outcome([.ifMatch: "\"x\"", .ifNoneMatch: Self.tag]) == .preconditionFailed)
        #expect(outcome([.ifUnmodifiedSince: Self.earlier]) == .preconditionFailed)
        #expect(outcome([.ifUnmodifiedSince: Self.date]) == .whole)
        #expect(outcome([.ifMatch: Self.tag, .ifUnmodifiedSince: Self.earlier]) == .whole)
    }

    @Test("a part is given to GET alone, and with If-Range only where the validator is the very same")
    func ranges() {
        #expect(outcome([.range: "bytes=0-9"]) == .part(0..<10))
        #expect(outcome([.range: "bytes=0-9"], isGet: false) == .whole)
        #expect(outcome([.range: "bytes=200-"]) == .rangeNotSatisfiable)
        #expect(outcome([.range: "bytes=0-9", .ifRange: Self.tag]) == .part(0..<10))
        #expect(outcome([.range: "bytes=0-9", .ifRange: "W/\"abc\""]) == .whole)
        #expect(outcome([.range: "bytes=0-9", .ifRange: "\"x\""]) == .whole)
        #expect(outcome([.range: "bytes=200-", .ifRange: "\"x\""]) == .whole)
        #expect(outcome([.range: "bytes=0-9", .ifRange: Self.date]) == .part(0..<10))
        #expect(outcome([.range: "bytes=0-9", .ifRange: Self.later]) == .whole)
        #expect(outcome([.range: "bytes=0-9", .ifNoneMatch: Self.tag]) == .notModified)
    }
}
