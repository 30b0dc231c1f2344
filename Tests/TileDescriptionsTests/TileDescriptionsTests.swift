// SPDX-License-Identifier: Apache-2.0

import JSONText
import Testing
import TileDescriptions
import TileModel

@Suite("Documents that describe tilesets")
struct TileDescriptionsTests {
    let pyramid = Pyramid(deepZoom: GridSize(width: 2900, height: 2150), tileSize: 256, overlap: 0)

    @Test("the .dzi document names size, tile size, overlap and format")
    func deepZoom() throws {
        let text = DeepZoomDocument.text(pyramid: try #require(pyramid), format: .jpeg)
        #expect(text.contains(#"TileSize="256" Overlap="0" Format="jpg""#))
        #expect(text.contains(#"<Size Width="2900" Height="2150"/>"#))
        #expect(text.contains(#"xmlns="http://schemas.microsoft.com/deepzoom/2008""#))
    }

    @Test("a slide's tile template is the Deep Zoom form, a map's the XYZ form")
    func templates() throws {
        var summary = TilesetSummary(
            id: "a",
            title: "A",
            kind: .slide,
            pyramid: try #require(pyramid),
            format: .jpeg,
            version: TilesetVersion(hash: 7),
            familyTop: 10
        )
        #expect(summary.json.text.contains(#""tiles":"/tiles/a/{level}/{x}_{y}.jpg?v=0000000000000007""#))
        #expect(summary.json.text.contains(#""familyTop":10"#))
        summary.kind = .map
        summary.format = .png
        #expect(summary.json.text.contains(#""tiles":"/tiles/a/{level}/{x}/{y}.png?v=0000000000000007""#))
        #expect(summary.json.text.contains(#""dzi":null"#))
    }

    @Test("a map's bounds are written west, south, east, north; what is not known is null")
    func bounds() throws {
        var summary = TilesetSummary(
            id: "a",
            title: "A",
            kind: .map,
            pyramid: try #require(Pyramid(mapTileSize: 256, levels: 0...3)),
            format: .png,
            version: TilesetVersion(hash: 7)
        )
        #expect(summary.json.text.contains(#""bounds":null"#))
        summary.bounds = GeographicBounds(west: -10, south: -20.5, east: 30, north: 40)
        #expect(summary.json.text.contains(#""bounds":[-10.0,-20.5,30.0,40.0]"#))
    }

    @Test("markup characters are escaped in text and in attributes")
    func markup() {
        #expect(markupEscaped(#"<a href="x">'&'"#) == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;")
    }
}
