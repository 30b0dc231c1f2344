// SPDX-License-Identifier: Apache-2.0

#if MBTiles

import CSQLite
import GZip
import Glibc
import JSONText
package import TileModel
import TileSources
package import TilesetExport

/// Writes an MBTiles archive (version 1.3): a table of tiles whose rows count from the bottom.
///
/// Until it is complete it is `TARGET.part`, a database of its own, to which each checkpoint commits together with how
/// far it is: a killed run goes on behind its last commit.
@safe
package final class MBTilesWriter: ExportWriter {
    private let plan: ExportPlan
    private var database: OpaquePointer?
    private var insertion: OpaquePointer?
    package private(set) var position = 0

    package var wantsPadded: Bool { true }

    package init(_ plan: ExportPlan) throws(ExportError) {
        self.plan = plan
        let path = plan.partPath
        if plan.restarts {
            unsafe unlink(path)
            unsafe unlink(path + "-journal")
        }
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        guard unsafe sqlite3_open_v2(path, &database, flags, nil) == SQLITE_OK else { throw failure() }
        try execute("PRAGMA locking_mode = EXCLUSIVE")
        try execute("PRAGMA synchronous = NORMAL")
        try execute(
            """
            BEGIN;
            CREATE TABLE IF NOT EXISTS metadata (name TEXT PRIMARY KEY, value TEXT);
            CREATE TABLE IF NOT EXISTS tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB,
                PRIMARY KEY (zoom_level, tile_column, tile_row)) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS orizuru_export (fingerprint TEXT, position INTEGER);
            """
        )
        var found: (fingerprint: String, position: Int)?
        var statement: OpaquePointer?
        let sql = "SELECT fingerprint, position FROM orizuru_export"
        guard unsafe sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK else { throw failure() }
        if unsafe sqlite3_step(statement) == SQLITE_ROW, let text = unsafe sqlite3_column_text(statement, 0) {
            // SAFETY: SQLite's own text, zero-terminated, until the statement ends below.
            found = unsafe (String(cString: text), Int(sqlite3_column_int64(statement, 1)))
        }
        unsafe sqlite3_finalize(statement)
        if let found {
            guard found.fingerprint == plan.fingerprint, found.position >= 0 else {
                throw .foreign(path: path, reason: "it is of another source, or of one that has changed since")
            }
            position = found.position
        } else {
            try execute("INSERT INTO orizuru_export VALUES ('\(plan.fingerprint)', 0)")
        }
        let insert = "INSERT OR REPLACE INTO tiles VALUES (?, ?, ?, ?)"
        guard unsafe sqlite3_prepare_v2(database, insert, -1, &insertion, nil) == SQLITE_OK else { throw failure() }
    }

    deinit {
        unsafe sqlite3_finalize(insertion)
        unsafe sqlite3_close_v2(database)
    }

    package func append(_ tile: TileCoordinate, _ bytes: [UInt8]?) throws(ExportError) {
        if var bytes, !bytes.isEmpty {
            // Vector tiles of this format are compressed, always.
            if !plan.info.format.isRaster, !GZip.isCompressed(bytes) {
                do { bytes = try GZip.deflate(bytes) } catch {
                    throw .target(path: plan.partPath, reason: "tile \(tile): \(error)")
                }
            }
            unsafe sqlite3_bind_int64(insertion, 1, Int64(tile.level))
            unsafe sqlite3_bind_int64(insertion, 2, Int64(tile.x))
            unsafe sqlite3_bind_int64(insertion, 3, Int64((1 << tile.level) - 1 - tile.y))
            // SAFETY: the array lives through the step that reads it; the binding is cleared before it goes.
            let status = unsafe bytes.withUnsafeBytes { bytes in
                unsafe sqlite3_bind_blob64(insertion, 4, bytes.baseAddress, UInt64(bytes.count), nil)
                let status = unsafe sqlite3_step(insertion)
                unsafe sqlite3_reset(insertion)
                unsafe sqlite3_clear_bindings(insertion)
                return status
            }
            guard status == SQLITE_DONE else { throw failure() }
        }
        position += 1
    }

    package func checkpoint() throws(ExportError) {
        try execute("UPDATE orizuru_export SET position = \(position); COMMIT; BEGIN")
    }

    package func finish() throws(ExportError) {
        for (name, value) in ExportMetadata.members(of: plan.info) {
            let text: String =
                switch value {
                case .string(let text): text
                default: value.text
                }
            try insert(name, text)
        }
        try insert("version", "1.3")
        if let layers = ExportMetadata.vectorLayers(of: plan.info) {
            try insert("json", JSONOutput.object([("vector_layers", layers)]).text)
        }
        try execute("DROP TABLE orizuru_export; COMMIT; PRAGMA application_id = 0x4d504258")
        unsafe sqlite3_finalize(insertion)
        unsafe insertion = nil
        guard unsafe sqlite3_close(database) == SQLITE_OK else { throw failure() }
        unsafe database = nil
        guard unsafe rename(plan.partPath, plan.target) == 0 else {
            throw .system(operation: "rename to", path: plan.target, code: errno)
        }
    }

    private func insert(_ name: String, _ value: String) throws(ExportError) {
        var statement: OpaquePointer?
        let sql = "INSERT OR REPLACE INTO metadata VALUES (?, ?)"
        guard unsafe sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK else { throw failure() }
        defer { unsafe sqlite3_finalize(statement) }
        // SAFETY: a destructor of -1 has SQLite copy the text during the call.
        let copies = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        unsafe sqlite3_bind_text(statement, 1, name, -1, copies)
        unsafe sqlite3_bind_text(statement, 2, value, -1, copies)
        guard unsafe sqlite3_step(statement) == SQLITE_DONE else { throw failure() }
    }

    private func execute(_ sql: String) throws(ExportError) {
        guard unsafe sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK else { throw failure() }
    }

    private func failure() -> ExportError {
        let text = unsafe database.map { unsafe String(cString: sqlite3_errmsg($0)) } ?? "no memory"
        return .target(path: plan.partPath, reason: "SQLite says: \(text)")
    }
}

#endif
