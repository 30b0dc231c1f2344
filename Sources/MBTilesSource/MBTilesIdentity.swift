// SPDX-License-Identifier: Apache-2.0

#if MBTiles

import TileModel
import TileSources

/// The state of an archive's file when it was opened, and of the write-ahead log beside it, if there is one.
struct MBTilesIdentity: Sendable {
    private let file: OpenFile
    private let log: FileIdentity?
    private let logPath: String

    init(path: String) throws(SourceError) {
        file = try OpenFile.settled(path: path)
        logPath = path + "-wal"
        log = FileIdentity(ofPath: logPath)
    }

    /// For the tileset's version.
    var hash: UInt64 {
        var hash = StableHash()
        hash.combine("mbtiles")
        file.identity.combine(into: &hash)
        // Readers make an empty log and remove it again: only one with something in it is a state of its own.
        if let log, log.size > 0 { log.combine(into: &hash) }
        return hash.value
    }

    /// Throws where either has been written to since.
    func checkUnchanged() throws(SourceError) {
        try file.checkUnchanged()
        let now = FileIdentity(ofPath: logPath)
        guard (now?.size ?? 0) == (log?.size ?? 0), (now?.size ?? 0) == 0 || now?.modified == log?.modified else {
            throw .changed(path: file.path)
        }
    }
}

#endif
