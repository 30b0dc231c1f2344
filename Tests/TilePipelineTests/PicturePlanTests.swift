// SPDX-License-Identifier: Apache-2.0

import Testing
import TileModel
import TilePipeline

@Suite("Pictures from tiles")
struct PicturePlanTests {
    static let pyramid = Pyramid(deepZoom: GridSize(width: 2900, height: 2150), tileSize: 256, overlap: 0)!
    static let whole = PixelRect(x: 0, y: 0, width: 2900, height: 2150)

    static func plan(_ region: PixelRect, _ width: Int, _ height: Int) throws -> PicturePlan {
        try #require(
            PicturePlan(region: region, size: GridSize(width: width, height: height), pyramid: pyramid)
        )
    }

    @Test("the coarsest level that has the pixels is read")
    func level() throws {
        #expect(try Self.plan(Self.whole, 2900, 2150).level == 12)
        #expect(try Self.plan(Self.whole, 1450, 1075).level == 11)
        #expect(try Self.plan(Self.whole, 1451, 1075).level == 12)
        #expect(try Self.plan(Self.whole, 182, 135).level == 8)
        #expect(try Self.plan(Self.whole, 1, 1).level == 0)
    }

    @Test("only tiles that the region touches are read")
    func tiles() throws {
        let plan = try Self.plan(PixelRect(x: 255, y: 512, width: 2, height: 256), 2, 256)
        #expect(plan.columns == 0...1 && plan.rows == 2...2)
        #expect(plan.touched == PixelRect(x: 255, y: 512, width: 2, height: 256))
    }

    @Test("a picture that is squeezed so hard that too much would be read is refused")
    func refused() throws {
        let large = try #require(
            Pyramid(deepZoom: GridSize(width: 1 << 20, height: 1 << 20), tileSize: 256, overlap: 0)
        )
        let all = PixelRect(x: 0, y: 0, width: 1 << 20, height: 1 << 20)
        #expect(PicturePlan(region: all, size: GridSize(width: 16, height: 1 << 20), pyramid: large) == nil)
        #expect(PicturePlan(region: all, size: GridSize(width: 4096, height: 4096), pyramid: large) != nil)
    }

    @Test("a map that has more pixels than numbers go is refused, too")
    func immense() throws {
        let pyramid = try #require(Pyramid(mapTileSize: 512, levels: 30...30))
        let whole = PixelRect(x: 0, y: 0, width: pyramid.size.width, height: pyramid.size.height)
        #expect(whole.size.area == .max)
        let plan = PicturePlan(region: whole, size: GridSize(width: 256, height: 256), pyramid: pyramid)
        #expect(plan == nil)
    }

    @Test("the region of a tile at the tile's size is that tile, at the edge as well")
    func whole() {
        for level in 8...12 {
            let shift = 12 - level
            let grid = Self.pyramid.grid(ofLevel: level)
            for (x, y) in [(0, 0), (grid.width - 1, grid.height - 1), (grid.width / 2, 0)] {
                let tile = TileCoordinate(level: level, x: x, y: y)
                let side = 256 << shift
                let region = PixelRect(
                    x: x * side,
                    y: y * side,
                    width: min(side, 2900 - x * side),
                    height: min(side, 2150 - y * side)
                )
                let size = Self.pyramid.rect(of: tile).size
                #expect(PicturePlan.tile(showing: region, at: size, in: Self.pyramid) == tile)
            }
        }
    }

    @Test("a region beside the grid, another size, and tiles that overlap are no tile")
    func notWhole() throws {
        let size = GridSize(width: 256, height: 256)
        let beside = PixelRect(x: 1, y: 0, width: 256, height: 256)
        #expect(PicturePlan.tile(showing: beside, at: size, in: Self.pyramid) == nil)
        let aligned = PixelRect(x: 0, y: 0, width: 256, height: 256)
        #expect(PicturePlan.tile(showing: aligned, at: size, in: Self.pyramid) != nil)
        #expect(PicturePlan.tile(showing: aligned, at: GridSize(width: 255, height: 256), in: Self.pyramid) == nil)
        let overlapping = try #require(
            Pyramid(deepZoom: GridSize(width: 2900, height: 2150), tileSize: 256, overlap: 1)
        )
        #expect(PicturePlan.tile(showing: aligned, at: size, in: overlapping) == nil)
    }
}
