// SPDX-License-Identifier: Apache-2.0

import JSONText
import TileDescriptions
import TileModel
package import TilePipeline
import TileSources

/// The tilesets being served, and everything that can be made of them once: names, documents, pages. Immutable.
package final class ServedCatalog: Sendable {
    /// One tileset with what its answers need.
    package final class Entry: Sendable {
        package let tileset: OpenTileset
        let summary: TilesetSummary
        /// The version as URLs write it.
        let versionText: [UInt8]
        let counts: RequestCounts
        let lines: AnswerLines

        /// `counts`: those of the same tileset in an older catalog, so that they go on.
        init(_ tileset: OpenTileset, _ policy: CachePolicy, counts: RequestCounts?) {
            self.tileset = tileset
            self.counts = counts ?? RequestCounts()
            lines = AnswerLines(policy)
            summary = ServedCatalog.summary(of: tileset)
            versionText = Array(tileset.source.info.version.description.utf8)
        }
    }

    package let entries: [Entry]
    let router: Router
    let catalog: Document
    let home: Document

    /// - Parameters:
    ///   - caching: how long each tileset's tiles may be kept.
    ///   - older: the catalog that this one follows.
    package init(_ tilesets: [OpenTileset], caching: CachePolicies, after older: ServedCatalog? = nil) {
        entries = tilesets.map { tileset in
            let counts = older?.entries.first { $0.tileset.id == tileset.id }?.counts
            return Entry(tileset, caching[tileset.id], counts: counts)
        }
        let summaries = entries.map(\.summary)
        router = Router(
            tilesets: NameTable(tilesets.map(\.id)),
            assets: NameTable(Pages.assets.map(\.name))
        )
        let json = CatalogDocument.json(tilesets: summaries).text
        catalog = Document(mediaType: "application/json", body: Array(json.utf8))
        home = Pages.home(summaries)
    }

    /// The page `/viewer/{id}`.
    func viewer(_ index: Int) -> Document { Pages.viewer(entries[index].summary) }

    /// The document `/dzi/{id}.dzi`; nil for maps, which are no Deep Zoom pyramids.
    func deepZoom(_ index: Int) -> Document? {
        let summary = entries[index].summary
        guard summary.kind == .slide else { return nil }
        let text = DeepZoomDocument.text(pyramid: summary.pyramid, format: summary.format)
        return Document(mediaType: "application/xml", body: Array(text.utf8))
    }

    private static func summary(of tileset: OpenTileset) -> TilesetSummary {
        let info = tileset.source.info
        // The level of the parents of rendered families; nil where every tile is stored.
        let finest = TileCoordinate(level: info.pyramid.maxLevel, x: 0, y: 0)
        return TilesetSummary(
            id: tileset.id,
            title: info.title,
            kind: info.kind,
            pyramid: info.pyramid,
            format: info.format,
            version: info.version,
            familyTop: tileset.source.family(for: finest)?.parent.level,
            micronsPerPixel: info.micronsPerPixel,
            attribution: info.attribution,
            bounds: info.bounds
        )
    }
}
