// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageCodecs
import TestSupport
import Testing
import TileModel

@Suite("Tiles as they are served", .serialized)
struct ServedTilesTests {
    /// The members of a slide's folder that hold residuals, in their three forms.
    enum ResidualForm: String, CaseIterable, CustomTestStringConvertible {
        case packs, bundle, loose
        var testDescription: String { rawValue }
        var kept: [String] {
            switch self {
            case .packs: ["residual_packs"]
            case .bundle: ["residuals.bundle"]
            case .loose: ["residuals_j32"]
            }
        }
    }

    @Test(
        "in exact mode every tile of the slide equals the reference's, byte for byte",
        .enabled(if: SharedData.isPresent, SharedData.reason),
        arguments: ResidualForm.allCases
    )
    func exact(form: ResidualForm) throws {
        let folder = try TemporaryDirectory()
        let names = ["baseline_pyramid.dzi"] + form.kept
        for name in names { try folder.copy(try SharedData.url("slides/he-q90-r32/\(name)"), to: "slide/\(name)") }
        // The plain tiles of the two finest levels would stand in for what is not found: leave them out.
        for level in 0...9 {
            let path = "baseline_pyramid_files/\(level)"
            try folder.copy(try SharedData.url("slides/he-q90-r32/\(path)"), to: "slide/\(path)")
        }
        let server = try RunningServer([folder.path], ["--reconstruction", "exact"])
        for (level, layer, side) in [(10, "L1", 4), (11, "L0", 8)] {
            for y in 0..<side {
                for x in 0..<side {
                    let answer = try server.get("/dzi/slide_files/\(level)/\(x)_\(y).jpg")
                    let expected = try SharedData.bytes("expected/he-q90-r32/\(layer)/\(x)_\(y).jpg")
                    #expect(answer.status == 200 && answer.body == expected, "level \(level), tile \(x), \(y)")
                }
            }
        }
    }

    @Test("the catalog tells what a map covers, as its metadata says, and nothing of the kind of a slide")
    func bounds() throws {
        for tileset in try RunningServer([sampleFolder]).catalog() {
            #expect(tileset.bounds == (tileset.kind == "map" ? [-180, -85.0511, 180, 85.0511] : nil), "\(tileset.id)")
        }
    }

    @Test(
        "on every level every Deep Zoom tile has exactly its size, and the XYZ form is padded to full size",
        arguments: ["sample", "he-odd-size", "dzi"]
    )
    func sizes(data: String) throws {
        let paths: [String]
        switch data {
        case "sample": paths = [sampleFolder]
        default:
            try #require(SharedData.isPresent, SharedData.reason)
            paths = [try SharedData.url(data == "dzi" ? "dzi" : "slides/he-odd-size").path]
        }
        let server = try RunningServer(paths)
        let catalog = try server.catalog()
        #expect(!catalog.isEmpty)
        for tileset in catalog where tileset.kind == "slide" {
            let pyramid = try #require(tileset.pyramid)
            let client = try HTTPClient(port: server.port)
            defer { client.close() }
            for tile in pyramid.allTiles {
                let rect = pyramid.rect(of: tile)
                try client.request("/dzi/\(tileset.id)_files/\(tile.level)/\(tile.x)_\(tile.y).\(tileset.format)")
                try client.request("/tiles/\(tileset.id)/\(tile.level)/\(tile.x)/\(tile.y).\(tileset.format)")
                let partial = try Self.size(of: try client.readAnswer())
                let padded = try Self.size(of: try client.readAnswer())
                #expect(partial == rect.size, "\(tileset.id) \(tile)")
                #expect(padded == GridSize(width: pyramid.tileSize, height: pyramid.tileSize), "\(tileset.id) \(tile)")
            }
        }
    }

    @Test("what lies outside a pyramid is 404, on every route")
    func outside() throws {
        let server = try RunningServer([sampleFolder])
        for tileset in try server.catalog() {
            let pyramid = try #require(tileset.pyramid)
            let grid = pyramid.grid(ofLevel: pyramid.maxLevel)
            for (level, x, y) in [
                (pyramid.maxLevel, grid.width, 0), (pyramid.maxLevel, 0, grid.height), (pyramid.maxLevel + 1, 0, 0),
                (0, 1, 0), (2_000_000_000, 0, 0), (0, 2_000_000_000, 2_000_000_000),
            ] {
                for path in [
                    "/dzi/\(tileset.id)_files/\(level)/\(x)_\(y)", "/tiles/\(tileset.id)/\(level)/\(x)_\(y)",
                    "/tiles/\(tileset.id)/\(level)/\(x)/\(y)",
                ] {
                    let answer = try server.get("\(path).\(tileset.format)")
                    #expect(answer.status == 404 && answer.body.count < 200, "\(path)")
                }
            }
        }
    }

    private static func size(of answer: HTTPAnswer) throws -> GridSize {
        #expect(answer.status == 200)
        let image: RasterImage
        if answer["content-type"] == "image/png" {
            image = try PNGCodec.decode(answer.body)
        } else {
            image = try JPEGDecoder().decodeRaster(answer.body)
        }
        return GridSize(width: image.width, height: image.height)
    }
}
