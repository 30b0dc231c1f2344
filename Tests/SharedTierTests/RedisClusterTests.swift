// SPDX-License-Identifier: Apache-2.0

#if Redis
import Foundation
import SharedTier
import TestSupport
import TileModel
import Testing

@Suite(
    "The shared tier on a cluster of three masters",
    .enabled(if: RedisServer.isPresent, RedisServer.reason),
    .serialized
)
struct RedisClusterTests {
    @Test("families spread over the masters, each whole in one of them, and each is one round trip")
    func spread() throws {
        let cluster = try RedisCluster(replicas: 0)
        let fixture = try TierFixture(cluster.url)
        for number in 0..<60 { #expect(fixture.insert(number, size: 300) == .stored) }
        let sizes = try cluster.masters.map { try Int($0.command("DBSIZE").prefix { $0.isNumber }) ?? 0 }
        #expect(sizes.reduce(0, +) == 60 * 21)
        #expect(sizes.allSatisfy { $0 % 21 == 0 && $0 >= 60 * 21 / 10 }, "\(sizes)")
        for master in cluster.masters { try master.command("CONFIG", "RESETSTAT") }
        let before = fixture.metric("orizuru_shared_round_trips_total")
        for number in 0..<60 { #expect(fixture.hasAll(number, size: 300)) }
        let trips = fixture.metric("orizuru_shared_round_trips_total") - before
        func calls(_ command: String) throws -> Int {
            try cluster.masters.map { try $0.calls(of: command) }.reduce(0, +)
        }
        #expect(try calls("mget") == 60 && calls("get") == 0)
        // The thread that watches the cluster asks for its map in between, whenever it comes to that.
        #expect(try (60...60 + calls("cluster|slots")).contains(trips), "\(trips) round trips")
        #expect(fixture.tier.claim(TierFixture.family(3)) == .granted)
        fixture.tier.release(TierFixture.family(3))
        #expect(fixture.metric("orizuru_breaker_state{tier=\"shared\"}") == 0)
    }

    @Test("a slot that moves is followed: ASK while it is on its way, MOVED afterwards")
    func movingSlot() throws {
        let cluster = try RedisCluster(replicas: 0)
        let fixture = try TierFixture(cluster.url)
        #expect(fixture.insert(1) == .stored)
        let slot = ClusterSlot.of(SharedKeys(family: TierFixture.family(1), prefix: "").stem.utf8)
        let owner = try #require(try cluster.masters.first { try !$0.command("DBSIZE").hasPrefix("0") })
        let other = try #require(cluster.masters.first { $0.port != owner.port })
        let ownerId = try owner.command("CLUSTER", "MYID").filter { !$0.isNewline }
        let otherId = try other.command("CLUSTER", "MYID").filter { !$0.isNewline }
        try other.command("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", ownerId)
        try owner.command("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", otherId)
        // All keys are with the old owner still.
        #expect(fixture.hasAll(1))
        let keys = TierFixture.keys(TierFixture.family(1))
        let names = SharedKeys(family: TierFixture.family(1), prefix: "")
        func move(_ key: TierKey) throws {
            try owner.command("MIGRATE", "127.0.0.1", "\(other.port)", names.name(of: key), "0", "5000")
        }
        // Some here, some there: one MGET cannot have them. It is a miss, not a failure.
        try move(keys[0])
        #expect(fixture.get(1).allSatisfy { $0 == .absent })
        for key in keys.dropFirst() { try move(key) }
        let before = fixture.metric("orizuru_shared_redirections_total")
        #expect(fixture.hasAll(1), "ASK is followed")
        #expect(fixture.insert(1) == .stored)
        #expect(fixture.metric("orizuru_shared_redirections_total") >= before + 2)
        for node in [other, owner] { try node.command("CLUSTER", "SETSLOT", "\(slot)", "NODE", otherId) }
        #expect(fixture.hasAll(1), "MOVED is followed")
        // And remembered: from then on the new owner is asked at once.
        #expect(
            waitUntil {
                let redirections = fixture.metric("orizuru_shared_redirections_total")
                return fixture.hasAll(1)
                    && fixture.metric("orizuru_shared_redirections_total") == redirections
            }
        )
        #expect(fixture.metric("orizuru_breaker_state{tier=\"shared\"}") == 0)
    }

    @Test("a master that dies is replaced by its replica: no call fails for longer, and no wrong tile comes out")
    func dyingMaster() throws {
        let cluster = try RedisCluster(replicas: 1)
        let fixture = try TierFixture(cluster.url) {
            $0.timeout = .milliseconds(500)
            $0.connectTimeout = .milliseconds(500)
        }
        for number in 0..<30 { #expect(waitUntil { fixture.insert(number, size: 300) == .stored }) }
        let victim = cluster.masters[0]
        // Replication is asynchronous: what was written has to have arrived.
        #expect(waitUntil { (try? cluster.isReplicated(victim)) == true })
        victim.kill()
        // Calls meanwhile end as values: found, absent or unavailable; bytes are compared inside.
        for number in 0..<30 { _ = fixture.get(number, size: 300) }
        #expect(fixture.tier.isAvailable, "two masters still serve")
        #expect(
            waitUntil(timeout: 120) { (0..<30).allSatisfy { fixture.hasAll($0, size: 300) } },
            "the replica serves what the master had"
        )
        for number in 30..<60 { #expect(waitUntil { fixture.insert(number, size: 300) == .stored }) }
        #expect(waitUntil { fixture.metric("orizuru_breaker_state{tier=\"shared\"}") == 0 })
    }
}
#endif
