// SPDX-License-Identifier: Apache-2.0

import SharedTier
import Testing

@Suite("Where the shared tier is")
struct RedisLocationTests {
    @Test("each form of URL is read")
    func forms() throws {
        let plain = try RedisLocation(parsing: "redis://cache.example.org")
        #expect(plain.places == [.tcp(host: "cache.example.org", port: 6379)])
        #expect(plain.user == nil && plain.password == nil && plain.database == 0 && !plain.isCluster)

        let full = try RedisLocation(parsing: "redis://some%40one:p%3Aa:s@s@10.0.0.7:6380/12")
        #expect(full.places == [.tcp(host: "10.0.0.7", port: 6380)])
        #expect(full.user == "some@one" && full.password == "p:a:s@s" && full.database == 12)
        #expect(full.description == "redis://10.0.0.7:6380/12")

        let secret = try RedisLocation(parsing: "redis://:secret@[::1]:7000/")
        #expect(secret.places == [.tcp(host: "::1", port: 7000)])
        #expect(secret.user == nil && secret.password == "secret" && secret.database == 0)

        let socket = try RedisLocation(parsing: "unix:/run/redis/redis.sock?db=3")
        #expect(socket.places == [.unix(path: "/run/redis/redis.sock")] && socket.database == 3)
        let withPassword = try RedisLocation(parsing: "unix://:x@/run/a%20b.sock")
        #expect(withPassword.places == [.unix(path: "/run/a b.sock")] && withPassword.password == "x")

        let cluster = try RedisLocation(parsing: "redis-cluster://u:p@a:1,b,[fe80::1]:3")
        #expect(cluster.isCluster && cluster.user == "u")
        #expect(
            cluster.places == [.tcp(host: "a", port: 1), .tcp(host: "b", port: 6379), .tcp(host: "fe80::1", port: 3)]
        )
    }

    @Test(
        "what is no location is refused, and the reason repeats no password",
        arguments: [
            "", "cache", "cache:6379", "http://cache", "rediss://cache", "redis:cache", "redis://", "redis://:6379",
            "redis://a:0", "redis://a:70000", "redis://a:x", "redis://a/b", "redis://a/-1", "redis://a/99999999",
            "redis://a b", "redis://a,b", "redis://::1:6379", "redis://[::1", "redis://[x]:1", "redis://a%zz:p@h",
            "unix:", "unix:relative", "unix:/a?x=1", "unix:/a?db=", "unix:/a%00b", "redis-cluster://a/1",
            "redis-cluster://a,,b", "redis-cluster://", "redis://u:hunter2@",
        ]
    )
    func refused(_ text: String) {
        let error = #expect(throws: RedisLocationError.self) { try RedisLocation(parsing: text) }
        #expect(error?.description.contains("hunter2") == false)
        #expect(error?.description.contains("expected redis://") == true)
    }

    @Test("error replies are understood by their first word")
    func errorReplies() {
        let node = RedisPlace.tcp(host: "10.0.0.1", port: 7000)
        func read(_ text: String) -> ErrorReply { ErrorReply(text, from: node) }
        #expect(read("OOM command not allowed when used memory > 'maxmemory'.") == .full)
        #expect(read("READONLY You can't write against a read only replica.") == .readOnly)
        #expect(read("LOADING Redis is loading the dataset in memory") == .notReady)
        #expect(read("CLUSTERDOWN Hash slot not served") == .clusterDown)
        #expect(read("NOAUTH Authentication required.") == .denied)
        #expect(read("TRYAGAIN Multiple keys request during rehashing of slot") == .tryAgain)
        #expect(read("MOVED 3999 127.0.0.1:6381") == .moved(slot: 3999, .tcp(host: "127.0.0.1", port: 6381)))
        #expect(read("MOVED 3999 :6381") == .moved(slot: 3999, .tcp(host: "10.0.0.1", port: 6381)))
        #expect(read("ASK 3999 2001:db8::1:6381") == .ask(.tcp(host: "2001:db8::1", port: 6381)))
        for text in ["", "ERR unknown command", "MOVED", "MOVED x 1.1.1.1:1", "MOVED 16384 1.1.1.1:1", "ok"] {
            #expect(read(text) == .unknown)
        }
        #expect(read("MOVED 1 nowhere") == .moved(slot: 1, nil))
        #expect(!ErrorReply.full.isFailure && !ErrorReply.readOnly.isFailure && ErrorReply.notReady.isFailure)
    }

    @Test("the map of a cluster is read from CLUSTER SLOTS, and damage in it is left out")
    func clusterSlots() throws {
        func node(_ host: RedisValue, _ port: Int) -> RedisValue { .array([host, .integer(port), .text("id")]) }
        func range(_ first: Int, _ last: Int, _ node: RedisValue) -> RedisValue {
            .array([.integer(first), .integer(last), node, .array([])])
        }
        let asked = RedisPlace.tcp(host: "seed", port: 1)
        let reply = RedisValue.array([
            range(0, 5460, node(.text("10.0.0.1"), 7000)), range(5461, 10_922, node(.text(""), 7001)),
            range(10_923, 16_383, node(.null, 7002)), range(5, 4, node(.text("bad"), 1)),
            range(-1, 3, node(.text("bad"), 1)), range(0, 16_384, node(.text("bad"), 1)),
            range(0, 1, node(.text("bad"), 0)), .null, .text("x"),
        ])
        let map = try #require(SlotMap(clusterSlots: reply, from: asked))
        #expect(map.assigned == ClusterSlot.count)
        #expect(map.owner(ofSlot: 0) == .tcp(host: "10.0.0.1", port: 7000))
        #expect(map.owner(ofSlot: 5461) == .tcp(host: "seed", port: 7001))
        #expect(map.owner(ofSlot: 16_383) == .tcp(host: "seed", port: 7002))
        #expect(map.owner(ofSlot: 16_384) == nil && map.owner(ofSlot: -1) == nil)
        #expect(map.places.count == 3)
        #expect(SlotMap(clusterSlots: .array([]), from: asked) == nil)
        #expect(SlotMap(clusterSlots: .text("OK"), from: asked) == nil)
    }
}
