// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSONText
import Testing

@testable import Prewarm

@Suite("trying again")
struct RetryPolicyTests {
    private let policy = RetryPolicy(limit: 12, firstDelay: .milliseconds(100), longestDelay: .seconds(5))

    @Test("waits double up to the longest, and chance takes at most half of each away")
    func doubling() {
        for retries in 0..<12 {
            let whole = min(Duration.milliseconds(100) * (1 << retries), .seconds(5))
            #expect(policy.action(retries: retries, retryAfter: nil, chance: 1) == .retry(after: whole))
            #expect(policy.action(retries: retries, retryAfter: nil, chance: 0) == .retry(after: whole / 2))
        }
    }

    @Test("after the last retry it gives up, whatever the server says")
    func bound() {
        #expect(policy.action(retries: 12, retryAfter: .seconds(1), chance: 0) == .giveUp)
        #expect(RetryPolicy(limit: 0).action(retries: 0, retryAfter: nil, chance: 0) == .giveUp)
    }

    @Test("Retry-After is honoured, and bounded")
    func retryAfter() {
        #expect(policy.action(retries: 0, retryAfter: .seconds(7), chance: 0) == .retry(after: .seconds(7)))
        #expect(policy.action(retries: 0, retryAfter: .zero, chance: 1) == .retry(after: .milliseconds(100)))
        #expect(policy.action(retries: 0, retryAfter: .seconds(999_999_999), chance: 0) == .retry(after: .seconds(120)))
        let many = RetryPolicy(limit: .max).action(retries: .max - 1, retryAfter: nil, chance: .nan)
        #expect(many == .retry(after: .seconds(30)))
    }

    @Test("Retry-After is read as seconds, and as nothing else")
    func reading() {
        #expect(RetryPolicy.seconds(retryAfter: "120") == .seconds(120))
        for text in ["", "-1", "+1", "1.5", "1s", "Fri, 31 Dec 1999 23:59:59 GMT", "9999999999", "٣"] {
            #expect(RetryPolicy.seconds(retryAfter: text) == nil)
        }
    }
}

@Suite("progress")
struct ProgressTests {
    private func model(_ total: Int, done: Int, each: Duration) -> ProgressModel {
        var model = ProgressModel(total: total, families: total)
        for index in 0..<done {
            model.record(.warmed(index.isMultiple(of: 4) ? .hit : .miss), bytes: 10, at: each * (index + 1))
        }
        return model
    }

    @Test("rate and remaining time follow from what was done")
    func rate() throws {
        let snapshot = model(1000, done: 400, each: .milliseconds(10)).snapshot(at: .seconds(4))
        #expect(snapshot.done == 400 && snapshot.hits == 100 && snapshot.misses == 300 && snapshot.bytes == 4000)
        #expect(abs(try #require(snapshot.rate) - 100) < 1)
        #expect(abs(try #require(snapshot.remaining) / .seconds(1) - 6) < 0.1)
    }

    @Test("the rate is that of the last seconds, not of the whole")
    func window() throws {
        var model = model(100_000, done: 1000, each: .milliseconds(1))
        for index in 0..<60 { model.record(.warmed(nil), bytes: 0, at: .seconds(1 + index)) }
        #expect(abs(try #require(model.snapshot(at: .seconds(60)).rate) - 1) < 0.2)
    }

    @Test("before anything is done there is no rate, and a standstill lowers it")
    func beginning() throws {
        #expect(ProgressModel(total: 5, families: 0).snapshot(at: .seconds(3)).rate == nil)
        let stuck = model(10, done: 2, each: .seconds(1))
        #expect(try #require(stuck.snapshot(at: .seconds(100)).rate) < 0.1)
    }

    @Test("a bar fits its width, whatever the width")
    func bar() {
        let snapshot = model(200, done: 100, each: .milliseconds(10)).snapshot(at: .seconds(1))
        #expect(
            ProgressText.bar(snapshot, width: 80)
                == "[=============>               ]  50 %  100/200  100/s  eta 0:01  hit 25  miss 75"
        )
        for width in -1...120 { #expect(ProgressText.bar(snapshot, width: width).utf8.count <= max(width, 0)) }
        let empty = ProgressModel(total: 0, families: 0).snapshot(at: .zero)
        #expect(ProgressText.bar(empty, width: 60).hasSuffix("100 %  0/0  hit 0  miss 0"))
    }

    @Test("a JSON line is JSON, with every count")
    func json() throws {
        var model = model(200, done: 100, each: .milliseconds(10))
        model.record(.failed, bytes: 0, at: .seconds(1))
        model.record(.absent, bytes: 0, at: .seconds(1))
        model.recordRetry()
        let nasty = "a\"\\\n\u{1}\u{7F}é"
        let line = ProgressText.json(
            model.snapshot(at: .seconds(1)),
            event: "progress",
            more: [("x", .string(nasty))]
        )
        #expect(!line.contains("\n"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["event"] as? String == "progress" && object["x"] as? String == nasty)
        #expect(object["done"] as? Int == 102 && object["total"] as? Int == 200 && object["retries"] as? Int == 1)
        #expect(object["failed"] as? Int == 1 && object["absent"] as? Int == 1)
    }

    @Test("numbers are short")
    func numbers() {
        #expect(
            [0.516, 9.99, 31.44, 310.2, 12_400].map(ProgressText.short) == ["0.52", "9.99", "31.4", "310", "12400"]
        )
        #expect(
            ProgressText.short(.nan) == "?" && ProgressText.short(.infinity) == "?" && ProgressText.short(-1) == "?"
        )
        #expect([4, 750, 11_220].map { ProgressText.clock(.seconds($0)) } == ["0:04", "12:30", "3:07:00"])
        #expect(ProgressText.bytes(15_360) == "15.0 KiB" && ProgressText.bytes(3) == "3 B")
        #expect(ProgressText.bytes(.max).hasSuffix("TiB"))
    }
}
