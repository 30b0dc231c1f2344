// SPDX-License-Identifier: Apache-2.0

#if Redis
import Foundation
import SharedTier
import TestSupport
import TileModel
import Testing

@Suite("The shared tier on a server", .enabled(if: RedisServer.isPresent, RedisServer.reason))
struct SharedTierTests {
    @Test("a family of 21 tiles is one MGET and one round trip, and what was inserted comes back byte for byte")
    func oneRoundTrip() throws {
        let server = try RedisServer()
        let fixture = try TierFixture("unix:\(server.socket)")
        #expect(fixture.get(1).allSatisfy { $0 == .absent })
        #expect(fixture.insert(1) == .stored)
        try server.command("CONFIG", "RESETSTAT")
        let before = fixture.metric("orizuru_shared_round_trips_total")
        #expect(fixture.hasAll(1))
        #expect(fixture.metric("orizuru_shared_round_trips_total") == before + 1)
        #expect(try server.calls(of: "mget") == 1)
        #expect(try server.calls(of: "get") == 0)
        // Inserting is one pipeline: 21 commands, one round trip.
        #expect(fixture.insert(2) == .stored)
        #expect(fixture.metric("orizuru_shared_round_trips_total") == before + 2)
        #expect(try server.calls(of: "set") == 21)
        #expect(fixture.metric("orizuru_shared_connections") == 1)
    }

    @Test("tiles live as long as configured, a tenth more or less, and not all equally long")
    func timeToLive() throws {
        let server = try RedisServer()
        let fixture = try TierFixture("unix:\(server.socket)") { $0.timeToLive = .seconds(10_000) }
        #expect(fixture.insert(1) == .stored)
        let names = try server.command("KEYS", "*").split(whereSeparator: \.isNewline).map(String.init)
        #expect(names.count == 21)
        let lives = try names.compactMap { try Int(server.command("TTL", $0).prefix { $0.isNumber }) }
        #expect(lives.count == 21 && lives.allSatisfy { (8000...11_000).contains($0) })
        #expect(Set(lives).count > 5)
    }

    @Test("password, database and prefix are used, over TCP as well")
    func credentials() throws {
        let server = try RedisServer(tcp: true, password: "open:sesame@1")
        let url = "redis://:open%3Asesame@1@127.0.0.1:\(server.port)/3"
        let fixture = try TierFixture(url) { $0.prefix = "site:" }
        #expect(fixture.insert(1) == .stored)
        #expect(fixture.hasAll(1))
        #expect(try server.command("-n", "3", "DBSIZE").hasPrefix("21"))
        #expect(try server.command("-n", "3", "KEYS", "site:oz1:{*").split(whereSeparator: \.isNewline).count == 21)
        #expect(try server.command("DBSIZE").hasPrefix("0"))
        let wrong = try TierFixture("redis://:wrong@127.0.0.1:\(server.port)")
        #expect(wrong.get(1).allSatisfy { $0 == .unavailable })
        #expect(wrong.metric("orizuru_shared_failures_total{reason=\"rejected\"}") == 1)
    }

    @Test("an ACL user with no right to the keys is told so, and nothing traps")
    func noPermission() throws {
        let server = try RedisServer()
        try server.command("ACL", "SETUSER", "guest", "on", ">word", "~other:*", "+@all")
        let fixture = try TierFixture("unix://guest:word@\(server.socket)")
        #expect(fixture.get(1).allSatisfy { $0 == .unavailable })
        #expect(fixture.insert(1) == .refused(.failed))
    }

