// SPDX-License-Identifier: Apache-2.0

import GZip
package import TileModel

/// An open PMTiles archive: finds where in the file a tile lies.
///
/// Thread rule: safe from any thread; look-ups read by position and share leaf directories through a bounded cache.
package final class PMTilesArchive: Sendable {
    package let header: PMTilesHeader
    let file: OpenFile
    private let root: PMTilesDirectory
    private let cache: DirectoryCache
    private let number: UInt64

    /// Leaf directories below the root that a look-up follows, as reference readers do.
    private static let maxDepth = 3
    /// The leaf directories of an archive whose index is not larger are all looked at when it is opened: a tenth of a
    /// second. Those of larger ones are looked at when they are used, and so is what unfolds to more than the second.
    private static let checkedIndexBytes = 16 << 20
    private static let checkedMemoryBytes = 512 << 20

    /// Opens the archive at `path`.
    package convenience init(path: String) throws(SourceError) { try self.init(path: path, cache: .shared) }

    init(path: String, cache: DirectoryCache) throws(SourceError) {
        let file = try OpenFile.settled(path: path)
        let head = try file.bytes(at: 0, count: min(file.size, PMTilesHeader.rootEnd), limit: PMTilesHeader.rootEnd)
        self.file = file
        self.cache = cache
        do throws(PMTilesHeader.Failure) {
            header = try PMTilesHeader(parsing: head, fileSize: file.size)
            guard header.root.upperBound <= head.count else {
                throw PMTilesHeader.Failure(reason: "the file became shorter while it was opened")
            }
            root = try PMTilesDirectory(
                parsing: Array(head[header.root]),
                compression: header.internalCompression,
                tileBytes: header.tiles.count,
                leafBytes: header.leaves.count
            )
        } catch {
            throw .malformed(path: path, reason: error.reason)
        }
        number = cache.newArchive()
        if hasCheckedIndex { try checkLeaves() }
    }

    /// Whether all leaf directories were looked at when it was opened.
    var hasCheckedIndex: Bool { header.leaves.count <= Self.checkedIndexBytes }

    deinit { cache.remove(archive: number) }

    /// Where the bytes of a tile lie in the file; nil where the archive has none. Reads leaf directories where they are
    /// not in memory.
    package func range(of tile: TileCoordinate) throws(SourceError) -> Range<Int>? {
        let number = UInt64(tile.hilbertIdentifier)
        var directory = root
        for depth in 0...Self.maxDepth {
            guard let entry = directory.entry(of: number) else { return nil }
            guard entry.isLeaf else { return range(of: entry) }
            guard depth < Self.maxDepth else { break }
            directory = try leaf(entry)
        }
        throw .damaged(path: file.path, reason: Self.tooDeep)
    }

    /// All entries of tiles in ascending order of their numbers, a directory at a time. Stops where `body` says false.
    package func forEachEntry(
        _ body: (PMTilesDirectory.Entry) throws(SourceError) -> Bool
    ) throws(SourceError) {
        var next: UInt64 = 0
        _ = try visit(root, depth: 0, &next, body)
    }

    private func visit(
        _ directory: PMTilesDirectory,
        depth: Int,
        _ next: inout UInt64,
        _ body: (PMTilesDirectory.Entry) throws(SourceError) -> Bool
    ) throws(SourceError) -> Bool {
        for entry in directory.entries {
            // Otherwise leaves that point at each other would unfold without end.
            guard entry.first >= next else {
                throw .damaged(path: file.path, reason: "the tiles of its directories are not in ascending order")
            }
            if entry.isLeaf {
                guard depth < Self.maxDepth else { throw .damaged(path: file.path, reason: Self.tooDeep) }
                guard try visit(leaf(entry), depth: depth + 1, &next, body) else { return false }
            } else {
                next = entry.first + UInt64(entry.run)
                if try !body(entry) { return false }
            }
        }
        return true
    }

    private static let tooDeep = "leaf directories point at leaf directories more than \(maxDepth) deep, as in a ring"

    private func range(of entry: PMTilesDirectory.Entry) -> Range<Int> {
        // It cannot overflow: the directory was held against its section, and the section against the file.
        let start = header.tiles.lowerBound + Int(entry.offset)
        return start..<start + Int(entry.count)
    }

    /// The first tile that the directories name, for a look at its bytes.
    package func firstTile() throws(SourceError) -> (tile: TileCoordinate, range: Range<Int>)? {
        var found: (TileCoordinate, Range<Int>)?
        try forEachEntry { (entry) throws(SourceError) -> Bool in
            guard let number = Int(exactly: entry.first), let tile = TileCoordinate(hilbertIdentifier: number) else {
                return false
            }
            found = (tile, range(of: entry))
            return false
        }
        return found
    }

    /// The last tile that the directories name.
    package func lastTile() throws(SourceError) -> TileCoordinate? {
        var directory = root
        for _ in 0...Self.maxDepth {
            guard let entry = directory.entries.last else { return nil }
            guard entry.isLeaf else {
                return Int(exactly: entry.first + UInt64(entry.run) - 1).flatMap(
                    TileCoordinate.init(hilbertIdentifier:)
                )
            }
            directory = try leaf(entry)
        }
        throw .damaged(path: file.path, reason: Self.tooDeep)
    }

    /// The metadata, inflated; empty where there is none.
    package func metadata() throws(SourceError) -> [UInt8] {
        let range = header.metadata
        let stored = try file.bytes(at: range.lowerBound, count: range.count, limit: Limits.metadataBytes)
        guard header.internalCompression != .none, GZip.isCompressed(stored) else { return stored }
        do { return try GZip.inflate(stored, limit: Limits.metadataBytes) } catch {
            throw .malformed(path: file.path, reason: "the metadata: \(error)")
        }
    }

    // MARK: Leaves

    private func leaf(_ entry: PMTilesDirectory.Entry) throws(SourceError) -> PMTilesDirectory {
        let key = DirectoryCache.Key(archive: number, offset: entry.offset, count: entry.count)
        if let directory = cache.find(key) { return directory }
        let directory = try read(entry)
        cache.insert(directory, as: key)
        return directory
    }

    private func read(_ entry: PMTilesDirectory.Entry) throws(SourceError) -> PMTilesDirectory {
        let stored = try file.bytes(
            at: header.leaves.lowerBound + Int(entry.offset),
            count: Int(entry.count),
            limit: PMTilesDirectory.maxBytes
        )
        do throws(PMTilesHeader.Failure) {
            let directory = try PMTilesDirectory(
                parsing: stored,
                compression: header.internalCompression,
                tileBytes: header.tiles.count,
                leafBytes: header.leaves.count
            )
            guard let first = directory.entries.first, first.first >= entry.first else {
                throw PMTilesHeader.Failure(
                    reason: "a leaf directory begins before the tiles that it is for, or is empty"
                )
            }
            return directory
        } catch {
            // The file itself may have been replaced under the directory.
            try file.checkUnchanged()
            throw .malformed(path: file.path, reason: error.reason)
        }
    }

    /// Looks at every leaf directory once. A leaf that two entries point at can only be a ring, or a bomb that unfolds.
    private func checkLeaves() throws(SourceError) {
        var seen: Set<UInt64> = []
        var waiting = root.entries.filter(\.isLeaf).map { ($0, 1) }
        var storedBytes = 0
        var memoryBytes = 0
        while let (entry, depth) = waiting.popLast() {
            guard seen.insert(entry.offset).inserted else {
                throw .malformed(
                    path: file.path,
                    reason: "two entries point at the leaf directory at offset \(entry.offset), as in a ring"
                )
            }
            storedBytes += Int(entry.count)
            guard storedBytes <= header.leaves.count else {
                throw .malformed(path: file.path, reason: "leaf directories lie over each other")
            }
            let directory = try read(entry)
            memoryBytes += directory.memoryBytes
            guard memoryBytes <= Self.checkedMemoryBytes else { return }
            let leaves = directory.entries.filter(\.isLeaf)
            guard leaves.isEmpty || depth < Self.maxDepth else {
                throw .malformed(path: file.path, reason: Self.tooDeep)
            }
            waiting += leaves.map { ($0, depth + 1) }
        }
    }
}
