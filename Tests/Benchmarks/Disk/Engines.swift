// SPDX-License-Identifier: Apache-2.0

#if MBTiles
import CSQLite
import DiskFaults
import DiskTier
import Glibc
import TileModel

/// What is measured: whole families in, single tiles out, both by copying.
protocol Engine: AnyObject {
    func insert(_ write: TierWrite)
    /// Bytes that were copied; 0 where the tile is not there.
    func get(_ key: TierKey, of family: TierFamilyKey) -> Int
}

final class LogEngine: Engine {
    let tier: DiskTier
    private let buffer = TierBuffer()

    init(_ folder: String) throws {
        tier = try DiskTier(DiskTierConfiguration(folder: folder, byteBudget: 8 << 30, scrubBytesPerSecond: 0))
    }

    func insert(_ write: TierWrite) {
        guard tier.insert(write) == .stored else { fatal("the log refused a family") }
    }

    func get(_ key: TierKey, of family: TierFamilyKey) -> Int {
        guard case .found(let tile) = tier.get([key], of: family, into: buffer)[0] else { return 0 }
        return tile.range.count
    }
}

/// SQLite as it does best here: an integer key (the tile's hash), a write-ahead log, one transaction for each family,
/// prepared statements, no memory map for reads.
@safe
final class SQLiteEngine: Engine {
    private var database: OpaquePointer?
    private var begin: OpaquePointer?
    private var commit: OpaquePointer?
    private var put: OpaquePointer?
    private var select: OpaquePointer?
    private var buffer = [UInt8](repeating: 0, count: 1 << 20)

    init(_ path: String) {
        check(unsafe sqlite3_open(path, &database))
        for statement in [
            "PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA mmap_size=0",
            "CREATE TABLE tiles (id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
        ] { check(unsafe sqlite3_exec(database, statement, nil, nil, nil)) }
        unsafe begin = unsafe prepare("BEGIN")
        unsafe commit = unsafe prepare("COMMIT")
        unsafe put = unsafe prepare("INSERT OR REPLACE INTO tiles (id, body) VALUES (?, ?)")
        unsafe select = unsafe prepare("SELECT body FROM tiles WHERE id = ?")
    }

    func close() {
        unsafe sqlite3_finalize(begin)
        unsafe sqlite3_finalize(commit)
        unsafe sqlite3_finalize(put)
        unsafe sqlite3_finalize(select)
        unsafe sqlite3_close(database)
    }

    func insert(_ write: TierWrite) {
        unsafe step(begin, SQLITE_DONE)
        unsafe write.bytes.withUnsafeBytes { bytes in
            for tile in write.tiles {
                check(unsafe sqlite3_bind_int64(put, 1, Int64(bitPattern: tile.key.mixed)))
                let start = unsafe bytes.baseAddress! + tile.range.lowerBound
                check(unsafe sqlite3_bind_blob(put, 2, start, Int32(tile.range.count), nil))
                unsafe step(put, SQLITE_DONE)
            }
        }
        unsafe step(commit, SQLITE_DONE)
    }

    func get(_ key: TierKey, of family: TierFamilyKey) -> Int {
        check(unsafe sqlite3_bind_int64(select, 1, Int64(bitPattern: key.mixed)))
        defer { unsafe sqlite3_reset(select) }
        guard unsafe sqlite3_step(select) == SQLITE_ROW else { return 0 }
        let count = unsafe Int(sqlite3_column_bytes(select, 0))
        guard let body = unsafe sqlite3_column_blob(select, 0) else { return 0 }
        unsafe buffer.withUnsafeMutableBytes { unsafe $0.baseAddress!.copyMemory(from: body, byteCount: count) }
        return count
    }

    private func prepare(_ text: String) -> OpaquePointer? {
        var statement: OpaquePointer?
        check(unsafe sqlite3_prepare_v2(database, text, -1, &statement, nil))
        return unsafe statement
    }

    private func step(_ statement: OpaquePointer?, _ expected: Int32) {
        guard unsafe sqlite3_step(statement) == expected else { fatal("SQLite did not do a step") }
        unsafe sqlite3_reset(statement)
    }

    private func check(_ code: Int32) {
        if code != SQLITE_OK { fatal("SQLite answered \(code)") }
    }
}

func fatal(_ message: String) -> Never {
    print("bench-disk: \(message)")
    exit(1)
}
#endif
