// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import Foundation
import LockFree
import Telemetry
import TestSupport
import Testing
import TileModel
import TileSources

@testable import TilesetExport

@Suite("Exports")
struct ExportTests {
    /// A map of tiny PNG-like tiles in a folder, of which many are equal.
    private func world(_ folder: TemporaryDirectory, levels: Int) throws -> any TileSource {
        for level in 0...levels {
            for x in 0..<1 << level {
                for y in 0..<1 << level where (x + y) % 5 != 4 {
                    let shade = level < 2 ? UInt8(x) : UInt8(x / 4 % 3)
                    try folder.write("world/\(level)/\(x)/\(y).png", Self.tile(shade))
                }
            }
        }
        return try openSource(folder.path("world"), logger: .silent)
    }

    /// A PNG of one pixel whose text chunk differs.
    private static func tile(_ shade: UInt8) -> [UInt8] {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8)
            + [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 1, 2, 3, 4, shade] + [0, 0, 0, 0] + Array("IEND".utf8)
            + [0xAE, 0x42, 0x60, 0x82]
    }

    private func export(
        _ source: any TileSource,
        to target: String,
        restarts: Bool = false,
        stopsAfter limit: Int = .max,
        writer make: (ExportPlan) throws -> any ExportWriter = { try PMTilesWriter($0) }
    ) throws {
        let run = try ExportRun(source, id: "world", settings: .init(workers: 2), logger: .silent)
        let writer = try make(run.plan(target: target, restarts: restarts))
        try run.run(writer) { $0 < limit }
    }

    /// Every place of the source holds the same in both.
    private func expectEqual(_ a: any TileSource, _ b: any TileSource) throws {
        let (first, second) = (TileBuffer(), TileBuffer())
        for level in a.info.pyramid.levels {
            let grid = a.info.pyramid.grid(ofLevel: level)
            for y in 0..<grid.height {
                for x in 0..<grid.width {
                    let tile = TileCoordinate(level: level, x: x, y: y)
                    let isThere = (try? a.readTile(tile, into: first)) != nil
                    let isThereToo = (try? b.readTile(tile, into: second)) != nil
                    #expect(isThere == isThereToo && first.bytes == second.bytes, "\(tile)")
                }
            }
        }
    }

    @Test("a PMTiles export equals its source, with equal tiles stored once and runs of them as one entry")
    func archive() throws {
        let folder = try TemporaryDirectory()
        let source = try world(folder, levels: 5)
        try export(source, to: folder.path("out.pmtiles"))
        let archive = try openSource(folder.path("out.pmtiles"), logger: .silent)
        try expectEqual(source, archive)
        #expect(archive.info.pyramid.levels == source.info.pyramid.levels)
        let header = try PMTilesArchive(path: folder.path("out.pmtiles")).header
        #expect(header.isClustered)
        #expect(header.contents == 3, "three pictures")
        #expect(header.entries < header.addressedTiles)
        #expect(!FileManager.default.fileExists(atPath: folder.path("out.pmtiles.part")))
        #expect(!FileManager.default.fileExists(atPath: folder.path("out.pmtiles.part-index")))
    }

    @Test("an index that is too large for the root has leaf directories, and every tile is still found")
    func leaves() throws {
        let folder = try TemporaryDirectory()
        for x in 0..<128 {
            for y in 0..<128 {
                // Of random length, so that directories do not compress.
                let text = [UInt8](repeating: 7, count: (x * 7919 + y * 104_729) % 251)
                try folder.write("world/7/\(x)/\(y).png", Self.tile(1) + text + Array("IEND".utf8) + [0, 0, 0, 0])
            }
        }
        let source = try openSource(folder.path("world"), logger: .silent)
        try export(source, to: folder.path("out.pmtiles"))
        let archive = try PMTilesArchive(path: folder.path("out.pmtiles"))
        #expect(archive.header.leaves.count > 0)
        try expectEqual(source, try openSource(folder.path("out.pmtiles"), logger: .silent))
    }

    @Test("an export that ends early goes on where it was, whatever was torn off, and gives the same archive")
    func resuming() throws {
        let folder = try TemporaryDirectory()
        let source = try world(folder, levels: 4)
        try export(source, to: folder.path("whole.pmtiles"))
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.path("whole.pmtiles")))
        for (number, torn) in [0, 1, 23, 24, 100].enumerated() {
            let target = folder.path("\(number).pmtiles")
            #expect(throws: ExportError.interrupted(done: 100)) { try export(source, to: target, stopsAfter: 100) }
            #expect(!FileManager.default.fileExists(atPath: target))
            let index = try FileHandle(forUpdating: URL(fileURLWithPath: target + ".part-index"))
            try index.truncate(atOffset: try index.seekToEnd() - UInt64(torn))
            let run = try ExportRun(source, id: "world", settings: .init(workers: 2), logger: .silent)
            let writer = try PMTilesWriter(run.plan(target: target, restarts: false))
            #expect(writer.position == 100 - (torn + 23) / 24)
            try run.run(writer) { _ in true }
            #expect(try Data(contentsOf: URL(fileURLWithPath: target)) == whole)
        }
    }

    @Test("records of an interrupted export that are whole and cannot be true are cut off, and the archive is the same")
    func damagedRecords() throws {
        let folder = try TemporaryDirectory()
        let source = try world(folder, levels: 4)
        try export(source, to: folder.path("whole.pmtiles"))
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.path("whole.pmtiles")))
        let record = 24
        // What is done to the records of a run that ended at 100 places, and how many of them are believed then.
        let damages: [(String, believed: Int, (inout [UInt8]) -> Void)] = [
            (
                "not in order", 60,
                { records in
                    let one = Array(records[60 * record..<61 * record])
                    records.replaceSubrange(60 * record..<61 * record, with: records[62 * record..<63 * record])
                    records.replaceSubrange(62 * record..<63 * record, with: one)
                }
            ),
            ("beyond the data", 50, { Self.write(&$0, at: 50 * record, number: 50, offset: 1 << 40, count: 1) }),
            ("an overflow", 50, { Self.write(&$0, at: 50 * record, number: 50, offset: .max, count: 9) }),
            ("no tile", 50, { Self.write(&$0, at: 50 * record, number: .max, offset: 0, count: 1) }),
            ("more than all", 100, { $0 += $0[(99 * record)...] }),
        ]
        for (name, believed, damage) in damages {
            let target = folder.path("\(name).pmtiles")
            #expect(throws: ExportError.interrupted(done: 100)) { try export(source, to: target, stopsAfter: 100) }
            let path = target + ".part-index"
            var index = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            let head = try #require(index.firstIndex(of: UInt8(ascii: "\n"))) + 1
            var records = Array(index[head...])
            damage(&records)
            index.replaceSubrange(head..., with: records)
            try Data(index).write(to: URL(fileURLWithPath: path))
            let run = try ExportRun(source, id: "world", settings: .init(workers: 2), logger: .silent)
            let writer = try PMTilesWriter(run.plan(target: target, restarts: false))
            #expect(writer.position == believed, "\(name): \(writer.position)")
            try run.run(writer) { _ in true }
            #expect(try Data(contentsOf: URL(fileURLWithPath: target)) == whole, "\(name)")
        }
    }

    /// Writes a record whose check is right.
    private static func write(_ records: inout [UInt8], at place: Int, number: UInt64, offset: Int, count: Int) {
        let check = TileKey.mix(TileKey.mix(number) ^ TileKey.mix(UInt64(offset)) ^ UInt64(count)) & 0xFFFF_FFFF
        var bytes: [UInt8] = []
        for (word, length) in [(number, 8), (UInt64(offset), 8), (UInt64(count), 4), (check, 4)] {
            bytes += (0..<length).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
        }
        records.replaceSubrange(place..<place + bytes.count, with: bytes)
    }

    @Test("a source that cannot say what it has, and has more than can be put in order, is refused")
    func endless() throws {
        let pyramid = try #require(Pyramid(mapTileSize: 256, levels: 0...30))
        let error = #expect(throws: ExportError.self) {
            try ExportRun(UnlistedMap(pyramid), id: "map", settings: .init(workers: 1), logger: .silent)
        }
        #expect(error?.description.contains("more than 268435456 tiles") == true, "\(error)")
    }

    @Test("what another source left is not gone on with, unless a new beginning is asked for")
    func foreign() throws {
        let folder = try TemporaryDirectory()
        let source = try world(folder, levels: 3)
        let target = folder.path("out.pmtiles")
        #expect(throws: ExportError.self) { try export(source, to: target, stopsAfter: 10) }
        try folder.write("world/0/0/0.png", Self.tile(9))
        try folder.write("world/9/0/0.png", Self.tile(9))
        let other = try openSource(folder.path("world"), logger: .silent)
        #expect(throws: ExportError.self) { try export(other, to: target) }
        try export(other, to: target, restarts: true)
        try expectEqual(source, try openSource(target, logger: .silent))
    }

    @Test("a folder export equals its source, also after an interruption")
    func folders() throws {
        let folder = try TemporaryDirectory()
        let source = try world(folder, levels: 4)
        let target = folder.path("copy")
        #expect(throws: ExportError.interrupted(done: 50)) {
            try export(source, to: target, stopsAfter: 50) { try FolderWriter($0, form: .xyz) }
        }
        #expect(!FileManager.default.fileExists(atPath: target))
        try export(source, to: target) { try FolderWriter($0, form: .xyz) }
        try expectEqual(source, try openSource(target, logger: .silent))
        #expect(!FileManager.default.fileExists(atPath: target + ".part"))
        #expect(!FileManager.default.fileExists(atPath: target + "/.orizuru-export"))
    }

    @Test("a map is no Deep Zoom pyramid")
    func unsuitable() throws {
        let folder = try TemporaryDirectory()
        let source = try world(folder, levels: 1)
        #expect(throws: ExportError.self) {
            try export(source, to: folder.path("x.dzi")) { try FolderWriter($0, form: .deepZoom) }
        }
    }
}

/// A map that does not list its tiles.
private final class UnlistedMap: TileSource {
    let info: TilesetInfo

    init(_ pyramid: Pyramid) {
        info = TilesetInfo(
            title: "Everything",
            kind: .map,
            form: "xyz",
            pyramid: pyramid,
            format: .png,
            version: TilesetVersion(hash: 1)
        )
    }

    func family(for tile: TileCoordinate) -> Family? { nil }

    func readTile(_ tile: TileCoordinate, into buffer: TileBuffer) throws(SourceError) -> StoredTileFile {
        throw .missing(tile)
    }

    func load(_ family: Family, into material: FamilyMaterial) throws(SourceError) {}
}
