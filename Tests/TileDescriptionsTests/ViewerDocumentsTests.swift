// SPDX-License-Identifier: Apache-2.0

import JSONText
import Testing
import TileDescriptions
import TileModel

@Suite("Documents of viewers")
struct ViewerDocumentsTests {
    static func map(bounds: GeographicBounds? = nil, tileSize: Int = 256, levels: ClosedRange<Int> = 1...5) throws
        -> TilesetSummary
    {
        TilesetSummary(
            id: "world",
            title: "World & more",
            kind: .map,
            pyramid: try #require(Pyramid(mapTileSize: tileSize, levels: levels)),
            format: .png,
            version: TilesetVersion(hash: 7),
            attribution: "somebody",
            bounds: bounds
        )
    }

    static func slide(_ width: Int, _ height: Int) throws -> TilesetSummary {
        TilesetSummary(
            id: "slide",
            title: "Slide",
            kind: .slide,
            pyramid: try #require(Pyramid(deepZoom: GridSize(width: width, height: height), tileSize: 256, overlap: 0)),
            format: .jpeg,
            version: TilesetVersion(hash: 7)
        )
    }

    @Test("TileJSON names absolute tiles, levels, bounds, and a centre inside both")
    func tileJSON() throws {
        let bounds = GeographicBounds(west: 10, south: -20, east: 30, north: 40)
        let text = TileJSONDocument.json(of: try Self.map(bounds: bounds), base: "https://a.example").text
        #expect(text.contains(#""tiles":["https://a.example/tiles/world/{z}/{x}/{y}.png?v=0000000000000007"]"#))
        #expect(text.contains(#""minzoom":1,"maxzoom":5,"bounds":[10.0,-20.0,30.0,40.0],"center":[20.0,10.0,4]"#))
        #expect(text.contains(#""tileSize":256"#) && text.contains(#""attribution":"somebody""#))
    }

    @Test("the centre's zoom stays within the levels, whatever the bounds", arguments: [1e-9, 1.0, 180.0, 359.0])
    func centre(span: Double) throws {
        let bounds = GeographicBounds(west: -180, south: -1, east: -180 + span, north: 1)
        let text = TileJSONDocument.json(of: try Self.map(bounds: bounds, levels: 2...3), base: "").text
        #expect(text.contains(",2],\"tileSize\"") || text.contains(",3],\"tileSize\""), "\(text)")
    }

    @Test("the capabilities name each map with its grid, escaped, and no slide")
    func capabilities() throws {
        let text = WMTSDocument.capabilities(
            of: [try Self.slide(1000, 1000), try Self.map(), try Self.map(tileSize: 512)],
            base: "https://a.example"
        )
        #expect(text.contains("World &amp; more") && !text.contains("Slide"))
        #expect(text.contains("template=\"https://a.example/wmts/world/{TileMatrix}/{TileRow}/{TileCol}.png\""))
        #expect(text.contains("<ows:Identifier>WebMercatorQuad</ows:Identifier>"))
        #expect(text.contains("<ows:Identifier>WebMercatorQuad-512</ows:Identifier>"))
        #expect(text.contains("<ScaleDenominator>559082264.0287178</ScaleDenominator>"))
        #expect(text.contains("<ScaleDenominator>279541132.0143589</ScaleDenominator>"))
    }

    @Test("IIIF tiles are the pyramid's own, down to the level that is one tile")
    func iiif() throws {
        let text = IIIFDocument.json(of: try Self.slide(2900, 2150), base: "https://a.example").text
        #expect(text.contains(#""id":"https://a.example/iiif/slide","type":"ImageService3""#))
        #expect(text.contains(#""tiles":[{"width":256,"height":256,"scaleFactors":[1,2,4,8,16]}]"#))
        #expect(text.contains(#""sizes":[{"width":182,"height":135},"#))
    }

    @Test("sizes that IIIF offers are never more than one answer may have")
    func iiifSizes() throws {
        let text = IIIFDocument.json(of: try Self.slide(100_000, 80_000), base: "").text
        #expect(!text.contains(#"{"width":100000,"height":80000}"#) && text.contains(#"{"width":3125,"height":2500}"#))
    }

