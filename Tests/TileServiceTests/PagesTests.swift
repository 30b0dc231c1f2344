// SPDX-License-Identifier: Apache-2.0

import Testing
import TileDescriptions
import TileModel

@testable import TileService

@Suite("Filling templates")
struct PagesTests {
    @Test("every marker is replaced, also where it stands twice, at the start or at the end")
    func filled() {
        #expect(
            Pages.filled("{{A}}, {{B}} and {{A}}", ["A": "one", "B": "two"]) == "one, two and one"
        )
        #expect(Pages.filled("no marker", ["A": "one"]) == "no marker")
        #expect(Pages.filled("{{A}}{{B}}", ["A": "", "B": ""]).isEmpty)
    }

    @Test("a value that looks like a marker is not filled again")
    func onePass() {
        let values = ["A": "{{B}}", "B": "{{A}}", "C": "{{", "D": "D}}"]
        #expect(Pages.filled("{{A}} {{B}}", values) == "{{B}} {{A}}")
        #expect(Pages.filled("{{C}}{{D}}", values) == "{{D}}", "nor one that two values make together")
    }

    @Test("what is no marker stays as it is")
    func unknown() {
        #expect(Pages.filled("{{X}} {{A}}", ["A": "one"]) == "{{X}} one")
        #expect(Pages.filled("{{A}} {{A", ["A": "one"]) == "one {{A")
        #expect(Pages.filled("{A} }} {{", ["A": "one"]) == "{A} }} {{")
    }
}

@Suite("The pages")
struct CatalogPageTests {
    private func summary(_ kind: TilesetKind, title: String = "A", micronsPerPixel: Double? = nil) throws
        -> TilesetSummary
    {
        let slide = Pyramid(deepZoom: GridSize(width: 98304, height: 2150), tileSize: 256, overlap: 0)
        let map = Pyramid(mapTileSize: 512, levels: 2...7)
        return TilesetSummary(
            id: "a",
            title: title,
            kind: kind,
            pyramid: try #require(kind == .slide ? slide : map),
            format: .jpeg,
            version: TilesetVersion(hash: 7),
            micronsPerPixel: micronsPerPixel
        )
    }

    /// The facts with plain spaces.
    private func facts(_ summary: TilesetSummary) -> String {
        CatalogCard.facts(summary).replacing("\u{A0}", with: " ")
    }

    @Test("a card tells a slide's size in pixels and, where it is known, on the glass; of a map its zooms")
    func cardFacts() throws {
        #expect(try facts(summary(.slide)) == "slide · 98304 × 2150 px · jpg")
        #expect(
            try facts(summary(.slide, micronsPerPixel: 0.2525))
                == "slide · 98304 × 2150 px · 0.2525 µm/px · 24.82 × 0.54 mm · jpg"
        )
        #expect(try facts(summary(.slide, micronsPerPixel: 0)) == "slide · 98304 × 2150 px · jpg")
        #expect(try facts(summary(.map)) == "map · zoom 2–7 · 512 px tiles · jpg")
    }

    @Test("a map of one level has one zoom")
    func oneLevel() throws {
        var map = try summary(.map)
        map.pyramid = try #require(Pyramid(mapTileSize: 256, levels: 3...3))
        #expect(facts(map) == "map · zoom 3 · 256 px tiles · jpg")
    }

    @Test(
        "numbers are rounded to their places and end without zeros",
        arguments: [
            (0.5, 4, "0.5"), (2, 4, "2"), (0.00004, 4, "0"), (0.00005, 4, "0.0001"), (1.999, 2, "2"),
            (10.05, 1, "10.1"),
            (1e300, 2, "1e+300"), (120, 0, "120"),
        ]
    )
    func decimals(value: Double, places: Int, text: String) {
        #expect(CatalogCard.decimal(value, places: places) == text)
    }

    @Test("a title is text wherever it stands, also one that looks like markup or like a marker")
    func titles() throws {
        let title = #"<b>"it's" {{TITLE}} & </script>"#
        let escaped = "&lt;b&gt;&quot;it&#39;s&quot; {{TITLE}} &amp; &lt;/script&gt;"
        let one = try summary(.slide, title: title)
        for page in [Pages.viewer(one), Pages.home([one]), Pages.comparison(one, one)] {
            let text = String(decoding: page.body, as: UTF8.self)
            #expect(text.contains(escaped))
            #expect(!text.contains("<b>"))
            #expect(text.ranges(of: "</script>").count == text.ranges(of: "<script").count)
        }
    }

    @Test("no marker is left in a page, and no part is missing")
    func noMarkerLeft() throws {
        let one = try summary(.slide)
        var vector = try summary(.map)
        vector.format = .mvt
        let viewers = [Pages.viewer(one), Pages.viewer(vector)]
        for page in viewers + [Pages.home([one, vector]), Pages.home([]), Pages.comparison(one, one)] {
            #expect(!String(decoding: page.body, as: UTF8.self).contains("{{"))
        }
    }

    @Test("what cannot be drawn has a page that says so, and a card without a picture")
    func vectorTiles() throws {
        var map = try summary(.map)
        map.format = .mvt
        #expect(String(decoding: Pages.viewer(map).body, as: UTF8.self).contains("vector tiles"))
        #expect(!String(decoding: Pages.viewer(try summary(.map)).body, as: UTF8.self).contains("vector tiles"))
        #expect(!CatalogCard.markup(map).contains("<img"))
        #expect(try CatalogCard.markup(summary(.map)).contains("<img"))
    }

    @Test("named parts are what stands between their lines")
    func parts() {
        let text = "before\n<!-- part: ONE -->\na\nb\n<!-- part: TWO -->\n\n<!-- part: THREE -->\nc\n"
        #expect(Pages.namedParts(of: text) == ["ONE": "a\nb", "TWO": "", "THREE": "c"])
        #expect(Pages.namedParts(of: "nothing").isEmpty)
    }
}
