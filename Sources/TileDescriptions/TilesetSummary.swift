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
    /// Where a viewer of a map begins, where its maker says so.
    package var center: MapCenter?
    /// What it is about.
    package var details: String?
    /// The layers of vector tiles, as far as they are known.
    package var vectorLayers: [VectorLayer] = []

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
    /// The viewer's page, relative to the server's root.
    package var viewerPath: String { "/viewer/\(id)" }

    /// Whether its tiles can be made into other pictures; those of other formats are handed out as they are.
    package var isDecodable: Bool { format == .jpeg || format == .png }

    /// Whether IIIF clients are answered.
    package var hasImageService: Bool { kind == .slide && isDecodable }

    /// Whether Zoomify clients are answered: they ask for JPEG, and know no overlap.
    package var hasZoomify: Bool { hasImageService && pyramid.overlap == 0 }

    /// Whether it is a layer of the map tile service.
    package var isMapLayer: Bool { kind == .map && format.isRaster }

    /// A small picture of it, relative to the server's root.
    package var thumbnailPath: String? { isDecodable ? "/thumbnail/\(id).jpg" : nil }

    /// What shows it as a whole: its thumbnail, or of pictures that cannot be decoded here the tile that shows most.
    package var previewPath: String? {
        if let thumbnailPath { return thumbnailPath }
        guard format.isRaster, let level = pyramid.levels.last(where: { pyramid.grid(ofLevel: $0).area == 1 }) else {
            return nil
        }
        return tileTemplate(level: String(level)).replacing("{x}", with: "0").replacing("{y}", with: "0")
    }

    /// What a thumbnail shows, in pixels of the finest level: a slide as a whole; of a map what its bounds enclose.
    package var thumbnailRegion: PixelRect {
        let size = pyramid.size
        guard kind == .map, let bounds else { return PixelRect(x: 0, y: 0, width: size.width, height: size.height) }
        func place(_ part: Double, of length: Int) -> Int { min(max(Int(part * Double(length)), 0), length - 1) }
        let left = place(WebMercator.x(longitude: bounds.west), of: size.width)
        let right = place(WebMercator.x(longitude: bounds.east), of: size.width)
        let top = place(WebMercator.y(latitude: bounds.north), of: size.height)
        let bottom = place(WebMercator.y(latitude: bounds.south), of: size.height)
        return PixelRect(x: left, y: top, width: right - left + 1, height: bottom - top + 1)
    }

    /// The tileset as an object of `/catalog.json`, and as the viewer page embeds it.
    ///
    /// `tiles` is a template relative to the server's root with `{level}`, `{x}` and `{y}` to fill in: the Deep Zoom
    /// form (partial edges, overlap kept) for slides, the XYZ form for maps. Its `v` makes the answers immutable.
    package var json: JSONOutput {
        let ext = format.fileExtensions[0]
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
            // A pre-warm's request warms so many levels of stored tiles together.
            ("warmLevels", .integer(3)),
            ("familyTop", familyTop.map(JSONOutput.integer) ?? .null),
            ("format", .string(ext)),
            ("version", .string(version.description)),
            ("tileCount", .integer(pyramid.tileCount)),
            ("viewer", .string(viewerPath)),
            ("dzi", kind == .slide ? .string("/dzi/\(id).dzi") : .null),
            ("tiles", .string(tileTemplate(level: "{level}"))),
            ("micronsPerPixel", JSONOutput(micronsPerPixel)),
            ("iiif", hasImageService ? .string("/iiif/\(id)/info.json") : .null),
            ("zoomify", hasZoomify ? .string("/zoomify/\(id)/ImageProperties.xml") : .null),
            ("tilejson", kind == .map ? .string("/tilejson/\(id).json") : .null),
            ("wmts", isMapLayer ? .string("/wmts/1.0.0/WMTSCapabilities.xml") : .null),
            ("thumbnail", JSONOutput(thumbnailPath)),
            ("attribution", JSONOutput(attribution)),
            ("bounds", Self.json(bounds)),
        ])
    }

    /// The URL of a tile, relative to the server's root, with `level`, `{x}` and `{y}` to fill in. Its `v` makes the
    /// answers immutable.
    func tileTemplate(level: String) -> String {
        let place = kind == .slide ? "\(level)/{x}_{y}" : "\(level)/{x}/{y}"
        return "/tiles/\(id)/\(place).\(format.fileExtensions[0])?v=\(version)"
    }

    /// West, south, east, north, as in TileJSON.
    private static func json(_ bounds: GeographicBounds?) -> JSONOutput {
        guard let bounds else { return .null }
        return .array([bounds.west, bounds.south, bounds.east, bounds.north].map(JSONOutput.number))
    }
}
