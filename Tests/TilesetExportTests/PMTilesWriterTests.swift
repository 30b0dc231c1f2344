// SPDX-License-Identifier: Apache-2.0

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
