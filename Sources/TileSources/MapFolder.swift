// SPDX-License-Identifier: Apache-2.0

package import FamilyRendering
import JSONText
package import Telemetry
package import TileModel

/// A folder of map tiles, `{z}/{x}/{y}.{png,jpg,jpeg,webp}`, rows counted from the top (or from the bottom, where a
/// metadata.json or tilejson.json beside them says `"scheme": "tms"`).
///
/// Levels come from the folders' names, the tile size from the header of the first tile. A folder may mix formats:
/// an extension is known once one tile that was looked at has it (one of each level).
package final class MapFolder: TileSource {
    package let info: TilesetInfo
    private let folder: String
    private let fileExtensions: [String]
    private let countsRowsFromBottom: Bool

    /// The files beside the tiles that may describe them, the first one that says something wins.
    private static let descriptions = ["metadata.json", "tilejson.json"]

    /// Opens the tiles under `folder`.
    package init(folder: String, logger: Logger) throws(SourceError) {
        let levels = Self.levels(in: Folder.names(of: folder))
        var version = StableHash()
        version.combine("xyz")
        FileIdentity(ofPath: folder)?.combine(into: &version)
        var samples: [(path: String, fileExtension: String)] = []
        var present: [Int] = []
        for level in levels {
            guard let sample = Self.firstTile(in: "\(folder)/\(level)") else { continue }
            present.append(level)
            samples.append(sample)
            FileIdentity(ofPath: "\(folder)/\(level)")?.combine(into: &version)
        }
        guard let coarsest = present.first, let finest = present.last else {
            throw .notRecognised(path: folder, lookedFor: "tiles z/x/y.png, .jpg or .webp")
        }
        if present.count <= finest - coarsest {
            logger.log(
                .notice,
                "levels without tiles",
                ["path": .init(folder), "levels": .init("\(coarsest)...\(finest)")]
            )
        }
        // Any readable tile tells the size: one bad file must not keep the map from being served.
        let readable = samples.lazy.compactMap { sample in
            (try? Self.header(of: sample.path)).map { (sample: sample, header: $0) }
        }
        guard let (sample, header) = readable.first else {
            throw .damaged(path: samples[0].path, reason: "no tile that was looked at has a readable image header")
        }
        guard header.size.width == header.size.height else {
            throw .unsupported(path: sample.path, reason: "a map tile of \(header.size) pixels is not square")
        }
        guard let pyramid = Pyramid(mapTileSize: header.size.width, levels: coarsest...finest) else {
            throw .unsupported(path: sample.path, reason: "a tile of \(header.size) pixels is too large")
        }
        let metadata = TilesetMetadata(folder: folder, json: Self.descriptions)
        var info = TilesetInfo(
            title: metadata.title ?? Folder.lastComponent(of: folder),
            kind: .map,
            form: "xyz",
            pyramid: pyramid,
            format: header.format,
            version: TilesetVersion(hash: version.value)
        )
        metadata.apply(to: &info)
        self.info = info
        self.folder = folder
        var extensions: [String] = []
        for sample in samples where !extensions.contains(sample.fileExtension) {
            extensions.append(sample.fileExtension)
        }
        self.fileExtensions = extensions
        self.countsRowsFromBottom = Self.descriptions.contains { Self.saysTMS("\(folder)/\($0)") }
    }

    package func family(for tile: TileCoordinate) -> Family? { nil }

    package func readTile(_ tile: TileCoordinate, into buffer: TileBuffer) throws(SourceError) -> StoredTileFile {
        let row = countsRowsFromBottom ? (1 << tile.level) - 1 - tile.y : tile.y
        for fileExtension in fileExtensions {
            do {
                return try OpenFile.readTile(
                    tile,
                    path: "\(folder)/\(tile.level)/\(tile.x)/\(row).\(fileExtension)",
                    into: buffer
                )
            } catch .missing {
                continue
            } catch {
                throw error
            }
        }
        throw .missing(tile)
    }

    package func load(_ family: Family, into material: FamilyMaterial) throws(SourceError) {
        throw .unsupported(path: folder, reason: "a folder of map tiles has no families")
    }

    // MARK: What a folder is

    /// Whether the folder has a level with a column with a tile.
    static func isMapFolder(_ path: String, names: [String]) -> Bool {
        levels(in: names).contains { firstTile(in: "\(path)/\($0)") != nil }
    }

    private static func levels(in names: [String]) -> [Int] {
        names.compactMap(canonicalNumber).filter { $0 <= Pyramid.maxMapLevel }.sorted()
    }

    /// The tile of the lowest numbers in a level's folder.
    private static func firstTile(in level: String) -> (path: String, fileExtension: String)? {
        for column in Folder.names(of: level).compactMap(canonicalNumber).sorted() {
            let rows = Folder.names(of: "\(level)/\(column)").compactMap { name -> (Int, String)? in
                let fileExtension = String(name.split(separator: ".", maxSplits: 1).last ?? "")
                guard let row = canonicalNumber(Folder.split(name).stem),
                    TileFormat(fileExtension: fileExtension) != nil
                else { return nil }
                return (row, fileExtension)
            }
            if let first = rows.min(by: { $0.0 < $1.0 }) {
                return ("\(level)/\(column)/\(first.0).\(first.1)", first.1)
            }
        }
        return nil
    }

    private static func header(of path: String) throws(SourceError) -> ImageHeader {
        let file = try OpenFile(path: path)
        let bytes = try file.bytes(at: 0, count: min(file.size, 1 << 16), limit: 1 << 16)
        guard let header = ImageHeader(bytes) else {
            throw .damaged(path: path, reason: "no readable image header")
        }
        return header
    }

    private static func saysTMS(_ path: String) -> Bool {
        guard let bytes = try? OpenFile.contents(of: path, limit: Limits.metadataBytes) else { return false }
        return (try? JSONReader.read(bytes, dialect: .json))?["scheme"]?.string == "tms"
    }
}
