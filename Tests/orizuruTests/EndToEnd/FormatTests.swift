// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageCodecs
import TestSupport
import Testing
import TileModel

@Suite("Tiles in the format that is asked for", .serialized)
struct FormatTests {
    /// Level 12 of the sample's slide is rendered, 10 is stored.
    private static let rendered = "/dzi/tissue_files/12/5_3"
    private static let stored = "/dzi/tissue_files/10/0_0"

    @Test("a slide's tiles come as PNG, too, rendered or stored, with tags of their own")
    func slideAsPNG() throws {
        let server = try RunningServer([sampleFolder])
        for path in [Self.rendered, Self.stored] {
            let jpeg = try server.get(path + ".jpg")
            let png = try server.get(path + ".png")
            #expect(jpeg.status == 200 && jpeg["content-type"] == "image/jpeg")
            #expect(png.status == 200 && png["content-type"] == "image/png", "\(path): \(png.text)")
            #expect(jpeg["etag"] != nil && jpeg["etag"] != png["etag"])
            #expect(jpeg["vary"] == nil && png["vary"] == nil)
            let (one, other) = (try JPEGDecoder().decodeRaster(jpeg.body), try PNGCodec.decode(png.body))
            #expect(one.width == other.width && one.height == other.height)
            let difference = zip(one.pixels, other.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
            #expect(difference < 8 * one.pixels.count, "\(path): \(difference)")
            let again = try server.get(path + ".png", fields: ["If-None-Match: \(png["etag"] ?? "")"])
            #expect(again.status == 304)
        }
    }

    @Test("the stored JPEG of a slide is sent as it is, whatever the quality")
    func passedThrough() throws {
        let server = try RunningServer([sampleFolder], ["--quality", "20"])
        let file = URL(fileURLWithPath: sampleFolder).appending(path: "tissue/baseline_pyramid_files/10/0_0.jpg")
        #expect(try server.get(Self.stored + ".jpg").body == [UInt8](Data(contentsOf: file)))
    }

    @Test("a map's PNG comes as JPEG, too, in the size of a tile")
    func mapAsJPEG() throws {
        let server = try RunningServer([sampleFolder])
        let png = try server.get("/tiles/world/2/1/1.png")
        let jpeg = try server.get("/tiles/world/2/1/1.jpg")
        #expect(png.status == 200 && jpeg.status == 200 && jpeg["content-type"] == "image/jpeg")
        let image = try JPEGDecoder().decodeRaster(jpeg.body)
        #expect(image.width == 256 && image.height == 256)
        #expect(try server.get("/tiles/world/2/1/1.webp").status == 404, "what cannot be made is not there")
    }

    @Test("the edge of a slide is transparent in the PNG of the XYZ form")
    func paddedPNG() throws {
        let server = try RunningServer([sampleFolder])
        // 2900 x 2150 pixels: column 11 is cut off.
        let answer = try server.get("/tiles/tissue/12/11/0.png")
        let image = try PNGCodec.decode(answer.body)
        #expect(image.width == 256 && image.height == 256 && image.channels == 4)
        #expect(image.pixels[3] == 255 && image.pixels[255 * 4 + 3] == 0)
    }

    @Test("without an extension Accept decides, and caches are told")
    func byAccept() throws {
        let server = try RunningServer([sampleFolder])
        let cases: [(accept: String?, type: String)] = [
            (nil, "image/jpeg"), ("*/*", "image/jpeg"), ("image/avif,image/webp,image/*,*/*;q=0.8", "image/jpeg"),
            ("image/png", "image/png"), ("image/jpeg;q=0.5, image/png", "image/png"), ("text/html", "image/jpeg"),
            ("image/png;q=0.5, image/jpeg;q=0.5", "image/jpeg"),
        ]
        // Twice: made, and from memory.
        for _ in 0..<2 {
            for (accept, type) in cases {
                let fields = accept.map { ["Accept: \($0)"] } ?? []
                for path in ["/tiles/tissue/12/5/3", "/tiles/tissue/12/5_3"] {
                    let answer = try server.get(path, fields: fields)
                    #expect(answer.status == 200 && answer["content-type"] == type, "\(accept ?? "none")")
                    #expect(answer["vary"] == "Accept")
                    let extended = try server.get(path + (type == "image/png" ? ".png" : ".jpg"), fields: fields)
                    #expect(
                        extended.body == answer.body && extended["vary"] == nil && extended["etag"] == answer["etag"]
                    )
                    let same = try server.get(path, fields: fields + ["If-None-Match: \(answer["etag"] ?? "")"])
                    #expect(same.status == 304 && same["vary"] == "Accept")
                }
            }
        }
    }

    @Test("single tilesets have a quality of their own, and it is part of the tag")
    func qualityByTileset() throws {
        let standard = try RunningServer([sampleFolder]).get(Self.rendered + ".jpg")
        let low = try RunningServer([sampleFolder], ["--tileset-quality", "tissue: 30"]).get(Self.rendered + ".jpg")
        #expect(low.body.count < standard.body.count && low["etag"] != standard["etag"])
        let other = try RunningServer([sampleFolder], ["--tileset-quality", "world: 30"]).get(Self.rendered + ".jpg")
        #expect(other.body == standard.body && other["etag"] == standard["etag"])
    }
}

@Suite("Looking ahead", .serialized)
struct LookAheadTests {
    /// Shows the parents' level, then zooms in, as viewers do; whether the families around are rendered then.
    private func zoomIn(_ server: RunningServer) throws -> Bool {
        let client = try HTTPClient(port: server.port)
        defer { client.close() }
        func ask(_ level: Int, _ x: Int, _ y: Int) throws {
            try client.request("/dzi/tissue_files/\(level)/\(x)_\(y).jpg")
            #expect(try client.readAnswer().status == 200)
        }
        for y in 0..<3 {
            for x in 0..<3 { try ask(10, x, y) }
        }
        usleep(300_000)
        try ask(11, 2, 2)
        // Idle workers make ready what is expected; how soon is theirs.
        return try eventually { try server.metric("orizuru_family_renders_total") >= 4 }
    }

    @Test("who zooms in finds the neighbouring families made ready, and the metrics tell")
    func makesReady() throws {
        let server = try RunningServer([sampleFolder])
        #expect(try zoomIn(server))
        #expect(try server.metric("orizuru_look_ahead_families_total{result=\"expected\"}") >= 3)
        // The expected tile is the first of its family to be made; all of it soon follows.
        #expect(
            try eventually { try server.get("/dzi/tissue_files/11/0_0.jpg")["cache-status"]?.contains("hit") == true }
        )
        #expect(try server.metric("orizuru_look_ahead_families_total{result=\"used\"}") >= 1)
    }

    @Test("switched off, nothing is rendered that nobody asked for")
    func off() throws {
        let server = try RunningServer([sampleFolder], ["--look-ahead", "off"])
        let client = try HTTPClient(port: server.port)
        for (level, x, y) in [(10, 0, 0), (10, 1, 0), (10, 1, 1), (10, 2, 1), (11, 2, 2)] {
            try client.request("/dzi/tissue_files/\(level)/\(x)_\(y).jpg")
            #expect(try client.readAnswer().status == 200)
            usleep(150_000)
        }
        usleep(1_500_000)
        #expect(try server.metric("orizuru_family_renders_total") == 1)
        #expect(!(try server.get("/metrics").text.contains("orizuru_look_ahead_families_total")))
    }
}
