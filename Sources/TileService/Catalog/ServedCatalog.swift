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
        /// How long pictures that are put together from its tiles may be kept.
        let cacheControl: String

        /// `counts`: those of the same tileset in an older catalog, so that they go on.
        init(_ tileset: OpenTileset, _ policy: CachePolicy, counts: RequestCounts?) {
            self.tileset = tileset
            self.counts = counts ?? RequestCounts()
            lines = AnswerLines(policy)
            cacheControl = policy.directives(isVersioned: false)
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

    /// The page `/compare/{left}/{right}`.
    func comparison(_ left: Int, _ right: Int) -> Document {
        Pages.comparison(entries[left].summary, entries[right].summary)
    }

    /// The document `/dzi/{id}.dzi`; nil for maps, which are no Deep Zoom pyramids.
    func deepZoom(_ index: Int) -> Document? {
        let summary = entries[index].summary
        guard summary.kind == .slide else { return nil }
        let text = DeepZoomDocument.text(pyramid: summary.pyramid, format: summary.format)
        return Document(mediaType: "application/xml", body: Array(text.utf8))
    }

    /// The document `/tilejson/{id}.json`; nil for slides, which have no place on the earth.
    func tileJSON(_ index: Int, base: String) -> Document? {
        let summary = entries[index].summary
        guard summary.kind == .map else { return nil }
        let text = TileJSONDocument.json(of: summary, base: base).text
        return Document(mediaType: "application/json", body: Array(text.utf8))
    }

    /// The document `/iiif/{id}/info.json`; nil where there is no image service.
    func iiif(_ index: Int, base: String, asLinkedData: Bool) -> Document? {
        let summary = entries[index].summary
        guard summary.hasImageService else { return nil }
        return Document(
            mediaType: asLinkedData
                ? "application/ld+json;profile=\"\(IIIFDocument.context)\"" : "application/json",
            body: Array(IIIFDocument.json(of: summary, base: base).text.utf8)
        )
    }

    /// The document `/zoomify/{id}/ImageProperties.xml`; nil where Zoomify is not answered.
    func zoomify(_ index: Int) -> Document? {
        let summary = entries[index].summary
        guard summary.hasZoomify else { return nil }
        return Document(mediaType: "application/xml", body: Array(ZoomifyDocument.text(pyramid: summary.pyramid).utf8))
    }

    /// The tile that Zoomify counts so; nil where there is none, or no Zoomify form.
    func zoomifyTile(_ index: Int, tier: Int, column: Int, row: Int) -> TileCoordinate? {
        let summary = entries[index].summary
        guard summary.hasZoomify else { return nil }
        return ZoomifyDocument.tile(tier: tier, column: column, row: row, in: summary.pyramid)
    }

    /// The map that a layer of the map tile service is.
    func layer(_ id: String, format: TileFormat, gridName: String) throws(WMTSRequestError) -> Entry {
        guard let entry = entries.first(where: { $0.tileset.id == id && $0.summary.isMapLayer }) else {
            throw WMTSRequestError(.invalidValue, locator: "LAYER", "names no layer")
        }
        guard WMTSDocument.gridName(tileSize: entry.tileset.pyramid.tileSize) == gridName else {
            throw WMTSRequestError(.invalidValue, locator: "TILEMATRIXSET", "is not the grid of the layer")
        }
        guard entry.tileset.format == format else {
            throw WMTSRequestError(.invalidValue, locator: "FORMAT", "is not the format of the layer")
        }
        return entry
    }

    /// The capabilities of the map tile service.
    func mapTileService(base: String) -> Document {
        let text = WMTSDocument.capabilities(of: entries.map(\.summary), base: base)
        return Document(mediaType: "application/xml", body: Array(text.utf8))
    }

    private static func summary(of tileset: OpenTileset) -> TilesetSummary {
        let info = tileset.source.info
        // The level of the parents of rendered families; nil where every tile is stored.
        let finest = TileCoordinate(level: info.pyramid.maxLevel, x: 0, y: 0)
        var summary = TilesetSummary(
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
        summary.center = info.center
        summary.details = info.details
        summary.vectorLayers = info.vectorLayers
        return summary
    }
}
