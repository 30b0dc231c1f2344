// SPDX-License-Identifier: Apache-2.0

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

    @Test("a title that tries to leave its script element stays inside")
    func titleIsEscaped() {
        let text = JSONOutput.string("</script><b>\"\\\u{2028}\n").text
        #expect(text == #""\u003c/script>\u003cb>\"\\\u2028\u000a""#)
    }

    @Test("numbers that JSON cannot write become null")
    func notANumber() {
        #expect(
            JSONOutput.array([JSONOutput(Double.nan), JSONOutput(Double.infinity), JSONOutput(0.25)]).text
                == "[null,null,0.25]"
        )
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

    @Test("markup characters are escaped in text and in attributes")
    func markup() {
        #expect(markupEscaped(#"<a href="x">'&'"#) == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;")
    }
}
