// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TileDescriptions
import TileModel

@Suite("IIIF image requests")
struct IIIFImageRequestTests {
    static let full = GridSize(width: 1000, height: 600)

    static func request(
        _ region: String = "full",
        _ size: String = "max",
        _ rotation: String = "0",
        _ last: String = "default.jpg",
        full: GridSize = full,
        maxArea: Int = 1 << 24
    ) throws(IIIFRequestError) -> IIIFImageRequest {
        try IIIFImageRequest(
            region: region,
            size: size,
            rotation: rotation,
            qualityAndFormat: last,
            full: full,
            maxArea: maxArea
        )
    }

    @Test(
        "a region is the whole, the middle square, pixels or percent, cut at the picture's edge",
        arguments: [
            ("full", PixelRect(x: 0, y: 0, width: 1000, height: 600)),
            ("square", PixelRect(x: 200, y: 0, width: 600, height: 600)),
            ("10,20,30,40", PixelRect(x: 10, y: 20, width: 30, height: 40)),
            ("900,500,200,200", PixelRect(x: 900, y: 500, width: 100, height: 100)),
            ("pct:10,50,25.5,50", PixelRect(x: 100, y: 300, width: 255, height: 300)),
            ("0,0,2147483647,2147483647", PixelRect(x: 0, y: 0, width: 1000, height: 600)),
        ]
    )
    func regions(text: String, expected: PixelRect) throws {
        #expect(try Self.request(text).region == expected)
    }

    @Test(
        "a size keeps the proportions where it names one side, and is never empty",
        arguments: [
            ("max", 1000, 600), ("500,", 500, 300), (",300", 500, 300), ("pct:50", 500, 300), ("!500,500", 500, 300),
            ("!500,200", 333, 200), ("100,100", 100, 100), ("1,", 1, 1), ("pct:0.01", 1, 1), ("1000,600", 1000, 600),
        ]
    )
    func sizes(text: String, width: Int, height: Int) throws {
        #expect(try Self.request("full", text).size == GridSize(width: width, height: height))
    }

    @Test("max is reduced to what one answer may have, whatever the shape")
    func largest() throws {
        for full in [
            GridSize(width: 100_000, height: 80_000), GridSize(width: 1 << 30, height: 1),
            GridSize(width: 3, height: 1 << 30),
        ] {
            let size = try Self.request("full", "max", full: full, maxArea: 1 << 20).size
            #expect(size.area <= 1 << 20 && size.width > 0 && size.height > 0, "\(full): \(size)")
            #expect(size.area > 1 << 18, "\(full): \(size) is smaller than need be")
        }
    }

    @Test("turning and mirroring are told apart")
    func rotations() throws {
        #expect(try Self.request("full", "max", "90").quarterTurns == 1)
        #expect(try Self.request("full", "max", "270.0").quarterTurns == 3)
        #expect(try Self.request("full", "max", "360").quarterTurns == 0)
        let mirrored = try Self.request("full", "max", "!180")
        #expect(mirrored.isMirrored && mirrored.quarterTurns == 2)
    }

    @Test("the last segment names colours and format")
    func lastSegment() throws {
        let png = try Self.request("full", "max", "0", "bitonal.png")
        #expect(png.quality == .bitonal && png.format == .png)
        #expect(try Self.request("full", "max", "0", "default.jpg").quality == .color)
    }

    @Test(
        "what is malformed, outside the picture, or not offered is refused with the segment that is at fault",
        arguments: [
            ("1,2,3", "max", "0", "default.jpg", "region"), ("-1,0,5,5", "max", "0", "default.jpg", "region"),
            ("0,0,0,5", "max", "0", "default.jpg", "region"), ("1000,0,5,5", "max", "0", "default.jpg", "region"),
            ("pct:0,0,100", "max", "0", "default.jpg", "region"),
            ("pct:1e3,0,1,1", "max", "0", "default.jpg", "region"),
            ("pct:99999,0,1,1", "max", "0", "default.jpg", "region"), ("whole", "max", "0", "default.jpg", "region"),
            ("99999999999,0,1,1", "max", "0", "default.jpg", "region"), ("", "max", "0", "default.jpg", "region"),
            ("full", "0,0", "0", "default.jpg", "size"), ("full", ",", "0", "default.jpg", "size"),
            ("full", "full", "0", "default.jpg", "size"), ("full", "^max", "0", "default.jpg", "size"),
            ("full", "1001,", "0", "default.jpg", "size"), ("full", "pct:101", "0", "default.jpg", "size"),
            ("full", "!2000,2000", "0", "default.jpg", "size"), ("full", "1,2,3", "0", "default.jpg", "size"),
            ("full", "pct:0", "0", "default.jpg", "size"), ("full", "4294967297,1", "0", "default.jpg", "size"),
            ("full", "max", "45", "default.jpg", "rotation"), ("full", "max", "-90", "default.jpg", "rotation"),
            ("full", "max", "361", "default.jpg", "rotation"), ("full", "max", "nan", "default.jpg", "rotation"),
            ("full", "max", "!", "default.jpg", "rotation"), ("full", "max", "0", "sepia.jpg", "quality"),
            ("full", "max", "0", "default.gif", "format"), ("full", "max", "0", "default", "quality"),
        ]
    )
    func refusals(region: String, size: String, rotation: String, last: String, place: String) {
        let error = #expect(throws: IIIFRequestError.self) { try Self.request(region, size, rotation, last) }
        #expect(error?.place.rawValue == place)
    }

    @Test("more pixels than one answer may have are refused, naming the bound")
    func tooMany() {
        let error = #expect(throws: IIIFRequestError.self) { try Self.request("full", "900,500", maxArea: 1000) }
        #expect(error?.description == "the size \"900,500\" is more than the 1000 pixels of maxArea")
    }

    @Test("no text, however odd, ends the process")
    func anything() {
        let seed = Seed.ofThisRun
        var random = seed.generator()
        let alphabet = Array("0123456789,:.!^pctmaxfulsqre-+e%")
        for _ in 0..<20_000 {
            func text() -> String {
                String(
                    (0..<Int.random(in: 0...14, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
                )
            }
            for (region, size, rotation) in [(text(), "max", "0"), ("full", text(), "0"), ("full", "max", text())] {
                guard let request = try? Self.request(region, size, rotation) else { continue }
                #expect(request.size.area > 0 && request.size.width <= request.region.width, "\(seed)")
            }
        }
    }
}
