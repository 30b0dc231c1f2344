// SPDX-License-Identifier: Apache-2.0

import Testing
import TileModel

@testable import Prewarm

let slideEntry = """
    {"id":"liver","title":"Liver","kind":"slide","width":1000,"height":700,"tileSize":256,"overlap":0,"minLevel":0,\
    "maxLevel":10,"format":"jpg","version":"00ff","familyTop":8,"tiles":"/tiles/liver/{level}/{x}_{y}.jpg?v=00ff"}
    """
let mapEntry = """
    {"id":"world","title":null,"kind":"map","width":1024,"height":1024,"tileSize":256,"overlap":0,"minLevel":1,\
    "maxLevel":2,"format":"png","version":"1","familyTop":null,"tiles":"/tiles/world/{level}/{x}/{y}.png?v=1"}
    """

private func read(_ entries: String...) throws(PrewarmError) -> [WarmTileset] {
    try WarmCatalog.read(Array("{\"tilesets\":[\(entries.joined(separator: ","))]}".utf8), url: "http://h/catalog.json")
}

@Suite("the catalog of a server")
struct WarmCatalogTests {
    @Test("slides and maps are read, and members that nobody knows are left alone")
    func reading() throws {
        let tilesets = try read(slideEntry, mapEntry)
        #expect(tilesets.map(\.id) == ["liver", "world"] && tilesets.map(\.familyLevel) == [8, nil])
        #expect(tilesets[0].pyramid.maxLevel == 10 && tilesets[1].pyramid.levels == 1...2)
        let tile = TileCoordinate(level: 9, x: 12, y: 3)
        #expect(tilesets[0].template.path(of: tile) == "/tiles/liver/9/12_3.jpg?v=00ff")
        #expect(tilesets[1].template.path(of: tile) == "/tiles/world/9/12/3.png?v=1")
        #expect(try read().isEmpty)
    }

    @Test(
        "an entry that contradicts itself is refused by name",
        arguments: [
            ("\"maxLevel\":10", "\"maxLevel\":9"), ("\"maxLevel\":10", "\"maxLevel\":-1"),
            ("\"width\":1000", "\"width\":0"),
            ("\"width\":1000", "\"width\":9223372036854775807"), ("\"tileSize\":256", "\"tileSize\":\"256\""),
            ("\"tileSize\":256", "\"tileSize\":1e9"), ("\"familyTop\":8", "\"familyTop\":9"),
            ("\"familyTop\":8", "\"familyTop\":-9223372036854775808"), ("\"familyTop\":8", "\"familyTop\":true"),
            ("\"kind\":\"slide\"", "\"kind\":\"globe\""), ("{level}", "{z}"), ("\"/tiles", "\"tiles"),
            ("_{y}", "_{y}\\r\\nX: 1"), ("_{y}", " {y}"), ("\"minLevel\":0", "\"minLevel\":99"),
        ]
    )
    func contradictions(text: String, replacement: String) throws {
        let changed = replacing(text, with: replacement, in: slideEntry)
        #expect(changed != slideEntry)
        let error = #expect(throws: PrewarmError.self) { try read(mapEntry, changed) }
        #expect(error?.description.contains("tileset \"liver\"") == true, "\(error?.description ?? "")")
    }

    @Test(
        "what is no catalog is refused with the place or the lack",
        arguments: ["", "{}", "[]", "{\"tilesets\":1}", "<html>"]
    )
    func noCatalog(text: String) {
        let error = #expect(throws: PrewarmError.self) {
            try WarmCatalog.read(Array(text.utf8), url: "http://h/catalog.json")
        }
        #expect(error?.description.hasPrefix("http://h/catalog.json is no catalog that can be read: ") == true)
    }

    private func replacing(_ text: String, with replacement: String, in whole: String) -> String {
        guard let range = whole.firstRange(of: text) else { return whole }
        return whole.replacingCharacters(in: range, with: replacement)
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + self[range.upperBound...]
    }
}

@Suite("the URL of a server")
struct WarmEndpointTests {
    @Test(
        "host, port and prefix are told apart",
        arguments: [
            ("http://127.0.0.1:8080", "127.0.0.1", 8080, "", "127.0.0.1:8080"),
            ("http://tiles", "tiles", 80, "", "tiles"),
            ("HTTP://tiles:80/", "tiles", 80, "", "tiles"),
            ("http://[::1]:8080/a/b//", "::1", 8080, "/a/b", "[::1]:8080"),
            ("http://[fe80::1]", "fe80::1", 80, "", "[fe80::1]"),
        ] as [(String, String, Int, String, String)]
    )
    func reading(text: String, host: String, port: Int, prefix: String, authority: String) throws {
        let endpoint = try WarmEndpoint(text)
        #expect(endpoint.host == host && Int(endpoint.port) == port && endpoint.prefix == prefix)
        #expect(endpoint.authority == authority)
    }

    @Test(
        "what cannot be used is refused with what to do",
        arguments: [
            "", "127.0.0.1:8080", "ftp://a", "http://", "http:///x", "http://a:0", "http://a:65536", "http://a:",
            "http://a:b",
            "http://::1", "http://[::1", "http://[a]", "http://u:p@a", "http://a/?x", "http://a/#x", "http://a b",
            "http://a\r\nX:",
            "http://é",
        ]
    )
    func refused(text: String) {
        #expect(throws: PrewarmError.self) { try WarmEndpoint(text) }
    }

    @Test("https is refused with another way")
    func https() {
        let error = #expect(throws: PrewarmError.self) { try WarmEndpoint("https://tiles.example") }
        #expect(error?.description.contains("a proxy that speaks plain HTTP") == true)
    }

    @Test("paths of the server go below the prefix, unless they are there already")
    func prefix() throws {
        let endpoint = try WarmEndpoint("http://a/maps")
        #expect(endpoint.target(of: "/catalog.json") == "/maps/catalog.json")
        #expect(endpoint.target(of: "/maps/tiles/1") == "/maps/tiles/1")
        #expect(endpoint.target(of: "/mapsy") == "/maps/mapsy")
    }
}
