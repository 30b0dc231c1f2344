// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// What is known of a tileset without reading its tiles.
package struct TilesetInfo: Sendable {
    /// What the levels of a tileset mean.
    package enum Kind: String, Sendable {
        /// A Deep Zoom pyramid: level 0 is one pixel.
        case slide
        /// A Web Mercator tile grid: the level is z.
        case map
    }

    /// A longitude and latitude box in degrees, WGS 84.
    package struct GeographicBounds: Hashable, Sendable {
        package let west: Double
        package let south: Double
        package let east: Double
        package let north: Double

        /// Nil where a number is not finite or out of range, or where the box is empty.
        package init?(west: Double, south: Double, east: Double, north: Double) {
            guard (-180...180).contains(west), (-180...180).contains(east), (-90...90).contains(south),
                (-90...90).contains(north), west < east, south < north
            else { return nil }
            self.west = west
            self.south = south
            self.east = east
            self.north = north
        }
    }

    /// A name for people: as the file or its metadata spells it.
    package let title: String
    package let kind: Kind
    /// A short name of the form on disk for logs and the catalog, such as `origami` or `dzi`.
    package let form: String
    package let pyramid: Pyramid
    /// What tiles are stored as, and answered as where no format is asked for.
    package let format: TileFormat
    /// The extension of stored tiles, as its description spells it: `jpeg` is not `jpg` to a Deep Zoom viewer.
    package let fileExtension: String
    /// The state of the files when they were opened.
    package let version: TilesetVersion
    /// Who is to be named wherever tiles are shown.
    package var attribution: String?
    /// The size of a pixel of the finest level.
    package var micronsPerPixel: Double?
    /// What a map covers.
    package var bounds: GeographicBounds?

    /// Only the facts that every tileset has; the optional ones are set afterwards.
    package init(
        title: String,
        kind: Kind,
        form: String,
        pyramid: Pyramid,
        format: TileFormat,
        fileExtension: String,
        version: TilesetVersion
    ) {
        self.title = title
        self.kind = kind
        self.form = form
        self.pyramid = pyramid
        self.format = format
        self.fileExtension = fileExtension
        self.version = version
    }
}
