// SPDX-License-Identifier: Apache-2.0

package import LockFree
internal import Synchronization

/// One thread's way into the cache: its place in the epochs and its own counters.
///
/// Made by `TileCache.makeParticipant()`, one per reactor, worker or other thread, and used by one thread at a time.
/// A reactor goes on-line when a turn of its loop begins and off-line before it waits; every look-up has to happen
/// on-line, and what it returned is valid until the participant goes off-line (or on-line again). Inserting and
/// removing work in both states.
///
/// @unchecked Sendable: handed to its thread once; counters are atomics that others only read.
@safe
package final class CacheParticipant: @unchecked Sendable {
    package let epochs: Collector.Participant
    private let rows: CounterRows
    private let row: UnsafeMutablePointer<Atomic<Int>>
    private let tally: ReuseTally
    private let uses: UnsafeMutablePointer<Atomic<UInt32>>
    private let clock: @Sendable () -> UInt32

    init(
        epochs: Collector.Participant,
        rows: CounterRows,
        tally: ReuseTally,
        clock: @escaping @Sendable () -> UInt32
    ) {
        self.epochs = epochs
        self.rows = rows
        unsafe row = rows.row(epochs.index)
        self.tally = tally
        unsafe uses = tally.row(epochs.index)
        self.clock = clock
    }

    deinit { epochs.unregister() }

    /// What the cache returns stays valid from here until the participant goes off-line. Reads the clock.
    package func goOnline() {
        epochs.goOnline()
        // SAFETY: cell 31 of the row, which only this thread writes (and no one else reads).
        unsafe row[CounterRows.nowCell].store(Int(clock()), ordering: .relaxed)
    }

    /// Nothing that the cache returned is held any more, pins aside.
    package func goOffline() { epochs.goOffline() }

    package var isOnline: Bool { epochs.isOnline }

    /// Runs `body` on-line, and leaves the participant as it was.
    package func withGuard<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        if isOnline { return try body() }
        goOnline()
        defer { goOffline() }
        return try body()
    }

    /// The time: as of going on-line, or, off-line, read now.
    func time() -> UInt32 { isOnline ? now : clock() }

    /// The time as of going on-line.
    @inline(__always)
    var now: UInt32 { unsafe UInt32(truncatingIfNeeded: row[CounterRows.nowCell].load(ordering: .relaxed)) }

    /// Adds to a counter of this thread: a load and a store, no locked instruction.
    @inline(__always)
    func count(_ counter: CacheCounter, _ amount: Int = 1) {
        // SAFETY: the raw value is below the row's width; only this thread writes the row.
        let cell = unsafe row + counter.rawValue
        unsafe cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
}

extension CacheParticipant {
    /// Counts a use of an entry by its cell of the reuse table.
    func countUse(cell: Int) {
        // SAFETY: a cell is below the row's width; only this thread writes the row.
        let count = unsafe uses + cell
        unsafe count.pointee.store(count.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }
}

/// What is counted. Net amounts may be negative in one thread's row; the sum over all is right.
enum CacheCounter: Int, CaseIterable {
    case hotHits, warmHits, misses
    case inserted, insertedHot, alreadyThere, ghostHits
    case refusedNoRoom, refusedStalled, refusedTableFull, refusedTooLarge, refusedClosed
    case evictedPressure, evictedExpired, evictedRemoved, evictedCompaction, evictedDuplicate,
        evictedReplaced
    case evictedUnused, evictedBytes
    case warmEntries, warmBytes, hotEntries, hotBytes
    case waits
}

/// A row of counters per participant: 256 bytes each, so that no two threads write one line.
///
/// @unchecked Sendable: atomics in memory that lives as long as the object, which every participant retains.
@safe
final class CounterRows: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer

    static let rowBytes = 256
    static let nowCell = 31

    init() {
        let size = Collector.maxParticipants * Self.rowBytes
        // SAFETY: owned until `deinit`; every cell is initialised before a row is handed out.
        unsafe base = .allocate(byteCount: size, alignment: 128)
        for index in 0..<size / 8 {
            unsafe (base + index * 8).initializeMemory(as: Atomic<Int>.self, to: Atomic(0))
        }
    }

    deinit { unsafe base.deallocate() }

    /// The row of the participant with this index; counts go on where a former owner of the index left them.
    func row(_ index: Int) -> UnsafeMutablePointer<Atomic<Int>> {
        unsafe (base + index * Self.rowBytes).assumingMemoryBound(to: Atomic<Int>.self)
    }

    func sum(_ counter: CacheCounter, rows: Int) -> Int {
        var total = 0
        for index in 0..<rows { total &+= unsafe row(index)[counter.rawValue].load(ordering: .relaxed) }
        return total
    }
}
