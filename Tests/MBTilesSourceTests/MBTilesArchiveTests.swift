// SPDX-License-Identifier: Apache-2.0

#if MBTiles

import CSQLite
import Foundation
import Telemetry
import TestSupport
import Testing
import TileModel

@testable import MBTilesSource
@testable import TileSources

@Suite("MBTiles archives")
struct MBTilesArchiveTests {
    private let logger = Logger(level: .error, format: .json)

    /// Makes a database from SQL and opens it as an archive.
    private func archive(_ folder: TemporaryDirectory, _ sql: String) throws -> MBTilesArchive {
        let path = folder.path("map.mbtiles")
        try Database.make(path, sql)
        return try MBTilesArchive(path: path, logger: logger)
    }

    private static let table = "CREATE TABLE tiles(zoom_level, tile_column, tile_row, tile_data);"
    private static let pixel =
        "x'89504e470d0a1a0a0000000d49484452000001000000010008060000005c72a8660000000049454e44ae426082'"

    @Test("rows count from the bottom, metadata become facts")
    func rows() throws {
        let folder = try TemporaryDirectory()
        let archive = try archive(
            folder,
            Self.table
                + "CREATE TABLE metadata(name, value);"
                + "INSERT INTO metadata VALUES ('name','A map'),('attribution','Us'),('bounds','-10,-20,30,40'),"
                + "('center','1.5,2.5,1'),('format','jpg'),('minzoom',0);"
                + "INSERT INTO tiles VALUES (0,0,0,\(Self.pixel)),(2,1,3,\(Self.pixel));"
        )
        #expect(archive.info.title == "A map")
        #expect(archive.info.attribution == "Us")
        #expect(archive.info.bounds == GeographicBounds(west: -10, south: -20, east: 30, north: 40))
        #expect(archive.info.center == MapCenter(longitude: 1.5, latitude: 2.5, level: 1))
        #expect(archive.info.format == .png, "what the bytes are, not what the metadata say")
        #expect(archive.info.pyramid.levels == 0...2)
        let buffer = TileBuffer()
        #expect(try archive.readTile(TileCoordinate(level: 2, x: 1, y: 0), into: buffer).format == .png)
        #expect(buffer.count == 45)
        #expect(throws: SourceError.missing(TileCoordinate(level: 2, x: 1, y: 3))) {
            try archive.readTile(TileCoordinate(level: 2, x: 1, y: 3), into: buffer)
        }
        #expect(buffer.count == 0)
    }

    @Test("a tile that is there is never denied, also where its place is written as something like a whole number")
    func presence() throws {
        let folder = try TemporaryDirectory()
        let buffer = TileBuffer()
        let odd = try archive(
            folder,
            Self.table + "INSERT INTO tiles VALUES (0,0,0,\(Self.pixel)),(2,1.0,3,\(Self.pixel));"
        )
        let other = try TemporaryDirectory()
        let plain = try archive(
            other,
            Self.table + "INSERT INTO tiles VALUES (0,0,0,\(Self.pixel)),(3,1,3,\(Self.pixel));"
        )
        // One after the other: then the first one was listed, too.
        #expect(eventually { plain.presence.isKnown })
        #expect(!odd.presence.isKnown)
        #expect(try odd.readTile(TileCoordinate(level: 2, x: 1, y: 0), into: buffer).format == .png)
        #expect(try plain.readTile(TileCoordinate(level: 3, x: 1, y: 4), into: buffer).format == .png)
        var denied = 0
        for x in 0..<8 {
            for y in 0..<8 where x != 1 || y != 4 {
                let hole = TileCoordinate(level: 3, x: x, y: y)
                #expect(throws: SourceError.missing(hole)) { try plain.readTile(hole, into: buffer) }
                if !plain.presence.mayHold(hole) { denied += 1 }
            }
        }
        #expect(denied >= 60)
    }

    @Test("a view is as good as a table")
    func view() throws {
        let folder = try TemporaryDirectory()
        let archive = try archive(
            folder,
            "CREATE TABLE map(zoom_level, tile_column, tile_row, tile_id); CREATE TABLE images(tile_id, tile_data);"
                + "INSERT INTO map VALUES (0,0,0,'a'); INSERT INTO images VALUES ('a', \(Self.pixel));"
                + "CREATE VIEW tiles AS SELECT zoom_level, tile_column, tile_row, tile_data FROM map JOIN images"
                + " ON map.tile_id = images.tile_id;"
        )
        let buffer = TileBuffer()
        _ = try archive.readTile(TileCoordinate(level: 0, x: 0, y: 0), into: buffer)
        #expect(buffer.count == 45)
    }

    @Test("a view may compute what it shows, as long as each step is quick")
    func computedView() throws {
        let folder = try TemporaryDirectory()
        let archive = try archive(
            folder,
            "CREATE TABLE xyz(z, x, y, data); INSERT INTO xyz VALUES (0,0,0,\(Self.pixel)),(2,3,1,\(Self.pixel));"
                + "CREATE VIEW tiles AS SELECT z AS zoom_level, x AS tile_column, (1 << z) - 1 - y AS tile_row,"
                + " coalesce(data, x'') AS tile_data FROM xyz WHERE length(data) > 0 AND y < power(2, z);"
        )
        let buffer = TileBuffer()
        _ = try archive.readTile(TileCoordinate(level: 2, x: 3, y: 1), into: buffer)
        #expect(buffer.count == 45)
    }

    @Test("metadata are read as far as they are of a sane size together")
    func metadata() throws {
        let folder = try TemporaryDirectory()
        let word = String(repeating: "x", count: 1 << 20)
        let large = (0..<5).map { "('\($0)','\(word)')" }.joined(separator: ",")
        let archive = try archive(
            folder,
            Self.table + "INSERT INTO tiles VALUES (0,0,0,\(Self.pixel)); CREATE TABLE metadata(name, value);"
                + "INSERT INTO metadata VALUES ('name','A map'),\(large),('attribution','Us');"
        )
        #expect(archive.info.title == "A map")
        #expect(archive.info.attribution == nil, "it stands behind more than four mebibytes")
    }

    @Test("a query ends after its processor time, also where it is one of few steps that each take long")
    func slowSteps() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path("map.mbtiles")
        try Database.make(
            path,
            "CREATE TABLE large(t); INSERT INTO large VALUES (hex(zeroblob(8000000)));"
                + "CREATE TABLE numbers(n); INSERT INTO numbers VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);"
        )
        let connection = try SQLiteConnection(path: path)
        // A hundred thousand copies of sixteen megabytes.
        let sql =
            "SELECT count(*) FROM large, numbers a, numbers b, numbers c, numbers d, numbers e"
            + " WHERE substr(t, 2 + a.n + b.n + c.n + d.n + e.n) > '1'"
        let error = #expect(throws: SourceError.self) {
            try connection.rows(sql, within: .milliseconds(100)) { _ in true }
        }
        #expect(error?.description.contains("more than 0.1 seconds of processor time") == true, "\(error)")
        var count = 0
        try connection.rows("SELECT n FROM numbers") { _ in
            count += 1
            return true
        }
        #expect(count == 10, "the connection is as good as before")
    }

    /// What a database is made of, and what is said of it.
    private static let hostileDatabases: [(sql: String, reason: String)] = [
        ("", "no such table: tiles"),
        ("CREATE TABLE other(a);", "no such table: tiles"),
        ("CREATE TABLE tiles(a, b);", "no such column"),
        (table, "empty"),
        (table + "INSERT INTO tiles VALUES (-1,0,0,x'00');", "levels -1"),
        (table + "INSERT INTO tiles VALUES (0,0,0,\(pixel)),(40,0,0,\(pixel));", "levels 0 to 40"),
        (table + "INSERT INTO tiles VALUES (0,0,0,NULL);", "no bytes"),
        (table + "INSERT INTO tiles VALUES (0,0,0,x'0102030405');", "no image"),
        (table + "INSERT INTO tiles VALUES ('a','b','c','d');", "empty"),
        (
            "CREATE VIEW tiles AS SELECT 0 AS zoom_level, 0 AS tile_column, 0 AS tile_row, \(pixel) AS tile_data"
                + " WHERE length(replace(hex(zeroblob(15000000)),'0','a')) > 0;",
            "not authorized to use function: replace"
        ),
        (
            table + "INSERT INTO tiles VALUES (0,0,0,\(pixel)); ALTER TABLE tiles RENAME TO stored;"
                + "CREATE VIEW tiles AS SELECT * FROM stored WHERE 'aab' LIKE '%a%b';",
            "not authorized to use function: LIKE"
        ),
        (
            "CREATE VIEW tiles AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r)"
                + " SELECT i AS zoom_level, 0 AS tile_column, 0 AS tile_row, x'00' AS tile_data FROM r;",
            "processor time"
        ),
        (
            "CREATE VIEW tiles AS SELECT load_extension('/tmp/x') AS zoom_level, 0 AS tile_column, 0 AS tile_row,"
                + " x'00' AS tile_data;", "SQLite says"
        ),
    ]

    @Test("hostile databases are refused with a reason, and end", arguments: hostileDatabases)
    func hostile(sql: String, reason: String) throws {
        let folder = try TemporaryDirectory()
        do {
            _ = try archive(folder, sql)
            Issue.record("it was opened")
        } catch let error as SourceError {
            #expect(error.description.contains(reason), "\(error)")
        }
    }

    @Test("files that are no database, cut ones, and every flipped byte of a header do no harm")
    func damage() throws {
        let folder = try TemporaryDirectory()
        _ = try archive(folder, Self.table + "INSERT INTO tiles VALUES (0,0,0,\(Self.pixel));")
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path("map.mbtiles"))))
        var samples = [Array("no database at all".utf8), Array(whole[..<100]), Array(whole[..<(whole.count / 2)])]
        for index in 0..<100 {
            var damaged = whole
            damaged[index] ^= 0xFF
            samples.append(damaged)
        }
        for (index, bytes) in samples.enumerated() {
            let path = try folder.write("\(index).mbtiles", bytes)
            // Some bytes mean nothing: then the tile is there.
            guard let archive = try? MBTilesArchive(path: path, logger: logger) else { continue }
            let buffer = TileBuffer()
            _ = try? archive.readTile(TileCoordinate(level: 0, x: 0, y: 0), into: buffer)
        }
    }

    @Test("a blob that is no image is an error, an empty one a hole")
    func blobs() throws {
        let folder = try TemporaryDirectory()
        let archive = try archive(
            folder,
            Self.table
                + "INSERT INTO tiles VALUES (0,0,0,\(Self.pixel)),(1,0,1,x'00112233'),(1,1,1,x''),(1,0,0,'text');"
        )
        let buffer = TileBuffer()
        #expect(throws: SourceError.self) { try archive.readTile(TileCoordinate(level: 1, x: 0, y: 0), into: buffer) }
        let hole = TileCoordinate(level: 1, x: 1, y: 0)
        #expect(throws: SourceError.missing(hole)) { try archive.readTile(hole, into: buffer) }
        #expect(throws: SourceError.self) { try archive.readTile(TileCoordinate(level: 1, x: 0, y: 1), into: buffer) }
    }

    @Test("many threads read at once, each by a connection of its own")
    func threads() async throws {
        let folder = try TemporaryDirectory()
        let archive = try archive(folder, Self.table + "INSERT INTO tiles VALUES (0,0,0,\(Self.pixel));")
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let buffer = TileBuffer()
                    var read = 0
                    for _ in 0..<200 {
                        if (try? archive.readTile(TileCoordinate(level: 0, x: 0, y: 0), into: buffer)) != nil {
                            read += 1
                        }
                    }
                    return read
                }
            }
            for await read in group { #expect(read == 200) }
        }
    }

    @Test("what is written after opening is not read: the archive says that it changed")
    func changed() throws {
        let folder = try TemporaryDirectory()
        let archive = try archive(folder, Self.table + "INSERT INTO tiles VALUES (0,0,0,\(Self.pixel));")
        try Database.make(folder.path("map.mbtiles"), "UPDATE tiles SET tile_data = x'00';")
        let buffer = TileBuffer()
        #expect(throws: SourceError.changed(path: folder.path("map.mbtiles"))) {
            try archive.readTile(TileCoordinate(level: 0, x: 0, y: 0), into: buffer)
        }
        #expect(buffer.count == 0)
    }
}

/// Writes databases for tests.
enum Database {
    struct Failure: Error { let status: Int32 }

    static func make(_ path: String, _ sql: String) throws {
        var database: OpaquePointer?
        defer { unsafe sqlite3_close(database) }
        var status = unsafe sqlite3_open(path, &database)
        if status == SQLITE_OK { status = unsafe sqlite3_exec(database, sql, nil, nil, nil) }
        guard status == SQLITE_OK else { throw Failure(status: status) }
    }
}

#endif
