// SPDX-License-Identifier: Apache-2.0

import Testing
import TileModel

@testable import Prewarm

@Suite("regions of the earth")
struct GeographicRegionTests {
    static func pyramid(_ levels: ClosedRange<Int> = 0...4) throws -> Pyramid {
        try #require(Pyramid(mapTileSize: 256, levels: levels))
    }

    /// The tiles of one level that a region wants.
    static func tiles(_ region: GeographicRegion, level: Int) throws -> Set<[Int]> {
        let pyramid = try pyramid(0...level)
        let walk = FamilyWalk(
            pyramid: pyramid,
            familyLevel: nil,
            levels: level...level,
            region: region.region(in: pyramid)
        )
        return Set(walk.map { [$0.tile.x, $0.tile.y] })
    }

    static func box(_ west: Double, _ south: Double, _ east: Double, _ north: Double) throws -> GeographicRegion {
        var region = GeographicRegion()
        region.boxes.append(try #require(GeographicRegion.Box(west: west, south: south, east: east, north: north)))
        return region
    }

    @Test("a box whose edges are those of tiles wants these tiles and no neighbours")
    func exact() throws {
        let north = WebMercator.latitude(y: 0.25), south = WebMercator.latitude(y: 0.5)
        #expect(try Self.tiles(Self.box(-90, south, 0, north), level: 2) == [[1, 1]])
        #expect(try Self.tiles(Self.box(-90, south, 0, north), level: 3) == [[2, 2], [3, 2], [2, 3], [3, 3]])
    }

    @Test("a box that crosses the antimeridian wants both sides, however it is written")
    func antimeridian() throws {
        let expected: Set<[Int]> = [[15, 8], [0, 8]]
        #expect(try Self.tiles(Self.box(170, -10, -170, -1), level: 4) == expected)
        #expect(try Self.tiles(Self.box(170, -10, 190, -1), level: 4) == expected)
        #expect(try Self.tiles(Self.box(-190, -10, -170, -1), level: 4) == expected)
        #expect(try Self.tiles(Self.box(-200, -1, 200, 1), level: 1).count == 4, "more than once around is all")
    }

    @Test("the poles belong to the outermost rows, and the whole earth is every tile")
    func poles() throws {
        #expect(try Self.tiles(Self.box(10, 89, 11, 90), level: 3) == [[4, 0]])
        #expect(try Self.tiles(Self.box(10, -90, 11, -89), level: 3) == [[4, 7]])
        #expect(try Self.tiles(Self.box(-180, -90, 180, 90), level: 3).count == 64)
    }

    @Test("a point wants the one tile that it lies in, at the very edges as well")
    func points() throws {
        #expect(try Self.tiles(Self.box(11.5, 48.1, 11.5, 48.1), level: 4).count == 1)
        #expect(try Self.tiles(Self.box(180, 0, 180, 0), level: 4) == [[15, 8]])
        #expect(try Self.tiles(Self.box(-180, 90, -180, 90), level: 4) == [[0, 0]])
        #expect(try Self.tiles(Self.box(0, -90, 0, -90), level: 4) == [[8, 15]])
    }

    @Test(
        "boxes that make no sense are none",
        arguments: [
            (0.0, 10.0, 1.0, 5.0), (0, -91, 1, 0), (-400, 0, 0, 1), (.nan, 0, 1, 1), (0, 0, .infinity, 1),
        ]
    )
    func nonsense(west: Double, south: Double, east: Double, north: Double) {
        #expect(GeographicRegion.Box(west: west, south: south, east: east, north: north) == nil)
    }

    static func region(_ json: String) throws -> GeographicRegion {
        var region = GeographicRegion()
        try region.add(geoJSON: Array(json.utf8), name: "test.json")
        return region
    }

    @Test("a polygon wants what it touches, its hole not")
    func polygon() throws {
        let ring = { (r: Double) in "[[\(-r),\(-r)],[\(r),\(-r)],[\(r),\(r)],[\(-r),\(r)],[\(-r),\(-r)]]" }
        let whole = try Self.region("{\"type\":\"Polygon\",\"coordinates\":[\(ring(80))]}")
        let holed = try Self.region("{\"type\":\"Polygon\",\"coordinates\":[\(ring(80)),\(ring(40))]}")
        let inner = try Self.tiles(whole, level: 4).subtracting(try Self.tiles(holed, level: 4))
        #expect(inner.contains([8, 8]) && inner.contains([7, 7]) && !inner.contains([4, 8]))
        #expect(try Self.tiles(holed, level: 4).contains([4, 8]))
    }

    @Test("features and collections are read, and a polygon across the antimeridian wants both sides")
    func collections() throws {
        let across = "[[[175,-5],[185,-5],[185,5],[175,5],[175,-5]]]"
        for json in [
            "{\"type\":\"MultiPolygon\",\"coordinates\":[\(across)]}",
            """
            {"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":null},
            {"type":"Feature","geometry":{"type":"GeometryCollection","geometries":
            [{"type":"Polygon","coordinates":\(across)}]}}]}
            """,
        ] {
            #expect(try Self.tiles(Self.region(json), level: 4) == [[0, 7], [0, 8], [15, 7], [15, 8]])
        }
    }

    @Test(
        "what has no area, or is no GeoJSON, is refused with its place",
        arguments: [
            ("{", "line 1"), ("[]", "no \"type\""),
            ("{\"type\":\"Point\",\"coordinates\":[1,2]}", "\"Point\" has no area"),
            ("{\"type\":\"FeatureCollection\",\"features\":[]}", "no Polygon"),
            ("{\"type\":\"Polygon\",\"coordinates\":[]}", "no \"coordinates\""),
            ("{\"type\":\"Polygon\",\"coordinates\":[[[1,2],[3,4],[1,2]]]}", "fewer than four"),
            ("{\"type\":\"Polygon\",\"coordinates\":[[[1,2],[3,400],[5,6],[1,2]]]}", "no longitude"),
        ]
    )
    func refused(json: String, reason: String) {
        let error = #expect(throws: PrewarmError.self) { try Self.region(json) }
        #expect(error?.description.contains(reason) == true && error?.description.contains("test.json") == true)
    }
}
