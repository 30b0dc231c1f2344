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

    static func viewer(_ summary: TilesetSummary) -> Document {
        page(
            PackageResources.viewer_html,
            ["{{TITLE}}": markupEscaped(summary.title), "{{TILESET_JSON}}": summary.json.text]
        )
    }

    static func home(_ summaries: [TilesetSummary]) -> Document {
        let items = summaries.map { summary in
            let size = summary.pyramid.size
            let facts =
                summary.kind == .slide
                ? "slide, \(size.width) × \(size.height)"
                : "map, zoom \(summary.pyramid.minLevel)–\(summary.pyramid.maxLevel)"
            return "<li><a href=\"/viewer/\(markupEscaped(summary.id))\">\(markupEscaped(summary.title))</a> "
                + "<span class=\"meta\">\(facts)</span></li>"
        }
        return page(
            PackageResources.catalog_html,
            [
                "{{CATALOG_LIST}}": items.joined(separator: "\n"),
                "{{CATALOG_JSON}}": JSONOutput.array(summaries.map(\.json)).text,
            ]
        )
    }

    /// What the pages load, as `/assets/{name}`.
    static let assets: [(name: String, document: Document)] = [
        ("catalog.css", Document(mediaType: "text/css; charset=utf-8", body: PackageResources.catalog_css)),
        ("catalog.js", Document(mediaType: "text/javascript; charset=utf-8", body: PackageResources.catalog_js)),
        ("input.js", Document(mediaType: "text/javascript; charset=utf-8", body: PackageResources.input_js)),
        ("mercator.js", Document(mediaType: "text/javascript; charset=utf-8", body: PackageResources.mercator_js)),
        ("motion.js", Document(mediaType: "text/javascript; charset=utf-8", body: PackageResources.motion_js)),
        ("overlay.js", Document(mediaType: "text/javascript; charset=utf-8", body: PackageResources.overlay_js)),
        ("pyramid.js", Document(mediaType: "text/javascript; charset=utf-8", body: PackageResources.pyramid_js)),
        ("readout.js", Document(mediaType: "text/javascript; charset=utf-8", body: PackageResources.readout_js)),
        ("render.js", Document(mediaType: "text/javascript; charset=utf-8", body: PackageResources.render_js)),
        ("scene.js", Document(mediaType: "text/javascript; charset=utf-8", body: PackageResources.scene_js)),
        ("tiles.js", Document(mediaType: "text/javascript; charset=utf-8", body: PackageResources.tiles_js)),
        ("viewer.css", Document(mediaType: "text/css; charset=utf-8", body: PackageResources.viewer_css)),
        ("viewer.js", Document(mediaType: "text/javascript; charset=utf-8", body: PackageResources.viewer_js)),
        ("viewport.js", Document(mediaType: "text/javascript; charset=utf-8", body: PackageResources.viewport_js)),
    ]

    private static func page(_ template: [UInt8], _ values: [String: String]) -> Document {
        Document(
            mediaType: "text/html; charset=utf-8",
            body: Array(filled(String(decoding: template, as: UTF8.self), values).utf8)
        )
    }

    /// The template with each marker replaced once, in one pass: a value that contains a marker is not filled again.
    static func filled(_ template: String, _ values: [String: String]) -> String {
        var output = ""
        var rest = template[...]
        while let open = rest.firstRange(of: "{{") {
            output += rest[..<open.lowerBound]
            rest = rest[open.lowerBound...]
            guard let close = rest.firstRange(of: "}}") else { break }
            let marker = String(rest[..<close.upperBound])
            output += values[marker] ?? marker
            rest = rest[close.upperBound...]
        }
        return output + rest
    }
}
