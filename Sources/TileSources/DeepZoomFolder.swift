// SPDX-License-Identifier: Apache-2.0

package import FamilyRendering
package import TileModel

/// A plain Deep Zoom pyramid: a .dzi file and the folder of tiles beside it. Tiles keep their overlap; each is a
/// family of its own.
package final class DeepZoomFolder: TileSource {
    package let info: TilesetInfo
    private let tiles: DeepZoomTiles

    /// Opens the pyramid that the .dzi file at `path` describes.
    package init(description path: String) throws(SourceError) {
        let (description, identity) = try DeepZoomTiles.readDescription(path)
        let stem = Folder.split(path).stem
        let folder = "\(stem)_files"
        guard let folderIdentity = FileIdentity(ofPath: folder), folderIdentity.isFolder else {
            throw .malformed(path: path, reason: "the folder of its tiles, \(folder), does not exist")
        }
        var version = StableHash()
        version.combine("dzi")
        identity.combine(into: &version)
        folderIdentity.combine(into: &version)
        let name = Folder.lastComponent(of: stem)
        let metadata = TilesetMetadata(
            folder: Folder.parent(of: path),
            json: ["\(name).json"],
            vipsProperties: "\(folder)/vips-properties.xml"
        )
        var info = TilesetInfo(
            title: metadata.title ?? name,
            kind: .slide,
            form: "dzi",
            pyramid: description.pyramid,
            format: description.format,
            version: TilesetVersion(hash: version.value)
        )
        metadata.apply(to: &info)
        self.info = info
        self.tiles = DeepZoomTiles(folder: folder, fileExtension: description.fileExtension)
        watchedFiles = [path, folder] + description.pyramid.levels.map { "\(folder)/\($0)" }
    }

    package func family(for tile: TileCoordinate) -> Family? { nil }

    package func readTile(_ tile: TileCoordinate, into buffer: TileBuffer) throws(SourceError) -> StoredTileFile {
        try OpenFile.readTile(tile, path: tiles.path(of: tile), into: buffer)
    }

    package func storedRange(of tile: TileCoordinate, atLeast minimum: Int) throws(SourceError) -> StoredTileRange? {
        try OpenFile.storedRange(path: tiles.path(of: tile), declared: info.format, atLeast: minimum)
    }

    package let watchedFiles: [String]
    package var hasLooseTiles: Bool { true }

    package func load(_ family: Family, into material: FamilyMaterial) throws(SourceError) {
        throw .unsupported(path: tiles.folder, reason: "a plain Deep Zoom folder has no families")
    }
}

/// Where the tile files of a Deep Zoom pyramid lie.
struct DeepZoomTiles: Sendable {
    let folder: String
    let fileExtension: String

    /// `{level}/{column}_{row}.{Format}`.
    func path(of tile: TileCoordinate) -> String {
        "\(folder)/\(tile.level)/\(tile.x)_\(tile.y).\(fileExtension)"
    }

    /// Reads and parses a .dzi file.
    static func readDescription(_ path: String) throws(SourceError) -> (DeepZoomDescription, FileIdentity) {
        let file = try OpenFile(path: path)
        let bytes = try file.bytes(at: 0, count: file.size, limit: Limits.descriptionBytes)
        do {
            return (try DeepZoomDescription(parsing: bytes), file.identity)
        } catch {
            throw .malformed(path: path, reason: error.reason)
        }
    }
}
