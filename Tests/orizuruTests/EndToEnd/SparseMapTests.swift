// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Suite("A server of a sparse map", .serialized)
struct SparseMapTests {
    /// A map as a folder, and as archives of each kind that this build reads.
    private static let forms: [String] = {
        #if MBTiles
        [".pmtiles", ".mbtiles", ""]
        #else
        [".pmtiles", ""]
        #endif
    }()

    @Test(
        "a tile that cannot be there costs no file access, one that is there is never denied, nor one that comes later",
        arguments: forms
    )
    func holes(form: String) throws {
        let directory = try TemporaryDirectory()
        let tile = [UInt8](try Data(contentsOf: URL(fileURLWithPath: sampleFolder + "/world/2/1/1.png")))
        // A hole wherever column and row are both odd.
        for x in 0..<16 {
            for y in 0..<16 where x & y & 1 == 0 { try directory.write("m/4/\(x)/\(y).png", tile) }
        }
        var path = directory.path("m")
        if !form.isEmpty {
            path = try directory.makeFolder("out") + "/m" + form
            let export = try ServerProcess("orizuru", ["export", directory.path("m"), path])
            try #require(export.waitForExit() == 0, "\(export.errors)")
        }
        let server = try RunningServer([path])
        let holes = (0..<256).filter { $0 >> 4 & $0 & 1 == 1 }.map { "/tiles/m/4/\($0 >> 4)/\($0 & 15).png" }
        let denials = "orizuru_bloom_checks_total{result=\"absent\"}"
        // What is there is listed in the background; until then every hole is looked for.
        let isListed = try eventually {
            #expect(try server.get(holes[0]).status == 404)
            return try server.metric(denials) > 0
        }
        #expect(isListed)
        func accesses() throws -> Double {
            try server.metric("orizuru_source_opens_total") + server.metric("orizuru_source_reads_total")
        }
        let accessed = try accesses()
        let denied = try server.metric(denials)
        #expect(accessed > 0)
        for hole in holes { #expect(try server.get(hole).status == 404) }
        // A filter may take some holes for tiles: one in a thousand.
        let looked = try accesses() - accessed
        #expect(looked <= 3, "\(looked) accesses for \(holes.count) holes")
        #expect(try server.metric(denials) - denied >= Double(holes.count - 3))
        for x in 0..<16 {
            for y in 0..<16 where x & y & 1 == 0 {
                #expect(try server.get("/tiles/m/4/\(x)/\(y).png").body == tile, "\(x), \(y)")
            }
        }
        // An archive is another one when it changes.
        guard form.isEmpty else { return }
        try directory.write("m/4/5/7.png", tile)
        #expect(try server.get("/tiles/m/4/5/7.png").body == tile)
    }
}
