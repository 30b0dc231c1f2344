// SPDX-License-Identifier: Apache-2.0

import Testing
import TileModel

@testable import TileService

@Suite("Routes")
struct RouterTests {
    let router = Router(
        tilesets: NameTable(["slide", "a.b_files", "world", "x-2"]),
        assets: NameTable(["viewer.css", "viewer.js"])
    )

    func route(_ path: String) -> Route { router.route(Array(path.utf8).span) }

    static func tile(_ tileset: Int, _ level: Int, _ x: Int, _ y: Int, _ format: TileFormat, padded: Bool) -> Route {
        .tile(tileset: tileset, TileCoordinate(level: level, x: x, y: y), format, padded: padded)
    }

    @Test("the XYZ form is padded, the Deep Zoom forms are not")
    func tiles() {
        #expect(route("/tiles/slide/11/3/4.jpg") == Self.tile(0, 11, 3, 4, .jpeg, padded: true))
        #expect(route("/tiles/slide/11/3_4.jpg") == Self.tile(0, 11, 3, 4, .jpeg, padded: false))
        #expect(route("/dzi/slide_files/11/3_4.jpeg") == Self.tile(0, 11, 3, 4, .jpeg, padded: false))
        #expect(route("/tiles/world/0/0/0.png") == Self.tile(2, 0, 0, 0, .png, padded: true))
    }

    @Test("below /tiles the extension may be left out, below /dzi it may not")
    func withoutExtension() {
        let place = TileCoordinate(level: 11, x: 3, y: 4)
        #expect(route("/tiles/slide/11/3/4") == .tileByAccept(tileset: 0, place, padded: true))
        #expect(route("/tiles/slide/11/3_4") == .tileByAccept(tileset: 0, place, padded: false))
        for path in ["/dzi/slide_files/11/3_4", "/tiles/slide/11/3/04", "/tiles/slide/11/3/4/", "/tiles/slide/11/3_"] {
            #expect(route(path) == .notFound, "\(path)")
        }
    }

    @Test("documents, pages and probes have their routes")
    func documents() {
        #expect(route("/") == .home)
        #expect(route("/catalog.json") == .catalog)
        #expect(route("/dzi/slide.dzi") == .deepZoom(tileset: 0))
        #expect(route("/viewer/x-2") == .viewer(tileset: 3))
        #expect(route("/compare/slide/x-2") == .comparison(left: 0, right: 3))
        #expect(route("/compare/x%2D2/x-2") == .comparison(left: 3, right: 3))
        #expect(route("/assets/viewer.js") == .asset(1))
        #expect(route("/healthz") == .healthy)
        #expect(route("/readyz") == .ready)
        #expect(route("/metrics") == .metrics)
    }

