// SPDX-License-Identifier: Apache-2.0

#if MBTiles

package import FamilyRendering
import JSONText
import LockFree
package import Telemetry
package import TileModel
package import TileSources

/// The tiles of an MBTiles archive (version 1.3): a table or a view `tiles` whose rows count from the bottom.
///
/// Thread rule: any number of workers at once; each takes a connection of its own out of a pool and gives it back, so
/// there are as many as there were workers at one time, and none is used by two.
package final class MBTilesArchive: TileSource {
    package let info: TilesetInfo
    private let path: String
    private let identity: MBTilesIdentity
    private let idle: Lock<[SQLiteConnection]>
    let presence: ArchivePresence

    /// Opens the archive at `path`.
    package init(path: String, logger: Logger) throws(SourceError) {
        let identity = try MBTilesIdentity(path: path)
        let connection = try SQLiteConnection(path: path)
        let metadata = try Self.metadata(connection)
        let declared = Self.format(metadata["format"]?.string)
        guard let levels = try Self.levels(connection, path: path) else {
            throw .malformed(path: path, reason: "the table of tiles is empty")
        }
        let first = try Self.firstTile(connection, level: levels.lowerBound, path: path)
        let sample = try StoredBytes.sample(first, declared: declared, path: path)
        if let declared, declared != sample.format {
            logger.log(
                .warning,
                "tiles are not what the archive says",
                ["path": .init(path), "said": .init("\(declared)"), "found": .init("\(sample.format)")]
            )
        }
        let facts = TilesetMetadata(metadata)
        var info = TilesetInfo(
            title: facts.title ?? Self.name(path),
            kind: .map,
            form: "mbtiles",
            pyramid: try StoredBytes.pyramid(of: sample, levels: levels, path: path),
            format: sample.format,
            version: TilesetVersion(hash: identity.hash)
        )
        facts.apply(to: &info)
        info.isCompressed = sample.isCompressed
        try identity.checkUnchanged()
        self.info = info
        self.path = path
        self.identity = identity
        idle = Lock([connection])
        let pyramid = info.pyramid
        presence = ArchivePresence(path: path, logger: logger) { (visit) throws(SourceError) in
            // A view may take long for each row.
            let sql = "SELECT zoom_level, tile_column, tile_row FROM tiles"
            var isOdd = false
            try SQLiteConnection(path: path).rows(sql, within: SQLiteConnection.listingTime) { row in
                guard let level = row.integer(0), let column = row.integer(1), let stored = row.integer(2) else {
                    // It may equal a whole number all the same.
                    isOdd = true
                    return false
                }
                guard pyramid.levels.contains(level), (0..<1 << level).contains(stored) else { return true }
                let tile = TileCoordinate(level: level, x: column, y: (1 << level) - 1 - stored)
                guard pyramid.contains(tile) else { return true }
                let number = tile.hilbertIdentifier
                return visit(number..<number + 1)
            }
            if isOdd { throw .malformed(path: path, reason: "a tile whose place is no whole number") }
            try identity.checkUnchanged()
        }
    }

    package func family(for tile: TileCoordinate) -> Family? { nil }

    package func readTile(_ tile: TileCoordinate, into buffer: TileBuffer) throws(SourceError) -> StoredTileFile {
        buffer.clear()
        guard presence.mayHold(tile) else {
            // No more than what the kernel knows of the file, whose state decides whether that still holds.
            try identity.checkUnchanged()
            throw .missing(tile)
        }
        let connection =
            if let pooled = idle.withLock({ $0.popLast() }) { pooled } else { try SQLiteConnection(path: path) }
        let isThere: Bool
        do throws(SourceError) {
            isThere = try connection.readTile(
                level: tile.level,
                column: tile.x,
                tmsRow: (1 << tile.level) - 1 - tile.y,
                into: buffer
            )
        } catch {
            buffer.clear()
            // Half of it written over, a database is malformed.
            try identity.checkUnchanged()
            throw error
        }
        idle.withLock { $0.append(connection) }
        // Overwritten in place: what was read may be of either state.
        do {
            try identity.checkUnchanged()
        } catch {
            buffer.clear()
            throw error
        }
        guard isThere else { throw .missing(tile) }
        let format = try StoredBytes.identify(buffer, declared: info.format, path: "\(path), tile \(tile)")
        return StoredTileFile(format: format, identity: 0)
    }

    package func tileNumbers(ofLevel level: Int) throws(SourceError) -> [Int]? {
        var numbers: [Int] = []
        let connection = try SQLiteConnection(path: path)
        let sql = "SELECT tile_column, tile_row FROM tiles WHERE zoom_level = \(level)"
        try connection.rows(sql, within: SQLiteConnection.unlimitedTime) { row in
            guard let column = row.integer(0), let stored = row.integer(1), (0..<1 << level).contains(stored) else {
                return true
            }
            let tile = TileCoordinate(level: level, x: column, y: (1 << level) - 1 - stored)
            if info.pyramid.contains(tile) { numbers.append(tile.hilbertIdentifier) }
            return true
        }
        return Array(Set(numbers))
    }

    package var watchedFiles: [String] { [path, path + "-wal"] }

    package func load(_ family: Family, into material: FamilyMaterial) throws(SourceError) {
        throw .unsupported(path: path, reason: "an archive of map tiles has no families")
    }

    // MARK: What the file says

    /// The rows of `metadata` as the members of an object; empty where the table is missing.
    private static func metadata(_ connection: SQLiteConnection) throws(SourceError) -> JSONNode {
        var members: [JSONMember] = []
        var names: Set<String> = []
        var bytes = 0
        do {
            try connection.rows("SELECT name, value FROM metadata") { row in
                if let name = row.text(0), let value = row.text(1), names.insert(name).inserted {
                    bytes += name.utf8.count + value.utf8.count
                    guard bytes <= MBTilesLimits.metadataBytes else { return false }
                    members.append(JSONMember(name: name, node: JSONNode(value: .string(value), line: 1, column: 1)))
                }
                return members.count < MBTilesLimits.metadataRows
            }
        } catch .malformed {
            // No such table, or other columns: the tiles decide whether it is an archive.
        }
        return JSONNode(value: .object(members), line: 1, column: 1)
    }

    /// `pbf`, `jpg`, or a media type.
    private static func format(_ name: String?) -> TileFormat? {
        guard let name = name?.lowercased() else { return nil }
        if let format = TileFormat(fileExtension: name) { return format }
        if name == "application/x-protobuf" { return .mvt }
        return TileFormat.allCases.first { $0.mediaType.description == name }
    }

    private static func levels(_ connection: SQLiteConnection, path: String) throws(SourceError) -> ClosedRange<Int>? {
        var ends: [Int] = []
        // One at a time: only then does SQLite take them from the ends of the index.
        for end in ["MIN", "MAX"] {
            try connection.rows("SELECT \(end)(zoom_level) FROM tiles") { row in
                if let level = row.integer(0) { ends.append(level) }
                return false
            }
        }
        guard ends.count == 2 else { return nil }
        guard ends[0] >= 0, ends[1] <= Pyramid.maxMapLevel, ends[0] <= ends[1] else {
            throw .malformed(
                path: path,
                reason: "levels \(ends[0]) to \(ends[1]) are no range within 0 to \(Pyramid.maxMapLevel)"
            )
        }
        return ends[0]...ends[1]
    }

    private static func firstTile(
        _ connection: SQLiteConnection,
        level: Int,
        path: String
    ) throws(SourceError) -> [UInt8] {
        var bytes: [UInt8] = []
        var length = 0
        try connection.rows("SELECT tile_data FROM tiles WHERE zoom_level = \(level) LIMIT 1") { row in
            bytes = (try? unsafe row.withBlob(0) { unsafe Array($0.prefix(MBTilesLimits.tileBytes)) }) ?? []
            length = bytes.count
            return false
        }
        guard length > 0 else { throw .malformed(path: path, reason: "its first tile has no bytes") }
        return bytes
    }

    private static func name(_ path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return name.hasSuffix(".mbtiles") ? String(name.dropLast(8)) : name
    }
}

extension SourceRecognizer {
    /// Files named `.mbtiles`.
    package static let mbtiles = SourceRecognizer(
        looksFor: "an .mbtiles archive",
        recognizes: { !$0.isFolder && $0.fileExtension == "mbtiles" },
        open: { (candidate, logger) throws(SourceError) -> any TileSource in
            try MBTilesArchive(path: candidate.path, logger: logger)
        }
    )
}

#endif
