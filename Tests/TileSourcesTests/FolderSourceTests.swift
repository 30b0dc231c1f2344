// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageCodecs
import Telemetry
import TestSupport
import Testing
import TileModel

@testable import TileSources

@Suite("Plain Deep Zoom and map folders")
struct FolderSourceTests {
    private static let image = "<Image TileSize='254' Overlap='1' Format='jpeg'><Size Width='300' Height='20'/></Image>"
    private static let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3, 0xFF, 0xD9]

    private func png(_ side: Int, _ value: UInt8 = 7) throws -> [UInt8] {
        try PNGCodec.encode(RasterImage(width: side, height: side, filledWith: [value, value, value]))
    }

    @Test("a Deep Zoom folder hands out stored bytes untouched, under the extension of its Format")
    func deepZoom() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.dzi", Self.image.utf8)
        try directory.write("a_files/9/1_0.jpeg", Self.jpeg)
        try directory.write("a_files/9/0_0.jpg", Self.jpeg)
        let source = try openSource(path, logger: .silent)
        #expect(source.info.kind == .slide)
        #expect(source.info.title == "a")
        let buffer = TileBuffer()
        let tile = TileCoordinate(level: 9, x: 1, y: 0)
        #expect(source.family(for: tile) == nil)
        #expect(try source.readTile(tile, into: buffer).format == .jpeg)
        #expect(buffer.bytes == Self.jpeg)
        unsafe buffer.withUnsafeBytes { bytes in #expect(unsafe [UInt8](bytes) == Self.jpeg) }
        let absent = TileCoordinate(level: 9, x: 0, y: 0)
        #expect(throws: SourceError.missing(absent)) { try source.readTile(absent, into: buffer) }
        #expect(buffer.count == 0, "nothing of an earlier tile is left")
    }

    @Test("a tile of zero bytes, of no image, of too many bytes, a folder or a pipe in its place: a clear error each")
    func badTiles() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.dzi", Self.image.utf8)
        try directory.write("a_files/0/0_0.jpeg", [])
        try directory.write("a_files/1/0_0.jpeg", "<html>".utf8)
        try directory.makeFolder("a_files/2/0_0.jpeg")
        try directory.makeFolder("a_files/3")
        #expect(unsafe mkfifo(directory.path("a_files/3/0_0.jpeg"), 0o644) == 0)
        try directory.write("a_files/4/0_0.jpeg", Self.jpeg)
        #expect(unsafe truncate(directory.path("a_files/4/0_0.jpeg"), 1 << 40) == 0)
        let source = try openSource(path, logger: .silent)
        let buffer = TileBuffer()
        for (level, needle) in [(0, "zero bytes"), (1, "neither JPEG"), (2, "folder"), (3, "open"), (4, "limit")] {
            do {
                _ = try source.readTile(TileCoordinate(level: level, x: 0, y: 0), into: buffer)
                Issue.record("level \(level) was read")
            } catch {
                if case .missing = error { Issue.record("level \(level) is not missing") }
                #expect(error.description.contains(needle), "\(error)")
                #expect(buffer.count == 0)
            }
        }
    }

    @Test("a .dzi without its folder, or with nonsense, is refused with its path")
    func brokenDescriptions() throws {
        let directory = try TemporaryDirectory()
        for (name, text) in [("a.dzi", Self.image), ("b.dzi", "nonsense"), ("c.dzi", "")] {
            let path = try directory.write(name, text.utf8)
            do {
                _ = try openSource(path, logger: .silent)
                Issue.record("\(name) was opened")
            } catch {
                #expect(error.description.contains(path))
            }
        }
        let huge = try directory.write("d.dzi", Self.image.utf8)
        #expect(unsafe truncate(huge, 1 << 33) == 0)
        #expect(throws: SourceError.self) { try openSource(huge, logger: .silent) }
    }

    @Test("the version changes with the description's file and not with a loose tile")
    func versions() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.dzi", Self.image.utf8)
        try directory.write("a_files/9/0_0.jpeg", Self.jpeg)
        let first = try openSource(path, logger: .silent).info.version
        #expect(try openSource(path, logger: .silent).info.version == first)
        try directory.write("a_files/9/1_0.jpeg", Self.jpeg)
        #expect(try openSource(path, logger: .silent).info.version == first)
        try directory.write("a.dzi", "\(Self.image)\n".utf8)
        #expect(try openSource(path, logger: .silent).info.version != first)
    }

    @Test("a map folder knows levels, tile size, formats, names and bounds; other files and folders do not disturb it")
    func mapFolder() throws {
        let directory = try TemporaryDirectory()
        try directory.write("map/2/0/3.png", try png(64))
        try directory.write("map/2/1/0.png", try png(64, 9))
        try directory.write("map/4/15/15.jpg", Self.jpeg)
        try directory.write("map/x/0/0.png", try png(64))
        try directory.write("map/03/0/0.png", try png(64))
        try directory.write("map/2/0/readme.txt", "hello".utf8)
        try directory.write("map/99/0/0.png", try png(64))
        try directory.write("map/metadata.json", "{\"name\":\"M\",\"bounds\":\"0,1,2,3\"}".utf8)
        let source = try openSource(directory.path("map"), logger: .silent)
        #expect(source.info.kind == .map)
        #expect(source.info.title == "M")
        #expect(source.info.pyramid == Pyramid(mapTileSize: 64, levels: 2...4))
        #expect(source.info.format == .png)
        #expect(source.info.bounds == GeographicBounds(west: 0, south: 1, east: 2, north: 3))
        let buffer = TileBuffer()
        #expect(try source.readTile(TileCoordinate(level: 2, x: 1, y: 0), into: buffer).format == .png)
        #expect(try buffer.bytes == png(64, 9))
        #expect(try source.readTile(TileCoordinate(level: 4, x: 15, y: 15), into: buffer).format == .jpeg)
        let hole = TileCoordinate(level: 3, x: 0, y: 0)
        #expect(throws: SourceError.missing(hole)) { try source.readTile(hole, into: buffer) }
    }

    @Test("rows are counted from below where the metadata says tms")
    func tms() throws {
        let directory = try TemporaryDirectory()
        try directory.write("map/1/0/0.png", try png(32, 1))
        try directory.write("map/1/0/1.png", try png(32, 2))
        try directory.write("map/metadata.json", "{\"scheme\":\"tms\"}".utf8)
        let source = try openSource(directory.path("map"), logger: .silent)
        let buffer = TileBuffer()
        _ = try source.readTile(TileCoordinate(level: 1, x: 0, y: 0), into: buffer)
        #expect(try buffer.bytes == png(32, 2))
    }

    /// As gdal2tiles 3.6 writes it.
    private static func resource(
        profile: String = "mercator",
        box: String = #"minx="-20.5" miny="10.25" maxx="39.5" maxy="60.125""#,
        title: String = "A &amp; B"
    ) -> String {
        """
        <?xml version="1.0" encoding="utf-8"?>
            <TileMap version="1.0.0" tilemapservice="http://tms.osgeo.org/1.0.0">
              <Title>\(title)</Title>
              <Abstract></Abstract>
              <SRS>EPSG:\(profile == "mercator" ? 3857 : 4326)</SRS>
              <BoundingBox \(box)/>
              <Origin x="-20.03906250000000" y="10.07246164466154"/>
              <TileFormat width="256" height="256" mime-type="image/png" extension="png"/>
              <TileSets profile="\(profile)">
                <TileSet href="1" units-per-pixel="78271.51695000000473" order="1"/>
                <TileSet href="2" units-per-pixel="39135.75847500000236" order="2"/>
              </TileSets>
            </TileMap>
            
        """
    }

    /// Tiles as gdal2tiles lays them out: of level 2, columns 1 and 2, the second row from the top.
    private func writeTMS(_ directory: TemporaryDirectory, _ resource: String) throws {
        try directory.write("map/1/0/1.png", png(32, 1))
        try directory.write("map/1/1/1.png", png(32, 2))
        try directory.write("map/2/1/2.png", png(32, 3))
        try directory.write("map/2/2/2.png", png(32, 4))
        try directory.write("map/tilemapresource.xml", resource.utf8)
    }

    @Test("a folder with a tilemapresource.xml is TMS: rows from below, title, bounds, levels and format are known")
    func tileMapResource() throws {
        let directory = try TemporaryDirectory()
        try writeTMS(directory, Self.resource())
        // Left by an earlier map.
        try directory.write("map/5/0/0.png", png(32, 9))
        let source = try openSource(directory.path("map"), logger: .silent)
        #expect(source.info.title == "A & B")
        #expect(source.info.bounds == GeographicBounds(west: -20.5, south: 10.25, east: 39.5, north: 60.125))
        #expect(source.info.pyramid == Pyramid(mapTileSize: 32, levels: 1...2))
        #expect(source.info.format == .png)
        let buffer = TileBuffer()
        _ = try source.readTile(TileCoordinate(level: 2, x: 1, y: 1), into: buffer)
        #expect(try buffer.bytes == png(32, 3))
        let below = TileCoordinate(level: 2, x: 1, y: 2)
        #expect(throws: SourceError.missing(below)) { try source.readTile(below, into: buffer) }
        #expect(try source.tileNumbers(ofLevel: 1)?.sorted() == [1, 4], "0/0 and 1/0")
        #expect(source.watchedFiles.contains { $0.hasSuffix("map/tilemapresource.xml") })
    }

    @Test("a JSON description beside it has the last word", arguments: ["xyz", "tms"])
    func tileMapResourceAndJSON(scheme: String) throws {
        let directory = try TemporaryDirectory()
        try writeTMS(directory, Self.resource())
        try directory.write("map/metadata.json", "{\"name\":\"M\",\"scheme\":\"\(scheme)\"}".utf8)
        let source = try openSource(directory.path("map"), logger: .silent)
        #expect(source.info.title == "M")
        let buffer = TileBuffer()
        let row = scheme == "tms" ? 1 : 2
        _ = try source.readTile(TileCoordinate(level: 2, x: 1, y: row), into: buffer)
        #expect(try buffer.bytes == png(32, 3))
    }

    @Test(
        "the box of a tilemapresource.xml is read as degrees, as older gdal2tiles wrote them, and as metres",
        arguments: [
            #"minx="-20.5" miny="10.25" maxx="39.5" maxy="60.125""#,
            #"minx="10.25" miny="-20.5" maxx="60.125" maxy="39.5""#,
            #"minx="-2282049.56" miny="1147160.13" maxx="4397119.88" maxy="8427620.50""#,
        ]
    )
    func tileMapBounds(box: String) throws {
        let directory = try TemporaryDirectory()
        // Of the finest level the one tile that the first reading touches and the second does not.
        try directory.write("map/5/14/21.png", png(32, 1))
        try directory.write(
            "map/tilemapresource.xml",
            Self.resource(box: box).replacing("order=\"2\"", with: "order=\"5\"").utf8
        )
        let bounds = try #require(try openSource(directory.path("map"), logger: .silent).info.bounds)
        #expect(abs(bounds.west + 20.5) < 0.001 && abs(bounds.east - 39.5) < 0.001)
        #expect(abs(bounds.south - 10.25) < 0.001 && abs(bounds.north - 60.125) < 0.001)
    }

    @Test(
        "tiles of another profile are no web map, and the message says what to do",
        arguments: ["geodetic", "raster"]
    )
    func otherProfiles(profile: String) throws {
        let directory = try TemporaryDirectory()
        try writeTMS(directory, Self.resource(profile: profile))
        let error = #expect(throws: SourceError.self) { try openSource(directory.path("map"), logger: .silent) }
        let text = error?.description ?? ""
        #expect(text.contains("profile \(profile)") && text.contains("--profile=mercator"), "\(text)")
    }

    @Test(
        "what cannot be read of a tilemapresource.xml does no harm: rows still count from the bottom",
        arguments: [
            "", "<TileMap", "<Other/>", "<!DOCTYPE TileMap><TileMap/>", "<TileMap/>",
            "<TileMap><BoundingBox minx='nan' miny='1e999' maxx='' maxy='x'/><TileSets><TileSet order='99999999999999999999'/>"
                + "<TileSet order='-1'/></TileSets></TileMap>",
            String(repeating: "<TileMap>", count: 1000), "<TileMap><Title>" + String(repeating: "x", count: 100_000),
        ]
    )
    func damagedResource(text: String) throws {
        let directory = try TemporaryDirectory()
        try writeTMS(directory, text)
        let source = try openSource(directory.path("map"), logger: .silent)
        #expect(source.info.title == "map" && source.info.bounds == nil)
        let buffer = TileBuffer()
        _ = try source.readTile(TileCoordinate(level: 2, x: 1, y: 1), into: buffer)
        #expect(try buffer.bytes == png(32, 3))
    }

    @Test("one unreadable tile does not hide a map; tiles that are not square do")
    func mapHeaders() throws {
        let directory = try TemporaryDirectory()
        try directory.write("map/0/0/0.png", [])
        try directory.write("map/1/0/0.png", try png(128))
        #expect(try openSource(directory.path("map"), logger: .silent).info.pyramid.tileSize == 128)
        let wide = try PNGCodec.encode(RasterImage(width: 20, height: 10, filledWith: [1, 2, 3]))
        try directory.write("wide/0/0/0.png", wide)
        #expect(throws: SourceError.self) { try openSource(directory.path("wide"), logger: .silent) }
        try directory.write("none/0/0/0.png", [])
        #expect(throws: SourceError.self) { try openSource(directory.path("none"), logger: .silent) }
    }

    @Test(
        "every tile of the shared Deep Zoom pyramids has the size that the geometry says",
        .enabled(if: SharedData.isPresent, SharedData.reason),
        arguments: ["testpattern", "tall"]
    )
    func sharedPyramids(name: String) throws {
        try expectTrueSizes(of: try openSource(try SharedData.url("dzi/\(name).dzi").path, logger: .silent))
    }

    @Test("every tile of the committed sample pyramid has the size that the geometry says")
    func samplePyramid() throws {
        let path = SharedData.packageRoot.appending(path: "tiles-sample/small-tissue.dzi").path
        try expectTrueSizes(of: try openSource(path, logger: .silent))
    }

    private func expectTrueSizes(of source: any TileSource) throws {
        let buffer = TileBuffer()
        for level in source.info.pyramid.levels {
            let grid = source.info.pyramid.grid(ofLevel: level)
            for y in 0..<grid.height {
                for x in 0..<grid.width {
                    let tile = TileCoordinate(level: level, x: x, y: y)
                    _ = try source.readTile(tile, into: buffer)
                    #expect(ImageHeader(buffer.bytes)?.size == source.info.pyramid.rect(of: tile).size, "\(tile)")
                }
            }
        }
    }

    @Test("the sample map has every tile of its levels")
    func sampleMap() throws {
        let path = SharedData.packageRoot.appending(path: "tiles-sample/world").path
        let source = try openSource(path, logger: .silent)
        #expect(source.info.kind == .map)
        #expect(source.info.pyramid.levels == 0...4)
        let buffer = TileBuffer()
        for level in source.info.pyramid.levels {
            for y in 0..<1 << level {
                for x in 0..<1 << level {
                    #expect(try source.readTile(TileCoordinate(level: level, x: x, y: y), into: buffer).format == .png)
                }
            }
        }
    }
}