    @Test("the protocols of other viewers have their routes, and Zoomify's and WMTS's tiles are tiles")
    func viewers() {
        #expect(route("/tilejson/world.json") == .tileJSON(tileset: 2))
        #expect(route("/thumbnail/slide.jpg") == .thumbnail(tileset: 0))
        #expect(route("/iiif/slide") == .iiifBase(tileset: 0))
        #expect(route("/iiif/slide/info.json") == .iiifInfo(tileset: 0))
        #expect(route("/iiif/slide/full/max/0/default.jpg") == .iiifImage(tileset: 0))
        #expect(route("/iiif/slide/pct%3A1,2,3,4/%5Emax/!0/gray.png") == .iiifImage(tileset: 0))
        #expect(route("/zoomify/slide/ImageProperties.xml") == .zoomify(tileset: 0))
        #expect(
            route("/zoomify/slide/TileGroup1/3-2-1.jpg")
                == .zoomifyTile(tileset: 0, tier: 3, column: 2, row: 1, .jpeg)
        )
        #expect(route("/wmts") == .wmtsKeyValue)
        #expect(route("/wmts/1.0.0/WMTSCapabilities.xml") == .wmtsCapabilities)
        #expect(route("/wmts/world/4/3/2.png") == Self.tile(2, 4, 2, 3, .png, padded: true))
    }

    @Test(
        "what only looks like a path of a viewer is none",
        arguments: [
            "/tilejson/world", "/tilejson/world.json/", "/thumbnail/world.png", "/iiif/nothing/info.json", "/iiif",
            "/iiif/slide/full/max/0", "/iiif/slide/full/max/0/default.jpg/x", "/iiif/slide/info.xml",
            "/zoomify/slide/TileGroup/3-2-1.jpg", "/zoomify/slide/TileGroup0/3-2.jpg", "/zoomify/slide",
            "/zoomify/slide/TileGroup0/3-2-1", "/wmts/1.0.0", "/wmts/world/4/3", "/wmts/world/4/3/2.png/1",
        ]
    )
    func notViewers(path: String) {
        #expect(route(path) == .notFound)
    }

    @Test("a name that ends like a folder of tiles is told apart")
    func awkwardName() {
        #expect(route("/dzi/a.b_files.dzi") == .deepZoom(tileset: 1))
        #expect(route("/dzi/a.b_files_files/0/0_0.jpg") == Self.tile(1, 0, 0, 0, .jpeg, padded: false))
        #expect(route("/dzi/a.b_files/0/0_0.jpg") == .notFound)
    }

    @Test(
        "one tile has one URL: signs, leading zeros, spaces and overlong numbers are refused",
        arguments: [
            "/tiles/slide/011/3/4.jpg", "/tiles/slide/11/+3/4.jpg", "/tiles/slide/11/-3/4.jpg",
            "/tiles/slide/11/3/04.jpg",
            "/tiles/slide/11/ 3/4.jpg", "/tiles/slide/11/99999999999/4.jpg", "/tiles/slide/11/2147483648/4.jpg",
            "/tiles/slide/11/3/4.", "/tiles/slide/11/3/.jpg", "/tiles/slide/11//4.jpg", "/tiles/slide/11/3/4.jpg/",
            "/tiles/slide/11/3_.jpg", "/tiles/slide/11/_4.jpg", "/tiles/slide/11/3/4.gif", "/tiles/slide/11/3/4.JPG",
            "/tiles/nothing/11/3/4.jpg", "/tiles//11/3/4.jpg", "/tiles/slide", "/tiles", "/dzi/slide", "/dzi/",
            "/dzi/slide_files/11/3/4.jpg", "", "tiles/slide/11/3/4.jpg", "//", "/viewer/", "/viewer/slide/x",
            "/assets/../viewer.js", "/catalog.json/", "/compare/slide", "/compare/slide/", "/compare/slide/nothing",
            "/compare/nothing/slide", "/compare/slide/world/", "/compare/slide/world/x",
        ]
    )
    func refused(path: String) {
        #expect(route(path) == .notFound)
    }

    @Test("percent-encoded characters are decoded once, after splitting")
    func encoded() {
        #expect(route("/tiles/%73lide/11/3/4.jpg") == Self.tile(0, 11, 3, 4, .jpeg, padded: true))
        #expect(route("/tiles/%2573lide/11/3/4.jpg") == .notFound)
    }

    @Test(
        "an encoded slash, NUL or dot-dot never reaches a route",
        arguments: ["/tiles/slide%2F11/3/4.jpg", "/%00", "/viewer/%2e%2E", "/tiles/slide/11/3/4.jpg%", "/%zz", "/%4"]
    )
    func hostile(path: String) {
        #expect(route(path) == .notFound)
    }

    @Test("every name of a large catalog is found, and no other")
    func largeCatalog() {
        let names = (0..<1000).map { "slide-\($0)" }
        let table = NameTable(names)
        for (index, name) in names.enumerated() {
            let bytes = Array(name.utf8)
            #expect(table.index(of: bytes.span, 0..<bytes.count) == index)
        }
        let other = Array("slide-1000".utf8)
        #expect(table.index(of: other.span, 0..<other.count) == nil)
    }
}
