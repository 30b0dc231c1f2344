// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// What is known of a tileset without reading its tiles.
package struct TilesetInfo: Sendable {
    /// A name for people: as the file or its metadata spells it.
    package let title: String
    package let kind: TilesetKind
    /// A short name of the form on disk for logs and the catalog, such as `origami` or `dzi`.
    package let form: String
    /// The geometry. Of a map, its levels are the `minzoom` and `maxzoom` of TileJSON.
    package let pyramid: Pyramid
    /// What tiles are stored as, and answered as where no format is asked for.
    package let format: TileFormat
    /// The state of the files when they were opened.
    package let version: TilesetVersion
    /// Who is to be named wherever tiles are shown.
    package var attribution: String?
    /// The size of a pixel of the finest level.
    package var micronsPerPixel: Double?
    /// The magnification of the objective that a slide was scanned with.
    package var objectivePower: Double?
    /// Whose scanner or format a slide is of.
    package var vendor: String?
    /// What a map covers.
    package var bounds: GeographicBounds?
    /// Where a viewer of a map begins.
    package var center: MapCenter?
    /// What it is about, in a sentence or two.
    package var details: String?
    /// The layers of vector tiles; empty for pixels, and where nothing is known of them.
    package var vectorLayers: [VectorLayer] = []
    /// Whether tiles are stored compressed by gzip: what a client that refuses gzip is sent is another form then.
    package var isCompressed = false

    /// Only the facts that every tileset has; the optional ones are set afterwards.
    package init(
        title: String,
        kind: TilesetKind,
        form: String,
        pyramid: Pyramid,
        format: TileFormat,
        version: TilesetVersion
    ) {
        self.title = title
        self.kind = kind
        self.form = form
        self.pyramid = pyramid
        self.format = format
        self.version = version
    }
}
