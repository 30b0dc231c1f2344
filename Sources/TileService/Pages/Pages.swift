// SPDX-License-Identifier: Apache-2.0

import JSONText
import TileDescriptions
import TileModel

/// The pages of our own: files beside this one, embedded in the executable, with their markers filled in.
enum Pages {
    /// What the pages may load: nothing that is not ours, no inline script or style.
    static let contentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

    /// The viewer; of vector tiles, which it cannot draw, what others need to draw them.
    static func viewer(_ summary: TilesetSummary) -> Document {
        page(
            summary.format.isRaster ? PackageResources.viewer_html : PackageResources.vector_html,
            [
                "TITLE": markupEscaped(summary.title), "FACTS": markupEscaped(CatalogCard.facts(summary)),
                "TILESET_JSON": summary.json.text,
            ]
        )
    }

    static func comparison(_ left: TilesetSummary, _ right: TilesetSummary) -> Document {
        page(
            PackageResources.compare_html,
            [
                "LEFT_TITLE": markupEscaped(left.title), "RIGHT_TITLE": markupEscaped(right.title),
                "LEFT_VIEWER": markupEscaped(left.viewerPath), "RIGHT_VIEWER": markupEscaped(right.viewerPath),
                "LEFT_JSON": left.json.text, "RIGHT_JSON": right.json.text,
            ]
        )
    }

    static func home(_ summaries: [TilesetSummary]) -> Document {
        page(
            PackageResources.catalog_html,
            [
                "CATALOG_COUNT": summaries.count == 1 ? "1 tileset" : "\(summaries.count) tilesets",
                "CATALOG_LIST": summaries.map(CatalogCard.markup).joined(separator: "\n"),
                "CATALOG_JSON": JSONOutput.array(summaries.map(\.json)).text,
            ]
        )
    }

    /// What the pages load, as `/assets/{name}`.
    static let assets: [(name: String, document: Document)] =
        [
            ("catalog.css", PackageResources.catalog_css), ("compare.css", PackageResources.compare_css),
            ("page.css", PackageResources.page_css), ("viewer.css", PackageResources.viewer_css),
            ("icon.svg", PackageResources.icon_svg),
            ("address.js", PackageResources.address_js), ("attribution.js", PackageResources.attribution_js),
            ("catalog.js", PackageResources.catalog_js), ("compare.js", PackageResources.compare_js),
            ("format.js", PackageResources.format_js),
            ("input.js", PackageResources.input_js), ("mercator.js", PackageResources.mercator_js),
            ("motion.js", PackageResources.motion_js), ("offer.js", PackageResources.offer_js),
            ("overlay.js", PackageResources.overlay_js), ("page.js", PackageResources.page_js),
            ("picture.js", PackageResources.picture_js), ("pyramid.js", PackageResources.pyramid_js),
            ("readout.js", PackageResources.readout_js), ("render.js", PackageResources.render_js),
            ("scene.js", PackageResources.scene_js), ("snippets.js", PackageResources.snippets_js),
            ("tiles.js", PackageResources.tiles_js), ("vector.js", PackageResources.vector_js),
            ("viewer.js", PackageResources.viewer_js),
            ("viewport.js", PackageResources.viewport_js),
        ].map { name, body in (name, Document(mediaType: mediaType(ofAsset: name), body: body)) }

    private static func mediaType(ofAsset name: String) -> String {
        if name.hasSuffix(".css") { return "text/css; charset=utf-8" }
        return name.hasSuffix(".svg") ? "image/svg+xml" : "text/javascript; charset=utf-8"
    }

    private static func page(_ template: [UInt8], _ values: [String: String]) -> Document {
        let text = filled(String(decoding: template, as: UTF8.self), values.merging(parts) { own, _ in own })
        return Document(mediaType: "text/html; charset=utf-8", body: Array(text.utf8))
    }

    /// What several pages have in common, by the names of their markers.
    private static let parts = namedParts(of: String(decoding: PackageResources.parts_html, as: UTF8.self))

    /// The parts of a text, each behind a line `<!-- part: NAME -->`, without the line breaks around them.
    static func namedParts(of text: String) -> [String: String] {
        var parts: [String: String] = [:]
        for section in text.split(separator: "<!-- part: ").dropFirst() {
            guard let end = section.firstRange(of: " -->\n") else { continue }
            let part = section[end.upperBound...]
            parts[String(section[..<end.lowerBound])] = String(part.last == "\n" ? part.dropLast() : part)
        }
        return parts
    }

    /// The template with each marker (`{{NAME}}`) replaced once, in one pass: a value that contains a marker is not filled
    /// again.
    static func filled(_ template: String, _ values: [String: String]) -> String {
        var output = ""
        var rest = template[...]
        while let open = rest.firstRange(of: "{{") {
            output += rest[..<open.lowerBound]
            rest = rest[open.lowerBound...]
            guard let close = rest.firstRange(of: "}}") else { break }
            let marker = rest[..<close.upperBound]
            output += values[String(marker.dropFirst(2).dropLast(2))] ?? String(marker)
            rest = rest[close.upperBound...]
        }
        return output + rest
    }
}
