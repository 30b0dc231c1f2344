// SPDX-License-Identifier: Apache-2.0

package import JSONText
package import TileModel

/// What the documents say of one tileset: the facts a client needs before it asks for tiles.
package struct TilesetSummary: Sendable {
    package var id: String
    package var title: String
    package var kind: TilesetKind
    package var pyramid: Pyramid
    package var format: TileFormat
    package var version: TilesetVersion
    /// The level of the parents of rendered families; nil where every tile is stored.
    package var familyTop: Int?
    package var micronsPerPixel: Double?
    package var attribution: String?
    /// What a map covers.
    package var bounds: GeographicBounds?

    package init(
        id: String,
        title: String,
        kind: TilesetKind,
        pyramid: Pyramid,
        format: TileFormat,
        version: TilesetVersion,
        familyTop: Int? = nil,
        micronsPerPixel: Double? = nil,
        attribution: String? = nil,
        bounds: GeographicBounds? = nil
    ) {
        self.id = id
        self.title = title
        self.kind = kind
        self.pyramid = pyramid
        self.format = format
        self.version = version
        self.familyTop = familyTop
        self.micronsPerPixel = micronsPerPixel
        self.attribution = attribution
        self.bounds = bounds
    }
}

extension TilesetSummary {
    /// The tileset as an object of `/catalog.json`, and as the viewer page embeds it.
    ///
    /// `tiles` is a template relative to the server's root with `{level}`, `{x}` and `{y}` to fill in: the Deep Zoom
    /// form (partial edges, overlap kept) for slides, the XYZ form for maps. Its `v` makes the answers immutable.
    package var json: JSONOutput {
        let ext = format.fileExtensions[0]
        let place = kind == .slide ? "{level}/{x}_{y}" : "{level}/{x}/{y}"
        return .object([
            ("id", .string(id)),
            ("title", .string(title)),
            ("kind", .string(kind.rawValue)),
            ("width", .integer(pyramid.size.width)),
            ("height", .integer(pyramid.size.height)),
            ("tileSize", .integer(pyramid.tileSize)),
            ("overlap", .integer(pyramid.overlap)),
            ("minLevel", .integer(pyramid.minLevel)),
            ("maxLevel", .integer(pyramid.maxLevel)),
            ("familyTop", familyTop.map(JSONOutput.integer) ?? .null),
            ("format", .string(ext)),
            ("version", .string(version.description)),
            ("tileCount", .integer(pyramid.tileCount)),
            ("viewer", .string("/viewer/\(id)")),
            ("dzi", kind == .slide ? .string("/dzi/\(id).dzi") : .null),
            ("tiles", .string("/tiles/\(id)/\(place).\(ext)?v=\(version)")),
            ("micronsPerPixel", JSONOutput(micronsPerPixel)),
            ("attribution", JSONOutput(attribution)),
            ("bounds", Self.json(bounds)),
        ])
    }

    /// West, south, east, north, as in TileJSON.
    private static func json(_ bounds: GeographicBounds?) -> JSONOutput {
        guard let bounds else { return .null }
        return .array([bounds.west, bounds.south, bounds.east, bounds.north].map(JSONOutput.number))
    }
}
