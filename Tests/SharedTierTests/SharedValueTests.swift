// SPDX-License-Identifier: Apache-2.0

import SharedTier
import TestSupport
import Testing
import TileModel

@Suite("Values and names of the shared tier")
struct SharedValueTests {
    static let edition = TileEdition(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)

    static func key(_ level: Int, _ x: Int, _ y: Int, padded: Bool = false) throws -> TierKey {
        let form = UInt64(level) << 8 | UInt64(TileFormat.jpeg.rawValue) | (padded ? 0x10 : 0)
        return try #require(TierKey(edition: edition, form: form, place: UInt64(x) << 32 | UInt64(y)))
    }

    @Test("a value gives back the tile and its cost")
    func roundTrip() throws {
        let seed = Seed.ofThisRun
        var random = seed.generator()
        for size in [0, 1, 43, 44, 45, 1000, 15_000] {
            let body = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
            var bytes: [UInt8] = [9, 9, 9]
            let key = try Self.key(7, 5, 3, padded: size % 2 == 0)
            SharedValue.append(key, cost: 4321, body: body[...], to: &bytes)
            let tile = try #require(SharedValue.decode(bytes, in: 3..<bytes.count, as: key), "\(seed)")
            #expect(Array(bytes[tile.range]) == body)
            #expect(tile.cost == 4321)
        }
    }

    @Test("a value is refused where any bit of it is another, it is cut anywhere, or the key is another")
    func damage() throws {
        let key = try Self.key(7, 5, 3)
        var bytes: [UInt8] = []
        SharedValue.append(key, cost: 77, body: Array("some tile".utf8)[...], to: &bytes)
        #expect(SharedValue.decode(bytes, in: 0..<bytes.count, as: key) != nil)
        for position in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[position] ^= 1 << UInt8(bit)
                #expect(SharedValue.decode(flipped, in: 0..<flipped.count, as: key) == nil, "byte \(position)")
            }
            #expect(SharedValue.decode(bytes, in: 0..<position, as: key) == nil, "cut at \(position)")
        }
        #expect(SharedValue.decode(bytes + [0], in: 0..<bytes.count + 1, as: key) == nil)
        for other in [try Self.key(7, 5, 4), try Self.key(8, 5, 3), try Self.key(7, 5, 3, padded: true)] {
            #expect(SharedValue.decode(bytes, in: 0..<bytes.count, as: other) == nil)
        }
    }

    @Test("all names of a family hash to one slot, and families spread over the slots")
    func slots() throws {
        var slots: Set<Int> = []
        for x in 0..<200 {
            let family = TierFamilyKey(edition: Self.edition, parent: TileCoordinate(level: 5, x: x, y: 3))
            let names = SharedKeys(family: family, prefix: "site:")
            let all = try [names.name(of: Self.key(5, x, 3)), names.name(of: Self.key(7, x * 4 + 3, 12)), names.lock]
            #expect(Set(all).count == 3)
            #expect(Set(all.map { ClusterSlot.of($0.utf8) }).count == 1)
            #expect(ClusterSlot.of(names.stem.utf8) == ClusterSlot.of(all[0].utf8))
            slots.insert(ClusterSlot.of(names.stem.utf8))
        }
        #expect(slots.count > 180)
    }

    @Test("a name says place and form below the parent")
    func name() throws {
        let family = TierFamilyKey(edition: Self.edition, parent: TileCoordinate(level: 5, x: 10, y: 20))
        let names = SharedKeys(family: family, prefix: "p:")
        #expect(names.stem == "p:oz1:{0123456789abcdeffedcba9876543210:5:10:20}")
        #expect(try names.name(of: Self.key(7, 43, 81, padded: true)) == names.stem + ":2:3:1:11")
        #expect(SharedKeys.isPrefix("") && SharedKeys.isPrefix("site-1:"))
        #expect(!SharedKeys.isPrefix("a{b") && !SharedKeys.isPrefix("a b") && !SharedKeys.isPrefix("é"))
    }

    @Test("slots are those of the specification")
    func specifiedSlots() {
        // CLUSTER KEYSLOT of a server.
        #expect(ClusterSlot.of("123456789".utf8) == 0x31C3)
        #expect(ClusterSlot.of("foo".utf8) == 12_182)
        #expect(ClusterSlot.of("{foo}bar".utf8) == 12_182)
        #expect(ClusterSlot.of("a{foo}{bar}".utf8) == 12_182)
        #expect(ClusterSlot.of("{}foo".utf8) == ClusterSlot.of("{}foo".utf8))
        #expect(ClusterSlot.of("{}foo".utf8) != 12_182)
    }

    @Test("a life is within a tenth of the configured one")
    func lives() throws {
        var configuration = SharedTierConfiguration(location: try RedisLocation(parsing: "redis://h"))
        configuration.timeToLive = .seconds(1000)
        #expect(configuration.secondsToLive(chance: 0) == 900)
        #expect(configuration.secondsToLive(chance: 0.5) == 1000)
        #expect(configuration.secondsToLive(chance: 1) == 1100)
        configuration.timeToLive = .zero
        #expect(configuration.secondsToLive(chance: 0) == 1)
    }
}
