// SPDX-License-Identifier: Apache-2.0

#if MBTiles

import CSQLite
import Glibc
import Synchronization
import TileSources

/// A read-only connection to a database that nobody vouches for, with the one statement that is prepared on it for
/// tiles. SQLite's own defences are on: pages are checked before they are used, views of the file may call the functions
/// of a short list, and every statement ends after so much processor time, so that a view that never ends costs a worker
/// a second and not its life.
///
/// Thread rule: one thread at a time; opened without SQLite's mutex.
///
/// @unchecked Sendable: an archive keeps it in its pool or lends it to one worker, never both.
@safe
final class SQLiteConnection: @unchecked Sendable {
    private let path: String
    private var database: OpaquePointer?
    private var tileStatement: OpaquePointer?
    private let budget = TimeBudget()

    /// Steps of SQLite's virtual machine between two looks at the clock: some microseconds. One step can copy a value of
    /// `MBTilesLimits.blobBytes`, then they are seconds.
    private static let stepsBetweenLooks: Int32 = 1000
    /// A look-up by index takes some microseconds.
    static let tileTime = Duration.seconds(1)
    /// What opening an archive asks is answered from the ends of an index.
    static let openingTime = Duration.seconds(5)
    /// All rows of some hundred million.
    static let listingTime = Duration.seconds(100)
    /// For exports, which somebody watches and can end.
    static let unlimitedTime = Duration.seconds(1 << 31)

    /// What views of a file may call: what takes time in proportion to its arguments at most, for the clock is not looked
    /// at within a function. So not `like`, `glob`, `replace`, `instr`, and what makes much of little, as `printf` does.
    private static let functions: Set<String> = [
        "min", "max", "count", "sum", "total", "avg", "abs", "round", "coalesce", "ifnull", "nullif", "iif", "length",
        "typeof", "lower", "upper", "trim", "substr", "substring", "pow", "power", "floor", "ceil", "ceiling", "trunc",
        "mod", "sign", "likely", "unlikely",
    ]

    init(path: String) throws(SourceError) {
        self.path = path
        // As a URI, so that no character of the path means anything and `mode=ro` makes no file.
        var name = "file:"
        for byte in path.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"):
                name.unicodeScalars.append(Unicode.Scalar(byte))
            default: name += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE
        let status = unsafe sqlite3_open_v2(name + "?mode=ro", &database, flags, nil)
        guard status == SQLITE_OK else { throw failure("open", status) }
        unsafe sqlite3_extended_result_codes(database, 0)
        unsafe sqlite3_busy_timeout(database, 250)
        unsafe orizuru_sqlite_configure(database, SQLITE_DBCONFIG_DEFENSIVE, 1)
        unsafe orizuru_sqlite_configure(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        unsafe orizuru_sqlite_configure(database, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0)
        unsafe sqlite3_limit(database, SQLITE_LIMIT_LENGTH, Int32(MBTilesLimits.blobBytes))
        unsafe sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0)
        unsafe sqlite3_set_authorizer(
            database,
            { _, action, _, name, _, _ in
                guard action == SQLITE_FUNCTION else { return SQLITE_OK }
                guard let name = unsafe name else { return SQLITE_DENY }
                let isAllowed = unsafe SQLiteConnection.functions.contains(String(cString: name).lowercased())
                return isAllowed ? SQLITE_OK : SQLITE_DENY
            },
            nil
        )
        // SAFETY: the budget is this object's own and outlives the connection, which `deinit` closes first.
        unsafe sqlite3_progress_handler(
            database,
            Self.stepsBetweenLooks,
            { context in
                guard let context = unsafe context else { return 1 }
                return unsafe Unmanaged<TimeBudget>.fromOpaque(context).takeUnretainedValue().isSpent ? 1 : 0
            },
            unsafe Unmanaged.passUnretained(budget).toOpaque()
        )
        try run("PRAGMA query_only = 1")
        try run("PRAGMA cell_size_check = 1")
        // 2 MiB of pages for each connection: interior pages of the index stay.
        try run("PRAGMA cache_size = -2048")
    }

    deinit {
        unsafe sqlite3_finalize(tileStatement)
        unsafe sqlite3_close_v2(database)
    }

    /// Runs a statement of ours that gives no rows we want.
    private func run(_ sql: String) throws(SourceError) { try rows(sql) { _ in false } }

    /// Hands each row of a query to `body` until it says false.
    ///
    /// - Parameter limit: how much processor time it may take.
    func rows(
        _ sql: String,
        within limit: Duration = SQLiteConnection.openingTime,
        _ body: (Row) -> Bool
    ) throws(SourceError) {
        budget.begin(limit)
        var statement: OpaquePointer?
        let status = unsafe sqlite3_prepare_v2(database, sql, -1, &statement, nil)
        guard status == SQLITE_OK else { throw failure("read", status) }
        defer { unsafe sqlite3_finalize(statement) }
        while true {
            let step = unsafe sqlite3_step(statement)
            if step == SQLITE_DONE { return }
            guard step == SQLITE_ROW else { throw failure("read", step) }
            guard unsafe body(Row(statement: statement)) else { return }
        }
    }

