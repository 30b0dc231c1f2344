// SPDX-License-Identifier: Apache-2.0

package import FamilyRendering
import JSONText
package import Telemetry
package import TileModel

/// A folder of map tiles, `{z}/{x}/{y}.{png,jpg,jpeg,webp,avif,pbf,mvt,mlt}`, rows counted from the top; from the bottom
/// where a metadata.json or tilejson.json beside them says `"scheme": "tms"`, or a tilemapresource.xml lies there and
/// neither says otherwise.
///
/// Levels come from the folders' names, the tile size from the header of the first tile. A folder may mix formats:
/// an extension is known once one tile that was looked at has it (one of each level).
package final class MapFolder: TileSource {
    package let info: TilesetInfo
    private let folder: String
    private let fileExtensions: [String]
    private let countsRowsFromBottom: Bool
    private let presence: FolderPresence

    /// The files beside the tiles that may describe them, the first one that says something wins; behind them
    /// tilemapresource.xml.
    private static let descriptions = ["metadata.json", "tilejson.json"]

    /// Opens the tiles under `folder`.
    package init(folder: String, logger: Logger) throws(SourceError) {
        let resource = try Self.resource(of: folder, logger: logger)
        var levels = Self.levels(in: Folder.names(of: folder))
        if let named = resource.document?.levels, levels.contains(where: named.contains) {
            // Others are of an earlier map in the same folder.
            levels = levels.filter(named.contains)
        }
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
            throw .notRecognised(path: folder, lookedFor: "tiles z/x/y.png, .jpg, .webp or .pbf")
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
            (try? Self.look(at: sample.path, fileExtension: sample.fileExtension)).map { (path: sample.path, $0) }
        }
        guard let (path, sample) = readable.first else {
            throw .damaged(path: samples[0].path, reason: "no tile that was looked at has a readable image header")
        }
        let pyramid = try StoredBytes.pyramid(of: sample, levels: coarsest...finest, path: path)
        let scheme = Self.descriptions.lazy.compactMap { Self.scheme("\(folder)/\($0)") }.first
        let countsRowsFromBottom = scheme.map { $0 == "tms" } ?? resource.isThere
        version.combine(countsRowsFromBottom ? "tms" : "xyz")
        var metadata = TilesetMetadata(folder: folder, json: Self.descriptions)
        if let document = resource.document {
            let tile = Self.place(of: path, countsRowsFromBottom: countsRowsFromBottom)
            metadata.merge(TilesetMetadata(document, around: tile))
        }
        var info = TilesetInfo(
            title: metadata.title ?? Folder.lastComponent(of: folder),
            kind: .map,
            form: "xyz",
            pyramid: pyramid,
            format: sample.format,
            version: TilesetVersion(hash: version.value)
        )
        metadata.apply(to: &info)
        info.isCompressed = sample.isCompressed
        self.info = info
        self.folder = folder
        var extensions: [String] = []
        for sample in samples where !extensions.contains(sample.fileExtension) {
            extensions.append(sample.fileExtension)
        }
        self.fileExtensions = extensions
        self.presence = FolderPresence(folder: folder, logger: logger)
        self.countsRowsFromBottom = countsRowsFromBottom
    }

    package func family(for tile: TileCoordinate) -> Family? { nil }

    package func readTile(_ tile: TileCoordinate, into buffer: TileBuffer) throws(SourceError) -> StoredTileFile {
        guard presence.mayHold(level: tile.level, column: tile.x, row: row(of: tile)) else {
            buffer.clear()
            throw .missing(tile)
        }
        for fileExtension in fileExtensions {
            do {
                return try OpenFile.readTile(
                    tile,
                    path: path(of: tile, fileExtension),
                    declared: info.format,
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

    package func storedRange(of tile: TileCoordinate, atLeast minimum: Int) throws(SourceError) -> StoredTileRange? {
        guard presence.mayHold(level: tile.level, column: tile.x, row: row(of: tile)) else { return nil }
        for fileExtension in fileExtensions {
            if let range = try OpenFile.storedRange(
                path: path(of: tile, fileExtension),
                declared: info.format,
                atLeast: minimum
            ) {
                return range
            }
        }
        return nil
    }

    /// The row as the folder counts it.
    private func row(of tile: TileCoordinate) -> Int {
        countsRowsFromBottom ? (1 << tile.level) - 1 - tile.y : tile.y
    }

    private func path(of tile: TileCoordinate, _ fileExtension: String) -> String {
        "\(folder)/\(tile.level)/\(tile.x)/\(row(of: tile)).\(fileExtension)"
    }

    package func tileNumbers(ofLevel level: Int) throws(SourceError) -> [Int]? {
        var numbers: Set<Int> = []
        for columnName in Folder.names(of: "\(folder)/\(level)") {
            guard let column = canonicalNumber(columnName) else { continue }
            for name in Folder.names(of: "\(folder)/\(level)/\(columnName)") {
                guard let stored = canonicalNumber(Folder.split(name).stem) else { continue }
                let row = countsRowsFromBottom ? (1 << level) - 1 - stored : stored
                let tile = TileCoordinate(level: level, x: column, y: row)
                if info.pyramid.contains(tile) { numbers.insert(tile.hilbertIdentifier) }
            }
        }
        return Array(numbers)
    }

    /// The most columns whose folders are watched: those of the coarser levels, whose tiles change in place most often.
    private static let watchedColumns = 1000

    package var hasLooseTiles: Bool { true }

    package var watchedFiles: [String] {
        var files = [folder] + (Self.descriptions + [TileMapResource.fileName]).map { "\(folder)/\($0)" }
        var columns = 0
        for level in info.pyramid.levels {
            files.append("\(folder)/\(level)")
            for name in Folder.names(of: "\(folder)/\(level)") where columns < Self.watchedColumns {
                guard canonicalNumber(name) != nil else { continue }
                files.append("\(folder)/\(level)/\(name)")
                columns += 1
            }
        }
        return files
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

    private static func look(at path: String, fileExtension: String) throws(SourceError) -> StoredBytes.Sample {
        let declared = TileFormat(fileExtension: fileExtension)
        let file = try OpenFile(path: path)
        // Of an image the header is enough; what may be compressed is read as a whole.
        let count = declared?.isRaster == false ? file.size : min(file.size, 1 << 16)
        let bytes = try file.bytes(at: 0, count: count, limit: Limits.tileBytes)
        return try StoredBytes.sample(bytes, declared: declared, path: path)
    }

    /// What a JSON description says of the order of rows; nil where it says nothing.
    private static func scheme(_ path: String) -> String? {
        guard let bytes = try? OpenFile.contents(of: path, limit: Limits.metadataBytes) else { return nil }
        return (try? JSONReader.read(bytes, dialect: .json))?["scheme"]?.string
    }

    /// Whether a tilemapresource.xml lies in the folder, and what it says; throws where it says that this is no web map.
    private static func resource(
        of folder: String,
        logger: Logger
    ) throws(SourceError) -> (isThere: Bool, document: TileMapResource?) {
        let path = "\(folder)/\(TileMapResource.fileName)"
        guard FileIdentity(ofPath: path) != nil else { return (false, nil) }
        guard let bytes = try? OpenFile.contents(of: path, limit: Limits.metadataBytes),
            let document = TileMapResource(bytes)
        else {
            logger.log(
                .warning,
                "a description of tiles cannot be read; taken is that rows count from the bottom",
                ["path": .init(path)]
            )
            return (true, nil)
        }
        if let obstacle = document.obstacle { throw .unsupported(path: folder, reason: obstacle) }
        return (true, document)
    }

    /// The place of a tile by its path, `.../z/x/y.png`.
    private static func place(of path: String, countsRowsFromBottom: Bool) -> TileCoordinate {
        let numbers = path.split(separator: "/").suffix(3).map { canonicalNumber(Folder.split(String($0)).stem) ?? 0 }
        let row = countsRowsFromBottom ? (1 << numbers[0]) - 1 - numbers[2] : numbers[2]
        return TileCoordinate(level: numbers[0], x: numbers[1], y: row)
    }
}
