// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree
import Synchronization
package import Telemetry
package import TileModel

/// The disk tier: an append-only log of tiles in segments, and an index of them in memory.
///
/// - **Writing**: one family is one `pwritev` at the end of the active segment, which was given its room beforehand, so
///   that a full disk shows before anything is half written. A full segment is sealed: cut to its length, made durable,
///   described by a hint. Every second what was written is made durable.
/// - **Reading**: the index says where; one `pread` gives header and body; both checksums and the whole key are compared.
///   What is damaged is forgotten and rendered again: a wrong tile is never given.
/// - **Room**: whole segments leave, the oldest first. Tiles of it that were read since they were written are written once
///   more, a quarter of the segment at most. There is always room for one segment beside the budget's use, so that the
///   budget holds at every moment.
/// - **Start**: segments are opened, then read in by background threads, the newest first, by their hints where those are
///   whole. Look-ups answer from what has been read in so far.
///
/// One process has a folder: a lock file says so. Thread rule: every method from any thread; `get`, `insert` and `delete`
/// block on the disk. Locks in order: writer, then segments or a shard of the index.
package final class DiskTier: FileTier {
    let configuration: DiskTierConfiguration
    let files: any DiskFileSystem
    let logger: Logger
    let index = TileIndex()
    let segments = Lock(SegmentTable())
    let writer = Lock(WriterState())
    /// What is left to be read in after the start.
    let loading = ConditionLock(LoadingState())
    let counts = DiskCounts()
    let isClosing = Atomic<Bool>(false)
    let keeper = ConditionLock(KeeperState())
    let fault = RepeatedFault()
    /// The number of the segment that was scrubbed last.
    let lastScrubbed = Lock<UInt32>(0)
    private let lockDescriptor: Int32
    private let threads = Lock<[OSThread]>([])

    /// The open segments.
    struct SegmentTable: Sendable {
        var byNumber: [UInt32: Segment] = [:]
        /// Numbers in the order of writing.
        var order: [UInt32] = []

        mutating func add(_ segment: Segment) {
            byNumber[segment.number] = segment
            order.append(segment.number)
        }

        mutating func remove(_ segment: Segment) {
            byNumber[segment.number] = nil
            order.removeAll { $0 == segment.number }
        }
    }

    /// Opens the folder, takes its lock, drops what is of another version or over the budget, and begins to read the rest
    /// in. Blocks for one read for each segment.
    package init(
        _ configuration: DiskTierConfiguration,
        files: any DiskFileSystem = LinuxFileSystem(),
        logger: Logger = .silent
    ) throws(DiskTierError) {
        self.configuration = configuration
        self.files = files
        self.logger = logger
        let folder = configuration.folder
        let made = files.makeFolder(folder)
        guard made == 0 else { throw .system(operation: "making the folder", path: folder, code: -made) }
        let lock = files.lock(folder + "/lock")
        if lock == -EWOULDBLOCK { throw .inUse(folder: folder) }
        guard lock >= 0 else { throw .system(operation: "locking", path: folder + "/lock", code: -lock) }
        lockDescriptor = lock
        guard let names = files.list(folder) else {
            files.close(lock)
            throw .system(operation: "listing", path: folder, code: EIO)
        }
        openSegments(names)
        do {
            try startThreads()
        } catch {
            close()
            throw .thread(error.description)
        }
    }

    package var kind: TileTier { .disk }

    // ORDERING: acquiring; pairs with the exchange of `close`, which stands before what it gives up.
    package var isAvailable: Bool { !isClosing.load(ordering: .acquiring) }

    package var prefersWholeFamilies: Bool { false }

    package func mayHave(_ key: TierKey) -> Bool { index.find(key.mixed) != nil }

    /// Ends the threads, seals the active segment and gives the folder up.
    package func close() {
        // ORDERING: releasing and acquiring; pairs with the load of `isAvailable`.
        guard !isClosing.exchange(true, ordering: .acquiringAndReleasing) else { return }
        keeper.withLock { $0.isStopping = true }
        keeper.broadcast()
        loading.withLock { $0.isClosing = true }
        loading.broadcast()
        let threads = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in threads { thread.join() }
        writer.withLock { state in
            if let active = state.active { seal(active, &state) }
            state.active = nil
        }
        files.close(lockDescriptor)
    }

    private func startThreads() throws(ThreadError) {
        // The disk's own parallelism, not the processors', is what loading gains from.
        for number in 0..<min(max(OSThread.processorCount, 2), 4) {
            try add(OSThread(name: "disk-load-\(number)", nice: 5) { [self] in loadSegments() })
        }
        try add(OSThread(name: "disk-keeper", nice: 10) { [self] in keep() })
    }

    private func add(_ thread: OSThread) throws(ThreadError) { threads.withLock { $0.append(thread) } }

    /// What all files of the log take on disk.
    package var diskBytes: Int { usedBytes }

    /// Tiles that can be found, and the bytes of their bodies.
    package var contents: (tiles: Int, bytes: Int) { index.totals }

    /// What all segments and hints take.
    var usedBytes: Int {
        // The closure's result is a sum of what each segment says now.
        segments.withLock { table in
            table.byNumber.values.reduce(0) { $0 + $1.chargedBytes.load(ordering: .relaxed) }
        }
    }
}

/// The system's words for an errno value.
func systemMessage(_ code: Int32) -> String {
    // SAFETY: strerror's text is a C string; it is copied at once.
    unsafe String(cString: strerror(code))
}

/// Seconds since 1970.
func secondsNow() -> UInt64 {
    var now = timespec()
    // SAFETY: a local of the type that the call fills.
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return UInt64(clamping: now.tv_sec)
}
