// SPDX-License-Identifier: Apache-2.0

package import FamilyRendering
package import Telemetry
package import TileModel

/// The tiles of a PMTiles archive: pixels or geometry, as they are stored.
package final class PMTilesSource: TileSource {
    package let info: TilesetInfo
    private let archive: PMTilesArchive
    let presence: ArchivePresence

    /// Opens the archive at `path`.
    package init(path: String, logger: Logger) throws(SourceError) {
        let archive = try PMTilesArchive(path: path)
        let header = archive.header
        var sample: StoredBytes.Sample?
        var levels = header.levels
        if let first = try archive.firstTile() {
            let bytes = try archive.file.bytes(
                at: first.range.lowerBound,
                count: first.range.count,
                limit: Limits.tileBytes
            )
            let found = try StoredBytes.sample(bytes, declared: header.format, path: path)
            if let said = header.format, said != found.format {
                logger.log(
                    .warning,
                    "tiles are not what the archive says",
                    ["path": .init(path), "said": .init("\(said)"), "found": .init("\(found.format)")]
                )
            }
            sample = found
            let finest = max(try archive.lastTile()?.level ?? 0, first.tile.level)
            levels = min(levels.lowerBound, first.tile.level)...max(levels.upperBound, finest)
        }
        let metadata = try TilesetMetadata(json: archive.metadata())
        var version = StableHash()
        version.combine("pmtiles")
        archive.file.identity.combine(into: &version)
        let format = sample?.format ?? header.format ?? .png
        var info = TilesetInfo(
            title: metadata.title ?? Folder.split(Folder.lastComponent(of: path)).stem,
            kind: .map,
            form: "pmtiles",
            pyramid: try StoredBytes.pyramid(of: sample, levels: levels, path: path),
            format: format,
            version: TilesetVersion(hash: version.value)
        )
        metadata.apply(to: &info)
        info.bounds = header.bounds ?? info.bounds
        info.center = header.center ?? info.center
        info.isCompressed = sample?.isCompressed ?? false
        self.info = info
        self.archive = archive
        try archive.file.checkUnchanged()
        presence = ArchivePresence(path: path, logger: logger) { (visit) throws(SourceError) in
            // Only an index of which every part was looked at when it was opened is known to have an end.
            guard archive.hasCheckedIndex else { throw .unsupported(path: path, reason: "its index is too large") }
            try archive.forEachEntry { (entry) throws(SourceError) -> Bool in
                guard let first = Int(exactly: entry.first), first <= Int.max - Int(entry.run) else {
                    throw .malformed(path: path, reason: "a tile of number \(entry.first)")
                }
                return visit(first..<first + Int(entry.run))
            }
            try archive.file.checkUnchanged()
        }
    }

    package func family(for tile: TileCoordinate) -> Family? { nil }

    package func readTile(_ tile: TileCoordinate, into buffer: TileBuffer) throws(SourceError) -> StoredTileFile {
        buffer.clear()
        let file = archive.file
        guard let range = try range(of: tile) else { throw .missing(tile) }
        guard range.count <= Limits.tileBytes else {
            throw .tooLarge(path: file.path, bytes: range.count, limit: Limits.tileBytes)
        }
        try unsafe buffer.fill(capacity: range.count) { (bytes) throws(SourceError) -> Int in
            try unsafe file.read(into: bytes, at: range.lowerBound)
        }
        do {
            // Written to since it was opened: what was read may be of either state.
            try file.checkUnchanged()
        } catch {
            buffer.clear()
            throw error
        }
        let format = try StoredBytes.identify(buffer, declared: info.format, path: "\(file.path), tile \(tile)")
        return StoredTileFile(format: format, identity: 0)
    }

    /// Where a tile lies; nil where there is none, for which most of the time nothing is read.
    private func range(of tile: TileCoordinate) throws(SourceError) -> Range<Int>? {
        if presence.mayHold(tile) { return try archive.range(of: tile) }
        try archive.file.checkUnchanged()
        return nil
    }

    package var isArchive: Bool { true }

    package func storedRange(of tile: TileCoordinate, atLeast minimum: Int) throws(SourceError) -> StoredTileRange? {
        guard let range = try range(of: tile) else { throw .missing(tile) }
        guard range.count >= minimum else { return nil }
        return try StoredTileRange(archive.file, range, declared: info.format, identity: 0, modified: nil)
    }

    package func tileNumbers(ofLevel level: Int) throws(SourceError) -> [Int]? {
        let first = UInt64(TileCoordinate.firstHilbertIdentifier(ofLevel: level))
        let end = UInt64(TileCoordinate.firstHilbertIdentifier(ofLevel: level + 1))
        var numbers: [Int] = []
        try archive.forEachEntry { (entry) throws(SourceError) -> Bool in
            let from = max(entry.first, first)
            let to = min(entry.first + UInt64(entry.run), end)
            if from < to {
                let count = Int(to - from)
                guard numbers.count + count <= Limits.listedTiles else {
                    throw .tooLarge(path: archive.file.path, bytes: numbers.count + count, limit: Limits.listedTiles)
                }
                numbers += Int(from)..<Int(to)
            }
            return entry.first < end
        }
        return numbers
    }

    package var watchedFiles: [String] { [archive.file.path] }

    package func load(_ family: Family, into material: FamilyMaterial) throws(SourceError) {
        throw .unsupported(path: archive.file.path, reason: "an archive of map tiles has no families")
    }
}
