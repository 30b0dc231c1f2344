// SPDX-License-Identifier: Apache-2.0

package import FamilyRendering
package import TileModel

/// What is known of a stored tile's file once it was read.
package struct StoredTileFile: Hashable, Sendable {
    /// What the bytes are, by their first ones.
    package let format: TileFormat
    /// A hash of the file's size, modification time and inode: part of the tile's ETag, because the version of a
    /// tileset does not tell when one of its loose tiles changes.
    package let identity: UInt64
    /// When the file changed last, in seconds since 1970; nil where there is no such file.
    package let modified: Int?

    package init(format: TileFormat, identity: UInt64, modified: Int? = nil) {
        self.format = format
        self.identity = identity
        self.modified = modified
    }
}

/// What can produce the tiles of one tileset: an ORIGAMI slide, a Deep Zoom folder, a folder of map tiles, ...
///
/// Thread rule: every method may be called from any number of workers at once; sources hold no mutable state.
/// All methods block on the file system; a reactor never calls them.
package protocol TileSource: AnyObject, Sendable {
    /// What is known of the tileset. Constant for the life of the source.
    var info: TilesetInfo { get }

    /// The family that a tile is rendered with, or nil where the tile is stored as such (a family of one tile, to be
    /// read by `readTile`). The tile must be contained in the pyramid. No I/O.
    func family(for tile: TileCoordinate) -> Family?

    /// Reads a stored tile's bytes, untouched, and says what they are (by their first bytes, not by their name).
    ///
    /// For a member of a family this is the plain tile of its level: what stands in for a residual that cannot be
    /// read. The tile must be contained in the pyramid. Throws `SourceError.missing` where no such file exists.
    func readTile(_ tile: TileCoordinate, into buffer: TileBuffer) throws(SourceError) -> StoredTileFile

    /// Reads all that `family` is made from into `material`, which it begins: the parent, and for each member the
    /// residual or else the plain tile, in the priority of the format.
    ///
    /// A part that is damaged is logged, noted in the material and left out, so that the next in priority stands in; it
    /// never makes a tile wrong. Throws where the parent of residuals cannot be read: then only `readTile` can help. A
    /// member without any file, or with damaged ones only, is no error here.
    func load(_ family: Family, into material: FamilyMaterial) throws(SourceError)

    /// Where the bytes of a stored tile lie in a file, to be sent from there; nil where they have to be read, and where
    /// they are fewer than `minimum`. The tile must be contained in the pyramid.
    func storedRange(of tile: TileCoordinate, atLeast minimum: Int) throws(SourceError) -> StoredTileRange?

    /// Whether all tiles lie in one file that is open: then one of any size is sent from there as soon as it is found.
    var isArchive: Bool { get }

    /// The Hilbert numbers of the tiles that there are on a level of a map, in any order; nil where that is every tile of
    /// the pyramid, as far as the source can tell. Reads whole indexes: for exports, never for a request.
    func tileNumbers(ofLevel level: Int) throws(SourceError) -> [Int]?

    /// Whether tiles lie in files of their own, so that one may change without another version of the tileset.
    var hasLooseTiles: Bool { get }

    /// The files and folders whose change makes this another tileset: what the catalog watches. Paths that a process
    /// could not watch in whole (a folder for each column of a map) may be left out beyond a bound.
    var watchedFiles: [String] { get }
}

extension TileSource {
    package func storedRange(of tile: TileCoordinate, atLeast minimum: Int) throws(SourceError) -> StoredTileRange? {
        nil
    }

    package var isArchive: Bool { false }

    package func tileNumbers(ofLevel level: Int) throws(SourceError) -> [Int]? { nil }

    package var watchedFiles: [String] { [] }

    package var hasLooseTiles: Bool { false }
}
