// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TileModel
import TilePipeline

@Suite("What is expected to be asked for")
struct PredictorTests {
    static func ground(_ ordinal: UInt32 = 1) throws -> Predictor.Ground {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 16000, height: 9000), tileSize: 256, overlap: 0))
        return Predictor.Ground(ordinal: ordinal, parentLevel: 12, pyramid: pyramid)
    }

    static func tile(_ level: Int, _ x: Int, _ y: Int) -> TileCoordinate { TileCoordinate(level: level, x: x, y: y) }

    /// Shows 8 x 6 tiles of the parents' level to a predictor.
    static func show(_ predictor: inout Predictor, on ground: Predictor.Ground, at time: inout Int) {
        for y in 2...7 {
            for x in 4...11 {
                let expected = predictor.see(tile(12, x, y), on: ground, at: time)
                #expect(expected.isEmpty, "parents are stored")
                time += 5_000_000
            }
        }
    }

    @Test("who zooms in is met with the families of their viewport, the nearest first, each once")
    func zoom() throws {
        var predictor = Predictor()
        let ground = try Self.ground()
        var time = 0
        Self.show(&predictor, on: ground, at: &time)
        let first = predictor.see(Self.tile(13, 16, 10), on: ground, at: time + 500_000_000)
        #expect(Set(first.map(\.parent)).count == first.count)
        #expect(!first.contains { $0.parent == Self.tile(12, 8, 5) }, "that one is asked for already")
        #expect(first.count > 6 && first.count < 20)
        #expect(abs(first[0].parent.x - 8) <= 1 && abs(first[0].parent.y - 5) <= 1)
        for prediction in first {
            #expect(prediction.tile.level == 13 && prediction.tile.ancestor(1) == prediction.parent)
        }
        let second = predictor.see(Self.tile(13, 17, 10), on: ground, at: time + 510_000_000)
        #expect(second.isEmpty, "what is expected is not expected again")
        #expect(predictor.counts.expected == first.count)
    }

    @Test("what is expected and asked for is counted, and what nobody asks for in time is, too")
    func accounts() throws {
        var predictor = Predictor()
        let ground = try Self.ground()
        var time = 0
        Self.show(&predictor, on: ground, at: &time)
        time += 500_000_000
        let expected = predictor.see(Self.tile(13, 16, 10), on: ground, at: time)
        for prediction in expected.prefix(3) {
            time += 10_000_000
            _ = predictor.see(prediction.tile, on: ground, at: time)
        }
        #expect(predictor.counts.used == 3 && predictor.counts.wasted == 0)
        _ = predictor.see(Self.tile(5, 0, 0), on: ground, at: time + 500_000_000_000)
        #expect(predictor.counts.wasted == predictor.counts.expected - 3)
    }

    @Test("at rest over parents, the middle is expected: once, and not before a second has passed")
    func rest() throws {
        var predictor = Predictor()
        let ground = try Self.ground()
        var time = 0
        Self.show(&predictor, on: ground, at: &time)
        let due = try #require(predictor.nextRest)
        #expect(due > time && due <= time + 1_000_000_000)
        let early = predictor.rest(at: due - 1)
        #expect(early.isEmpty && predictor.nextRest == due)
        let expected = predictor.rest(at: due)
        #expect(
            Set(expected.map(\.parent)) == [
                Self.tile(12, 7, 4), Self.tile(12, 8, 4), Self.tile(12, 7, 5), Self.tile(12, 8, 5),
            ]
        )
        #expect(predictor.nextRest == nil)
        let again = predictor.rest(at: due + 1_000_000_000)
        #expect(again.isEmpty)
    }

    @Test("all tiles of one family at once, in any order, are no journey: nothing else is expected")
    func oneFamily() throws {
        let seed = Seed.ofThisRun
        print("one family: \(seed)")
        let ground = try Self.ground()
        let family = Family(parent: Self.tile(12, 5, 3), in: ground.pyramid)
        for stream in 0..<500 {
            var random = seed.generator(stream: stream)
            var predictor = Predictor()
            var time = 0
            for member in family.members.shuffled(using: &random) {
                time += Int.random(in: 0...20_000_000, using: &random)
                let expected = predictor.see(family.coordinate(ofMember: member), on: ground, at: time)
                #expect(expected.isEmpty, "\(seed), order \(stream): \(expected.map(\.parent))")
            }
        }
    }

    @Test("two tilesets do not mix, nor do two viewers far from each other on one")
    func apart() throws {
        var predictor = Predictor()
        let (one, other) = (try Self.ground(1), try Self.ground(2))
        var time = 0
        Self.show(&predictor, on: one, at: &time)
        time += 500_000_000
        let elsewhere = predictor.see(Self.tile(13, 16, 10), on: other, at: time)
        #expect(elsewhere.isEmpty)
        let far = predictor.see(Self.tile(13, 55, 30), on: one, at: time)
        #expect(far.isEmpty)
        let here = predictor.see(Self.tile(13, 16, 10), on: one, at: time)
        #expect(!here.isEmpty)
    }

    @Test("only families that exist are expected, with a tile that exists")
    func edges() throws {
        let seed = Seed.ofThisRun
        print("edges: \(seed)")
        let ground = try Self.ground()
        for stream in 0..<100 {
            var random = seed.generator(stream: stream)
            var predictor = Predictor()
            var time = 0
            var (x, y) = (0, 0)
            for _ in 0..<200 {
                time += Int.random(in: 0...500_000_000, using: &random)
                let level = Int.random(in: 12...14, using: &random)
                let grid = ground.pyramid.grid(ofLevel: level)
                x = min(max(x + Int.random(in: -3...5, using: &random), 0), grid.width - 1)
                y = min(max(y + Int.random(in: -3...5, using: &random), 0), grid.height - 1)
                let expected =
                    predictor.see(Self.tile(level, x, y), on: ground, at: time)
                    + predictor.rest(at: time + 2_000_000_000)
                for prediction in expected {
                    #expect(ground.pyramid.contains(prediction.parent), "\(seed), \(stream)")
                    #expect(ground.pyramid.contains(prediction.tile), "\(seed), \(stream)")
                    let steps = prediction.tile.level - 12
                    #expect(steps > 0 && prediction.tile.ancestor(steps) == prediction.parent, "\(seed), \(stream)")
                }
            }
        }
    }

    @Test("who uses nothing of what is made ready soon gets nothing made ready; who does, as much as they need")
    func waste() throws {
        let pyramid = try #require(
            Pyramid(deepZoom: GridSize(width: 1 << 24, height: 1 << 24), tileSize: 256, overlap: 0)
        )
        let ground = Predictor.Ground(ordinal: 1, parentLevel: 22, pyramid: pyramid)
        var predictor = Predictor()
        var random = Seed(7).generator()
        var time = 0
        // Looks around in many places, zooms in, and asks for a single tile there.
        for _ in 0..<3000 {
            let (x, y) = (Int.random(in: 10..<16_000, using: &random), Int.random(in: 10..<16_000, using: &random))
            for row in 0..<4 {
                for column in 0..<6 {
                    _ = predictor.see(Self.tile(22, x + column, y + row), on: ground, at: time)
                    time += 5_000_000
                }
            }
            time += 400_000_000
            _ = predictor.see(Self.tile(23, 2 * x + 6, 2 * y + 4), on: ground, at: time)
            time += 100_000_000_000
        }
        let counts = predictor.counts
        // Each place has one family that is used without being expected, and pays for a quarter of another.
        #expect(counts.wasted <= 3000 / 4 + 200, "\(counts)")
        #expect(counts.expected > 0)
    }
}
