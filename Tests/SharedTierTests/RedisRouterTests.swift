// SPDX-License-Identifier: Apache-2.0

#if Redis
import LockFree
import Telemetry
import TestSupport
import Testing

@testable import SharedTier

@Suite("Which server is asked")
struct RedisRouterTests {
    private static func router(_ url: String) throws -> RedisRouter {
        let location = try RedisLocation(parsing: url)
        let metrics = SharedTierMetrics(registry: MetricsRegistry())
        return RedisRouter(location: location) { place in
            RedisNode(
                place: place,
                configuration: SharedTierConfiguration(location: location),
                breaker: CircuitBreaker(rules: BreakerRules()),
                metrics: metrics
            )
        }
    }

    private static func place(_ number: Int) -> RedisPlace { .tcp(host: "10.0.0.1", port: UInt16(number + 1)) }

    @Test(
        "servers that others name are bounded in number, and the one too many is refused by name",
        arguments: [("redis://127.0.0.1:7000", 16), ("redis-cluster://127.0.0.1:7000,127.0.0.1:7001", 1024)]
    )
    func bound(url: String, limit: Int) throws {
        let router = try Self.router(url)
        let named = router.nodes.count
        #expect(router.maxNodes == limit)
        var refused = 0
        for number in 0..<3000 {
            do throws(RedisFailure) {
                let node = try router.node(at: Self.place(number))
                router.note(slot: number, servedBy: node)
            } catch {
                refused += 1
                #expect(error == .tooManyNodes(Self.place(number), limit: limit))
                #expect("\(error)".contains("10.0.0.1:\(number + 1)") && "\(error)".contains("\(limit)"))
            }
        }
        #expect(router.nodes.count == limit)
        #expect(refused == 3000 - (limit - named))
        // Those that are known are not refused.
        #expect(try router.node(at: Self.place(3)) === router.node(at: Self.place(3)))
    }

    @Test("one server is asked first, whatever it said before; in a cluster what a node said is remembered")
    func redirections() throws {
        let single = try Self.router("redis://127.0.0.1:7000")
        single.note(slot: 9, servedBy: try single.node(at: Self.place(1)))
        for slot in 0..<20 { #expect(single.node(ofSlot: slot)?.place == .tcp(host: "127.0.0.1", port: 7000)) }
        #expect(single.servingNodes.count == 1)
        let cluster = try Self.router("redis-cluster://127.0.0.1:7000")
        cluster.note(slot: 9, servedBy: try cluster.node(at: Self.place(1)))
        #expect(cluster.node(ofSlot: 9)?.place == Self.place(1))
        #expect(cluster.servingNodes.map(\.place) == [Self.place(1)])
        // One that is not known any more is not remembered.
        let stranger = try Self.router("redis-cluster://127.0.0.1:7000").node(at: Self.place(2))
        cluster.note(slot: 10, servedBy: stranger)
        #expect(cluster.node(ofSlot: 10)?.place != Self.place(2))
    }

    @Test("a map of more nodes than any cluster has is cut off there")
    func largeMap() {
        var map = SlotMap()
        for slot in 0..<ClusterSlot.count { map.assign(slot...slot, to: Self.place(slot)) }
        #expect(map.places.count == SlotMap.maxPlaces && map.assigned == SlotMap.maxPlaces)
    }
}
#endif
