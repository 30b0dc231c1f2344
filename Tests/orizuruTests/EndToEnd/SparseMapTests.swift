// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Suite("A server of a sparse map")
struct SparseMapTests {
    @Test(
        "a tile that cannot be there costs no file access, one that is there is never denied, nor one that comes later"
    )
    func holes() throws {
        let directory = try TemporaryDirectory()
        let tile = [UInt8](try Data(contentsOf: URL(fileURLWithPath: sampleFolder + "/world/2/1/1.png")))
        // A hole wherever column and row are both odd.
        for x in 0..<16 {
            for y in 0..<16 where x & y & 1 == 0 { try directory.write("m/4/\(x)/\(y).png", tile) }
        }
        let server = try RunningServer([directory.path("m")])
        let holes = (0..<256).filter { $0 >> 4 & $0 & 1 == 1 }.map { "/tiles/m/4/\($0 >> 4)/\($0 & 15).png" }
        // The folder is listed in the background; until then every hole is looked for.
        let isSo = try eventually {
            #expect(try server.get(holes[0]).status == 404)
            return try server.metric("orizuru_bloom_checks_total{result=\"absent\"}") > 0
        }
        #expect(isSo)
        let opened = try server.metric("orizuru_source_opens_total")
        #expect(opened > 0)
        let denied = try server.metric("orizuru_bloom_checks_total{result=\"absent\"}")
        for hole in holes { #expect(try server.get(hole).status == 404) }
        // A filter may take some holes for tiles: one in a thousand.
        let looked = try server.metric("orizuru_source_opens_total") - opened
        #expect(looked <= 3, "\(looked) of \(holes.count) holes were looked for")
        #expect(
            try server.metric("orizuru_bloom_checks_total{result=\"absent\"}") - denied == Double(holes.count) - looked
        )
        for x in 0..<16 {
            for y in 0..<16 where x & y & 1 == 0 { #expect(try server.get("/tiles/m/4/\(x)/\(y).png").body == tile) }
        }
        try directory.write("m/4/5/7.png", tile)
        #expect(try server.get("/tiles/m/4/5/7.png").body == tile)
    }
}
