// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// A picture that is to be put together from a tileset's tiles: a region of an IIIF viewer, a thumbnail.
package struct PictureRequest: Sendable {
    /// What is shown of the colours.
    package enum Colours: Sendable {
        case all
        case gray
        /// Black where the luma is below half, white elsewhere.
        case blackAndWhite
    }

    package let tileset: OpenTileset
    /// What it shows, in pixels of the finest level. Must lie inside the pyramid and not be empty.
    package var region: PixelRect
    /// Its size before it is turned: not larger than the region in either direction.
    package var size: GridSize
    package var isMirrored = false
    /// Quarter turns clockwise, after mirroring: 0...3.
    package var quarterTurns = 0
    package var colours = Colours.all
    /// JPEG or PNG.
    package var format = TileFormat.jpeg
    /// Of a JPEG: 1...100.
    package var quality = 90

    package init(tileset: OpenTileset, region: PixelRect, size: GridSize) {
        self.tileset = tileset
        self.region = region
        self.size = size
    }
}

/// How a request for a picture ended.
package enum PictureOutcome: Sendable {
    /// The picture's bytes.
    case picture([UInt8])
    /// A tile could not be made or decoded; the reason is in the log.
    case failed
    /// Too much is being rendered: try again in a while.
    case overloaded
    /// The pipeline is shutting down.
    case stopped
}

/// Who is told how a request for a picture ended.
package protocol PictureReceiver: AnyObject, Sendable {
    /// Called once for each accepted request that was not withdrawn, on a thread of the pool; must not block.
    func receive(_ outcome: PictureOutcome, for ticket: UInt64)
}
