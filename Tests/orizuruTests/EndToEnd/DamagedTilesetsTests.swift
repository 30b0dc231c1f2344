// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageCodecs
import TestSupport
import Testing
import TileModel

@Suite("Damaged tilesets", .serialized)
struct DamagedTilesetsTests {
    @Test("one broken tileset does not keep the others from being served, and the log names its fault")
    func brokenDescription() throws {
        let folder = try TemporaryDirectory()
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "good")
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "bad")
        try folder.write("bad/baseline_pyramid.dzi", "<Image TileSize=\"256\" Overlap=\"0\" Format=\"jpg\">".utf8)
        try folder.write("huge.dzi", Self.description(width: "99999999999999999999", height: "1").utf8)
        try folder.write("zero.dzi", Self.description(width: "0", height: "0").utf8)
        let server = try RunningServer([folder.path])
        #expect(try server.catalog().map(\.id) == ["good"])
        #expect(try server.get("/dzi/good_files/12/0_0.jpg").status == 200)
        #expect(try server.get("/dzi/bad_files/12/0_0.jpg").status == 404)
        let log = server.process.errors
        for fault in ["bad", "Width", "huge", "zero"] { #expect(log.contains(fault), "\(log)") }
    }

    @Test("truncated and bit-flipped packs give an error or a tile of the right size, never a crash")
    func damagedPacks() throws {
        let seed = Seed.ofThisRun
        print("damaged packs: \(seed)")
        var random = seed.generator()
        let folder = try TemporaryDirectory()
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "tissue")
        let packs = try FileManager.default.contentsOfDirectory(atPath: folder.path("tissue/residual_packs")).sorted()
        for (index, pack) in packs.enumerated() {
            let url = URL(fileURLWithPath: folder.path("tissue/residual_packs/\(pack)"))
            var bytes = [UInt8](try Data(contentsOf: url))
            if index % 2 == 0 {
                bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
            } else {
                for _ in 0..<20 {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] ^=
                        1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            try Data(bytes).write(to: url)
        }
        let server = try RunningServer([folder.path])
        let tileset = try #require(try server.catalog().first)
        for tile in try #require(tileset.pyramid).allTiles where tile.level > 10 {
            let answer = try server.get(tileset.url(tile))
            // There is no plain tile to stand in. A flip inside a residual's entropy-coded data may still decode.
            #expect([200, 404, 500].contains(answer.status), "\(tile)")
            if answer.status == 200 {
                let image = try JPEGDecoder().decodeRaster(answer.body)
                let size = try #require(tileset.pyramid).rect(of: tile).size
                #expect(GridSize(width: image.width, height: image.height) == size, "\(tile)")
            } else {
                #expect(answer.body.count < 200)
            }
        }
        #expect(try server.get("/healthz").status == 200)
        #expect(server.process.errors.contains("tissue"))
    }

    @Test("a stand-in for a damaged tile has a tag of its own: it is not taken for the true tile, nor kept for ever")
    func standInTag() throws {
        try #require(SharedData.isPresent, SharedData.reason)
        let folder = try TemporaryDirectory()
        try folder.copy(try SharedData.url("slides/he-q90-r32"), to: "slide")
        try FileManager.default.removeItem(atPath: folder.path("slide/residuals.bundle"))
        try FileManager.default.removeItem(atPath: folder.path("slide/residuals_j32"))
        let pack = folder.path("slide/residual_packs/0_0.pack")
        let sound = try Data(contentsOf: URL(fileURLWithPath: pack))
        // In place, as a failing disk would: neither the folder nor the version changes.
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: pack))
        try handle.write(contentsOf: Data([1, 2, 3, 4, 5, 6, 7, 8]))
        let broken = try RunningServer([folder.path])
        let url = try #require(try broken.catalog().first).url(TileCoordinate(level: 11, x: 1, y: 1))
        let standIn = try broken.get(url)
        #expect(standIn.status == 200)
        #expect(standIn["cache-control"]?.contains("immutable") == false)
        try handle.seek(toOffset: 0)
        try handle.write(contentsOf: sound)
        let repaired = try RunningServer([folder.path])
        let tag = try #require(standIn["etag"])
        let after = try repaired.get(url, fields: ["If-None-Match: \(tag)"])
        #expect(after.status == 200 && after["etag"] != tag && after.body != standIn.body)
        #expect(after["cache-control"]?.contains("immutable") == true)
    }

    @Test("a stored tile whose end is missing is 500, and the log says so")
    func truncatedTile() throws {
        let folder = try TemporaryDirectory()
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/world"), to: "world")
        let path = folder.path("world/2/1/1.png")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        try folder.write("world/2/1/1.png", bytes.prefix(bytes.count / 2))
        let server = try RunningServer([folder.path])
        #expect(try server.get("/tiles/world/2/1/1.png").status == 500)
        #expect(try server.get("/tiles/world/2/1/2.png").status == 200)
        #expect(server.process.errors.contains("world/2/1/1.png"))
    }

    @Test("a damaged residual is replaced by the plain tile of its level where there is one")
    func plainStandsIn() throws {
        try #require(SharedData.isPresent, SharedData.reason)
        let folder = try TemporaryDirectory()
        try folder.copy(try SharedData.url("slides/he-q90-r32"), to: "slide")
        try FileManager.default.removeItem(atPath: folder.path("slide/residuals.bundle"))
        try FileManager.default.removeItem(atPath: folder.path("slide/residuals_j32"))
        for pack in try FileManager.default.contentsOfDirectory(atPath: folder.path("slide/residual_packs")) {
            try folder.write("slide/residual_packs/\(pack)", [1, 2, 3])
        }
        let server = try RunningServer([folder.path])
        let answer = try server.get("/dzi/slide_files/11/3_5.jpg")
        #expect(answer.status == 200)
        #expect(answer.body == (try SharedData.bytes("slides/he-q90-r32/baseline_pyramid_files/11/3_5.jpg")))
        #expect(server.process.errors.contains("residual_packs"))
    }

    @Test("a damaged parent makes its family fail with 500 and a short text, not its neighbours")
    func damagedParent() throws {
        let folder = try TemporaryDirectory()
        try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "tissue")
        try folder.write("tissue/baseline_pyramid_files/10/1_0.jpg", [0xFF, 0xD8, 0xFF, 0xE0, 0, 16])
        let server = try RunningServer([folder.path])
        let answer = try server.get("/dzi/tissue_files/12/4_0.jpg")
        #expect(answer.status == 500 && answer.body.count < 200)
        #expect(try server.get("/dzi/tissue_files/12/0_0.jpg").status == 200)
    }

    private static func description(width: String, height: String) -> String {
        """
        <?xml version="1.0"?><Image xmlns="http://schemas.microsoft.com/deepzoom/2008" TileSize="256" Overlap="0"
        Format="jpg"><Size Width="\(width)" Height="\(height)"/></Image>
        """
    }
}