    @Test("Zoomify counts tiers from the level that fits in one tile, and tiles up to the finest")
    func zoomify() throws {
        let pyramid = try Self.slide(2900, 2150).pyramid
        #expect(ZoomifyDocument.text(pyramid: pyramid).contains(#"NUMTILES="152""#))
        #expect(
            ZoomifyDocument.tile(tier: 0, column: 0, row: 0, in: pyramid) == TileCoordinate(level: 8, x: 0, y: 0)
        )
        #expect(
            ZoomifyDocument.tile(tier: 4, column: 11, row: 8, in: pyramid) == TileCoordinate(level: 12, x: 11, y: 8)
        )
        #expect(ZoomifyDocument.tile(tier: 4, column: 12, row: 8, in: pyramid) == nil)
        #expect(ZoomifyDocument.tile(tier: .max, column: 0, row: 0, in: pyramid) == nil)
    }

    @Test("a WMTS query is read without regard to the case of names, decoded, in any order")
    func keyValue() throws {
        let query =
            "tilerow=3&Request=GetTile&service=WMTS&version=1.0.0&LAYER=a%20b&style=&format=image%2Fpng"
            + "&tilematrixset=WebMercatorQuad&TileMatrix=2&tilecol=1&unknown=1"
        let request = try WMTSKeyValueRequest(query: query)
        #expect(
            request
                == .tile(layer: "a b", TileCoordinate(level: 2, x: 1, y: 3), .png, gridName: "WebMercatorQuad")
        )
        #expect(try WMTSKeyValueRequest(query: "SERVICE=WMTS&REQUEST=GetCapabilities") == .capabilities)
    }

    @Test(
        "a faulty WMTS query names the parameter",
        arguments: [
            ("", "SERVICE", "MissingParameterValue"),
            ("SERVICE=WMS&REQUEST=GetMap", "SERVICE", "InvalidParameterValue"),
            ("SERVICE=WMTS", "REQUEST", "MissingParameterValue"),
            ("SERVICE=WMTS&REQUEST=GetTile", "VERSION", "MissingParameterValue"),
            ("SERVICE=WMTS&REQUEST=Get%FF", "REQUEST=Get%FF", "InvalidParameterValue"),
            ("SERVICE=WMTS&REQUEST=Get%2", "REQUEST=Get%2", "InvalidParameterValue"),
            ("SERVICE=WMTS&REQUEST=GetFeatureInfo", "REQUEST", "OperationNotSupported"),
        ]
    )
    func faults(query: String, locator: String, code: String) {
        let error = #expect(throws: WMTSRequestError.self) { try WMTSKeyValueRequest(query: query) }
        #expect(error?.locator == locator && error?.code.rawValue == code)
    }

    @Test("a thumbnail shows what a map's bounds enclose, and never nothing")
    func thumbnails() throws {
        let half = try Self.map(bounds: GeographicBounds(west: -180, south: -85, east: 0, north: 85))
        let region = half.thumbnailRegion
        #expect(region.x == 0 && region.width == 256 * 16 + 1)
        let point = try Self.map(bounds: GeographicBounds(west: 179.999999999, south: -90, east: 180, north: -89.9))
        #expect(point.thumbnailRegion == PixelRect(x: 8191, y: 8191, width: 1, height: 1))
    }

    @Test(
        "what cannot be made of a tileset is not offered",
        arguments: [
            (TileFormat.jpeg, "/thumbnail/slide.jpg", "/thumbnail/world.jpg"),
            (.webp, "/tiles/slide/8/0_0.webp?v=0000000000000007", "/tiles/world/0/0/0.webp?v=0000000000000007"),
            (.mvt, nil, nil),
        ] as [(TileFormat, String?, String?)]
    )
    func offers(format: TileFormat, slidePreview: String?, mapPreview: String?) throws {
        var slide = try Self.slide(2900, 2150)
        var map = try Self.map(levels: 0...3)
        slide.format = format
        map.format = format
        #expect(slide.previewPath == slidePreview && map.previewPath == mapPreview)
        let isDecodable = format == .jpeg
        #expect(slide.hasImageService == isDecodable && slide.hasZoomify == isDecodable)
        #expect((slide.thumbnailPath != nil) == isDecodable)
        #expect(!map.hasImageService && !map.hasZoomify && !slide.isMapLayer)
        #expect(map.isMapLayer == format.isRaster)
        let capabilities = WMTSDocument.capabilities(of: [slide, map], base: "")
        #expect(capabilities.contains("<ows:Identifier>world</ows:Identifier>") == format.isRaster)
        #expect(map.json.text.contains(#""wmts":null"#) == !format.isRaster)
        #expect(slide.json.text.contains(#""iiif":null"#) == !isDecodable)
    }

    @Test("a tileset of which no level is one tile has no preview where it has no thumbnail")
    func noPreview() throws {
        var map = try Self.map(levels: 2...5)
        map.format = .webp
        #expect(map.previewPath == nil)
    }
}