    @Test("a user with the rights that docs/operations.md names, and no others, can do everything")
    func documentedRights() throws {
        let place = SharedData.packageRoot.appending(path: "docs/operations.md")
        let text = try String(contentsOf: place, encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("ACL, ") })
        let rule = try #require(line.split(separator: "`").dropFirst().first)
        let words = rule.replacing("PASSWORD", with: "word").replacing("PREFIX", with: "site:").split(separator: " ")
        #expect(words.prefix(2) == ["user", "orizuru"])
        let server = try RedisServer()
        try server.command(["ACL", "SETUSER", "orizuru"] + words.dropFirst(2).map(String.init))
        let fixture = try TierFixture("unix://orizuru:word@\(server.socket)") { $0.prefix = "site:" }
        let family = TierFixture.family(1)
        #expect(fixture.tier.claim(family) == .granted)
        #expect(fixture.insert(1) == .stored && fixture.hasAll(1))
        fixture.tier.release(family)
        #expect(try server.command("EXISTS", SharedKeys(family: family, prefix: "site:").lock).hasPrefix("0"))
        #expect(fixture.tier.delete([TierFixture.keys(family)[0]], of: family))
        #expect(fixture.get(1)[0] == .absent)
        // Its probe, too: it is left alone while it hangs, and found again.
        server.signal(SIGSTOP)
        #expect(fixture.callsUntilUnavailable() <= 5)
        server.signal(SIGCONT)
        #expect(fixture.waitUntilAvailable() && waitUntil { fixture.hasAll(2) || fixture.insert(2) == .stored })
        for failure in ["rejected", "protocol"] {
            #expect(fixture.metric("orizuru_shared_failures_total{reason=\"\(failure)\"}") == 0)
        }
    }

    @Test("a damaged value is not given out, and is deleted; one of another type is absent")
    func damaged() throws {
        let server = try RedisServer()
        let fixture = try TierFixture("unix:\(server.socket)")
        #expect(fixture.insert(1) == .stored)
        let keys = TierFixture.keys(TierFixture.family(1))
        let names = SharedKeys(family: TierFixture.family(1), prefix: "")
        try server.command("SETRANGE", names.name(of: keys[3]), "500", "XYZ")
        try server.command("SET", names.name(of: keys[4]), "")
        try server.command("DEL", names.name(of: keys[5]))
        try server.command("LPUSH", names.name(of: keys[5]), "list")
        // A whole and valid value, of another tile.
        try server.command("COPY", names.name(of: keys[7]), names.name(of: keys[6]), "REPLACE")
        let answers = fixture.get(1)
        #expect(answers[3] == .damaged && answers[4] == .damaged && answers[5] == .absent && answers[6] == .damaged)
        #expect(answers.count(where: \.isFound) == 17)
        let again = fixture.get(1)
        #expect(again[3] == .absent && again[4] == .absent && again[6] == .absent)
        #expect(fixture.metric("orizuru_shared_damaged_total") == 3)
        #expect(fixture.metric("orizuru_breaker_state{tier=\"shared\"}") == 0)
    }

    @Test("a deleted tile is not found again")
    func delete() throws {
        let server = try RedisServer()
        let fixture = try TierFixture("unix:\(server.socket)")
        #expect(fixture.insert(1) == .stored)
        let family = TierFixture.family(1)
        #expect(fixture.tier.delete(Array(TierFixture.keys(family)[2...3]), of: family))
        let answers = fixture.get(1)
        #expect(answers[2] == .absent && answers[3] == .absent && answers.count(where: \.isFound) == 19)
    }

    @Test("of several servers one gets a claim; it ends by release or by itself, and only its owner can release it")
    func claims() throws {
        let server = try RedisServer()
        let first = try TierFixture("unix:\(server.socket)") { $0.claimLease = .milliseconds(1500) }
        let second = try TierFixture("unix:\(server.socket)") { $0.claimLease = .milliseconds(1500) }
        let family = TierFixture.family(1)
        #expect(first.tier.claim(family) == .granted)
        #expect(second.tier.claim(family) == .elsewhere)
        #expect(second.tier.claim(TierFixture.family(2)) == .granted)
        second.tier.release(family)
        #expect(second.tier.claim(family) == .elsewhere, "a release by who does not hold it does nothing")
        first.tier.release(family)
        #expect(second.tier.claim(family) == .granted)
        // The holder dies: its claim ends by itself.
        #expect(waitUntil { first.tier.claim(family) == .granted })
        // What was the second's is the first's now: the late release must not end it.
        second.tier.release(family)
        #expect(try server.command("EXISTS", SharedKeys(family: family, prefix: "").lock).hasPrefix("1"))
    }

    @Test("a claim looks for tiles behind itself, in the same round trip")
    func claimAndLook() throws {
        let server = try RedisServer()
        let first = try TierFixture("unix:\(server.socket)")
        let second = try TierFixture("unix:\(server.socket)")
        let family = TierFixture.family(1)
        let keys = TierFixture.keys(family)
        let buffer = TierBuffer()
        let absent = first.tier.claim(family, lookingFor: keys, into: buffer)
        #expect(absent.claim == .granted && absent.answers.allSatisfy { $0 == .absent } && absent.answers.count == 21)
        #expect(first.insert(1) == .stored)
        let before = second.metric("orizuru_shared_round_trips_total")
        let elsewhere = second.tier.claim(family, lookingFor: keys, into: buffer)
        #expect(elsewhere.claim == .elsewhere && elsewhere.answers.allSatisfy(\.isFound))
        first.tier.release(family)
        // What the other one wrote before its claim ended is found behind ours.
        let granted = second.tier.claim(family, lookingFor: keys, into: buffer)
        #expect(granted.claim == .granted && granted.answers.allSatisfy(\.isFound))
        for (key, answer) in zip(keys, granted.answers) {
            guard case .found(let tile) = answer else { continue }
            #expect(Array(buffer.bytes[tile.range]) == TierFixture.body(key))
        }
        #expect(second.metric("orizuru_shared_round_trips_total") == before + 2)
    }

    @Test("who cannot tell grants: without a server every claim is granted")
    func claimWithoutServer() throws {
        let folder = try TemporaryDirectory()
        let fixture = try TierFixture("unix:\(folder.path("nobody"))")
        for number in 0..<8 { #expect(fixture.tier.claim(TierFixture.family(number)) == .granted) }
        #expect(fixture.insert(1) == .refused(.unavailable))
        #expect(!fixture.tier.isAvailable)
    }

    @Test("a tile beyond the limit is refused, and the family with it")
    func tooLarge() throws {
        let server = try RedisServer()
        let fixture = try TierFixture("unix:\(server.socket)")
        let family = TierFixture.family(1)
        var write = TierWrite(family: family)
        let key = TierFixture.keys(family)[0]
        _ = write.append(key, cost: 1, bytes: [UInt8](repeating: 1, count: SharedValue.maxBodyBytes + 1))
        #expect(fixture.tier.insert(write) == .refused(.tooLarge))
        #expect(try server.command("DBSIZE").hasPrefix("0"))
    }

    @Test("calls from many threads share a few connections")
    func pool() throws {
        let server = try RedisServer()
        let fixture = try TierFixture("unix:\(server.socket)") {
            $0.connections = 3
            $0.timeout = .seconds(30)
        }
        for number in 0..<4 { #expect(fixture.insert(number) == .stored) }
        nonisolated(unsafe) let shared = fixture
        DispatchQueue.concurrentPerform(iterations: 16) { thread in
            for round in 0..<20 { #expect(unsafe shared.hasAll((thread + round) % 4)) }
        }
        #expect(fixture.metric("orizuru_shared_connections") <= 3)
        #expect(try server.command("CLIENT", "LIST").split(whereSeparator: \.isNewline).count <= 4)
        fixture.tier.close()
        #expect(fixture.metric("orizuru_shared_connections") == 0)
        #expect(fixture.get(1).allSatisfy { $0 == .unavailable })
        #expect(!fixture.tier.isAvailable)
    }
}
#endif