    /// The blob of a tile of the TMS row, into `buffer`; false where there is none.
    func readTile(level: Int, column: Int, tmsRow: Int, into buffer: TileBuffer) throws(SourceError) -> Bool {
        budget.begin(Self.tileTime)
        if unsafe tileStatement == nil {
            let sql = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ? LIMIT 1"
            let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
            let status = unsafe sqlite3_prepare_v3(database, sql, -1, flags, &tileStatement, nil)
            guard status == SQLITE_OK else { throw failure("read", status) }
        }
        let statement = unsafe tileStatement
        // Ends the read transaction, too: the next look-up sees what was committed since.
        defer { unsafe _ = sqlite3_reset(statement) }
        unsafe sqlite3_bind_int64(statement, 1, Int64(level))
        unsafe sqlite3_bind_int64(statement, 2, Int64(column))
        unsafe sqlite3_bind_int64(statement, 3, Int64(tmsRow))
        let step = unsafe sqlite3_step(statement)
        if step == SQLITE_DONE { return false }
        guard step == SQLITE_ROW else { throw failure("read", step) }
        let row = unsafe Row(statement: statement)
        return try unsafe row.withBlob(0) { (bytes) throws(SourceError) -> Bool in
            guard bytes.count > 0 else { return false }
            guard bytes.count <= MBTilesLimits.tileBytes else {
                throw .tooLarge(path: path, bytes: bytes.count, limit: MBTilesLimits.tileBytes)
            }
            // SAFETY: both are `bytes.count` long; the blob is SQLite's until the statement is reset, behind this call.
            unsafe buffer.fill(capacity: bytes.count) { target in
                unsafe target.copyMemory(from: bytes)
                return bytes.count
            }
            return true
        }
    }

    private func failure(_ operation: String, _ status: Int32) -> SourceError {
        let text = unsafe database.map { unsafe String(cString: sqlite3_errmsg($0)) } ?? ""
        switch status & 0xFF {
        case SQLITE_INTERRUPT:
            return .damaged(path: path, reason: "a query takes more than \(budget.limit) of processor time")
        case SQLITE_CANTOPEN, SQLITE_IOERR, SQLITE_PERM:
            return .system(
                operation: operation,
                path: path,
                code: unsafe database.map { unsafe sqlite3_system_errno($0) } ?? EIO
            )
        case SQLITE_NOMEM: return .system(operation: operation, path: path, code: ENOMEM)
        case SQLITE_BUSY, SQLITE_LOCKED: return .changed(path: path)
        default: return .malformed(path: path, reason: "SQLite says: \(text)")
        }
    }

    /// One row of a result, valid until the next step.
    @safe
    struct Row {
        private let statement: OpaquePointer?

        init(statement: OpaquePointer?) { unsafe self.statement = unsafe statement }

        func integer(_ column: Int32) -> Int? {
            guard unsafe sqlite3_column_type(statement, column) == SQLITE_INTEGER else { return nil }
            return unsafe Int(sqlite3_column_int64(statement, column))
        }

        /// Text, or a number as text; nil for NULL and blobs, and beyond what metadata may be.
        func text(_ column: Int32) -> String? {
            let type = unsafe sqlite3_column_type(statement, column)
            guard type != SQLITE_NULL, type != SQLITE_BLOB, let text = unsafe sqlite3_column_text(statement, column)
            else { return nil }
            let count = unsafe Int(sqlite3_column_bytes(statement, column))
            guard count <= MBTilesLimits.metadataBytes else { return nil }
            // SAFETY: SQLite's own bytes, `count` long, until the next step.
            return unsafe String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
        }

        func withBlob<Result>(
            _ column: Int32,
            _ body: (UnsafeRawBufferPointer) throws(SourceError) -> Result
        ) throws(SourceError) -> Result {
            // Asked for before its length, as SQLite wants it.
            let start = unsafe sqlite3_column_blob(statement, column)
            let count = unsafe Int(sqlite3_column_bytes(statement, column))
            // SAFETY: as above.
            return try unsafe body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
        }
    }
}

/// How much more processor time a statement may take on the thread that runs it.
private final class TimeBudget: Sendable {
    // The connection's thread alone writes and reads them: relaxed.
    private let end = Atomic<Int>(0)
    private let nanoseconds = Atomic<Int>(0)

    /// What was given last.
    var limit: Duration { .nanoseconds(nanoseconds.load(ordering: .relaxed)) }

    func begin(_ limit: Duration) {
        let count = Int(limit / .nanoseconds(1))
        nanoseconds.store(count, ordering: .relaxed)
        end.store(Self.now + count, ordering: .relaxed)
    }

    var isSpent: Bool { Self.now > end.load(ordering: .relaxed) }

    /// Not the time that passes: on a busy machine, or where the disk is slow, a statement that is quick must not fail.
    private static var now: Int {
        var time = timespec()
        // SAFETY: a local of the type that the call fills.
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec &* 1_000_000_000 &+ time.tv_nsec
    }
}

/// Bounds of what is taken from a database.
enum MBTilesLimits {
    /// As for tiles of other sources.
    static let tileBytes = 64 << 20
    /// What SQLite gives memory for at most.
    static let blobBytes = tileBytes + (1 << 20)
    static let metadataBytes = 4 << 20
    static let metadataRows = 1000
}

#endif
