// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TileModel
import TilePipeline

@Suite("A viewport, by what was asked")
struct ViewportTests {
    static func tile(_ level: Int, _ x: Int, _ y: Int) -> TileCoordinate { TileCoordinate(level: level, x: x, y: y) }

    /// A viewer who shows `columns` x `rows` tiles of a level, from the middle outwards, ten milliseconds apart.
    static func view(_ level: Int, _ columns: ClosedRange<Int>, _ rows: ClosedRange<Int>, at time: inout Int)
        -> Viewport
    {
        let middle = tile(level, columns.lowerBound + columns.count / 2, rows.lowerBound + rows.count / 2)
        func distance(_ tile: TileCoordinate) -> Int { abs(tile.x - middle.x) + abs(tile.y - middle.y) }
        var tiles: [TileCoordinate] = []
        for y in rows {
            for x in columns { tiles.append(tile(level, x, y)) }
        }
        tiles.sort { distance($0) < distance($1) }
        var viewport = Viewport(tiles[0], at: time)
        for tile in tiles.dropFirst() {
            time += 10_000_000
            _ = viewport.see(tile, at: time)
        }
        return viewport
    }

    @Test("while a level fills, the viewport grows with what is asked for")
    func fills() {
        var time = 0
        let viewport = Self.view(12, 4...9, 3...6, at: &time)
        #expect(viewport.box == TileBox(left: 4, top: 3, right: 10, bottom: 7))
    }

    @Test("who zooms in will ask for as many tiles as before, a little less for caution, around the middle")
    func zoom() throws {
        var time = 0
        var viewport = Self.view(12, 4...11, 4...9, at: &time)
        let expected = viewport.see(Self.tile(13, 15, 13), at: time + 1_000_000_000)
        let box = try #require(expected.first).box
        #expect(expected.count == 1 && viewport.level == 13)
        #expect(abs(box.width - 8 * 0.85) < 1e-9 && abs(box.height - 6 * 0.85) < 1e-9)
        #expect(abs(box.centre.x - 15.75) < 1e-9 && abs(box.centre.y - 13.75) < 1e-9)
    }

    @Test("who zooms in elsewhere will ask for what lies around there")
    func zoomElsewhere() throws {
        var time = 0
        var viewport = Self.view(12, 4...11, 4...9, at: &time)
        let expected = viewport.see(Self.tile(14, 20, 38), at: time + 1_000_000_000)
        let box = try #require(expected.first).box
        #expect(abs(box.centre.x - 20.5) < 1e-9 && abs(box.centre.y - 38.5) < 1e-9)
    }

    @Test("who zooms out will ask for what lies around the middle, wherever the first missing tile is")
    func zoomOut() throws {
        var time = 0
        var viewport = Self.view(14, 32...39, 24...29, at: &time)
        let expected = viewport.see(Self.tile(13, 15, 12), at: time + 1_000_000_000)
        let box = try #require(expected.first).box
        #expect(abs(box.centre.x - 18) < 1e-9 && abs(box.centre.y - 13.5) < 1e-9)
    }

    @Test("two levels at the same time are no zoom: nothing is expected")
    func bothLevels() {
        var time = 0
        var viewport = Self.view(12, 4...11, 4...9, at: &time)
        let expected = viewport.see(Self.tile(13, 15, 13), at: time + 50_000_000)
        #expect(expected.isEmpty)
    }

    @Test("a move uncovers an edge: its other tiles come next")
    func moves() throws {
        var time = 0
        var viewport = Self.view(13, 4...9, 3...6, at: &time)
        let expected = viewport.see(Self.tile(13, 10, 5), at: time + 1_000_000_000)
        #expect(expected.map(\.box) == [TileBox(left: 10, top: 3, right: 11, bottom: 7)])
        #expect(viewport.box == TileBox(left: 5, top: 3, right: 11, bottom: 7))
    }

    @Test("the third move in one direction makes a journey, of which the next edge is expected, too")
    func journey() throws {
        var time = 0
        var viewport = Self.view(13, 4...9, 3...6, at: &time)
        var boxes: [[TileBox]] = []
        for x in 10...12 {
            time += 1_000_000_000
            boxes.append(viewport.see(Self.tile(13, x, 5), at: time).map(\.box))
        }
        #expect(boxes.map(\.count) == [1, 1, 2])
        #expect(boxes[2].last == TileBox(left: 13, top: 3, right: 14, bottom: 7))
        let turned = viewport.see(Self.tile(13, 9, 2), at: time + 1_000_000_000)
        #expect(turned.count == 1, "another direction begins anew")
    }

    @Test("a viewer's rest is told once, around the middle, and only of who was seen enough")
    func rests() throws {
        var time = 0
        var viewport = Self.view(12, 4...9, 3...6, at: &time)
        let rest = viewport.rest()
        let box = try #require(rest)
        #expect(box.centre.x == 7 && box.centre.y == 5 && box.width <= 2 && box.height <= 2)
        let again = viewport.rest()
        #expect(again == nil)
        _ = viewport.see(Self.tile(12, 5, 5), at: time + 1)
        let anew = viewport.rest()
        #expect(anew != nil, "who asked again rests again")
        var young = Viewport(Self.tile(12, 5, 5), at: 0)
        let nothing = young.rest()
        #expect(nothing == nil)
    }

    @Test("whatever is asked for, a viewport never becomes larger than any screen")
    func bounded() {
        let seed = Seed.ofThisRun
        print("viewports: \(seed)")
        var random = seed.generator()
        var viewport = Viewport(Self.tile(20, 0, 0), at: 0)
        var time = 0
        for _ in 0..<10_000 {
            time += Int.random(in: 0...300_000_000, using: &random)
            let level = Int.random(in: 18...20, using: &random)
            let side = 1 << level
            let tile = Self.tile(
                level,
                Int.random(in: 0..<side, using: &random),
                Int.random(in: 0..<side, using: &random)
            )
            for expectation in viewport.see(tile, at: time) {
                #expect(expectation.box.width <= 33 && expectation.box.height <= 33, "\(seed)")
            }
        }
    }
}
