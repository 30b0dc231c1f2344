// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import LockFree
import Synchronization
import Telemetry
package import TileModel

/// What the writer's lock guards: the active segment and what is to be said of it when it is sealed.
struct WriterState: Sendable {
    var active: Segment?
    /// Where the next record goes.
    var end = 0
    /// The hint of the active segment so far.
    var entries: [HintEntry] = []
    var nextNumber: UInt32 = 1
    /// Whether the active segment holds what is not durable.
    var isDirty = false
    /// Why writing is refused, and until when (monotonic nanoseconds).
    var refusal: (reason: TierRefusal, until: Int)?
    /// Headers in the making.
    fileprivate var scratch: [UInt8] = []
}

extension DiskTier {
    /// How long writing is not tried again after a refusal by the system: a full disk is not asked for each family.
    private static let retryNanoseconds = 1_000_000_000

    /// Appends a family: one write. Tiles that are there already are left as they are.
    package func insert(_ write: TierWrite) -> TierInsertOutcome {
        guard isAvailable else { return .refused(.unavailable) }
        let tiles = write.tiles.filter { index.find($0.key.mixed) == nil }
        guard !tiles.isEmpty else { return .stored }
        let time = secondsNow()
        let headers = tiles.map { tile in
            RecordHeader(
                key: tile.key,
                bodyCount: tile.range.count,
                bodyChecksum: Self.checksum(of: write.bytes, tile.range),
                cost: tile.cost,
                time: time
            )
        }
        let refusal = writer.withLock { append(headers, bodies: write.bytes, tiles.map(\.range), &$0) }
        guard let refusal else {
            counts.tilesWritten.add(tiles.count)
            return .stored
        }
        counts.refused[refusal].add(1)
        return .refused(refusal)
    }

    /// Forgets tiles, in this process and in later ones.
    package func delete(_ keys: [TierKey], of family: TierFamilyKey) -> Bool {
        guard isAvailable else { return false }
        return writer.withLock { state in
            // Before the index is complete a tile may be on disk that it does not know.
            let isLoading = loading.withLock { !$0.isFinished }
            let known = keys.filter { isLoading || index.find($0.mixed) != nil }
            guard !known.isEmpty else { return true }
            let time = secondsNow()
            let headers = known.map {
                RecordHeader(key: $0, bodyCount: 0, bodyChecksum: 0, time: time, isDeletion: true)
            }
            let refusal = append(headers, bodies: [], known.map { _ in 0..<0 }, &state)
            // Without a record of the deletion a later process finds the tiles again; this one does not.
            for key in known { index.remove(key.mixed) }
            return refusal == nil
        }
    }

    private static func checksum(of bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        // SAFETY: the array's own bytes, for the call.
        unsafe bytes.withUnsafeBytes { bytes in
            let body = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
            return unsafe platform_crc32c(0, body.baseAddress, body.count)
        }
    }

    // MARK: Appending

    /// Appends records in one write and puts them into the index. Nil where that worked.
    private func append(
        _ headers: [RecordHeader],
        bodies: [UInt8],
        _ ranges: [Range<Int>],
        _ state: inout WriterState
    ) -> TierRefusal? {
        let byteCount = headers.reduce(0) { $0 + $1.recordByteCount }
        let room = configuration.segmentBytes
        guard headers.allSatisfy({ $0.bodyCount <= RecordHeader.maxBodyCount }),
            Self.charge(end: SegmentHeader.byteCount + byteCount, entries: headers.count) <= room
        else { return .tooLarge }
        if let refusal = state.refusal {
            guard MonotonicClock.nanoseconds >= refusal.until else { return refusal.reason }
            state.refusal = nil
        }
        if Self.charge(end: state.end + byteCount, entries: state.entries.count + headers.count) > room
            || state.active == nil
        {
            if let refusal = roll(&state) { return refuse(refusal, &state) }
        }
        guard let active = state.active else { return .unavailable }
        let taken = write(headers, bodies, ranges, active, &state)
        guard taken == byteCount else {
            // What was written of it stays behind the end, and is written over.
            counts.writeErrors.add(1)
            let isFull = taken >= 0 || Self.isFull(Int32(clamping: taken))
            let reason = isFull ? "no room" : systemMessage(Int32(clamping: -taken))
            reportWrite("writing tiles to disk failed; they are served all the same", active.path, reason)
            if !isFull { abandon(active, &state) }
            return refuse(isFull ? .full : .failed, &state)
        }
        var offset = state.end
        for header in headers {
            let entry = HintEntry(header, offset: offset)
            state.entries.append(entry)
            index.put(entry.indexEntry(segment: active.number))
            offset += header.recordByteCount
        }
        state.end = offset
        state.isDirty = true
        return nil
    }

    private func refuse(_ reason: TierRefusal, _ state: inout WriterState) -> TierRefusal {
        state.refusal = (reason, MonotonicClock.nanoseconds + Self.retryNanoseconds)
        return reason
    }

    static func isFull(_ code: Int32) -> Bool { code == -ENOSPC || code == -EDQUOT }

    /// What a sealed segment of this length takes with its hint.
    static func charge(end: Int, entries: Int) -> Int { pages(end) + pages(HintFile.byteCount(entries: entries)) }

    /// File systems give whole blocks.
    static func pages(_ bytes: Int) -> Int { (bytes + 4095) & ~4095 }

    /// One write of all records, and how many bytes of it the system took.
    private func write(
        _ headers: [RecordHeader],
        _ bodies: [UInt8],
        _ ranges: [Range<Int>],
        _ active: Segment,
        _ state: inout WriterState
    ) -> Int {
        // For each record the padding of the one before it, then its header, in one piece.
        let slot = RecordHeader.alignment + RecordHeader.byteCount
        let count = headers.count
        let needed = slot * count + RecordHeader.alignment
        if state.scratch.count < needed { state.scratch = [UInt8](repeating: 0, count: needed) }
        let end = state.end
        // SAFETY: scratch and bodies are alive and unchanged during the closures; every part lies inside one of them: a
        // slot has 72 bytes, the ranges are of the body's array.
        return unsafe state.scratch.withUnsafeMutableBytes { scratch in
            unsafe bodies.withUnsafeBytes { bodies in
                unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2 * count + 1) { parts in
                    var padding = 0
                    for index in 0..<count {
                        var header = headers[index]
                        header.segment = active.number
                        let place = unsafe scratch.baseAddress! + index * slot + RecordHeader.alignment
                        unsafe header.store(at: place)
                        let head = unsafe iovec(iov_base: place - padding, iov_len: RecordHeader.byteCount + padding)
                        unsafe parts.initializeElement(at: 2 * index, to: head)
                        let start = unsafe bodies.baseAddress.map { unsafe $0 + ranges[index].lowerBound }
                        let body = unsafe UnsafeMutableRawPointer(mutating: start)
                        let piece = unsafe iovec(iov_base: body, iov_len: header.bodyCount)
                        unsafe parts.initializeElement(at: 2 * index + 1, to: piece)
                        padding = header.recordByteCount - RecordHeader.byteCount - header.bodyCount
                    }
                    let last = unsafe iovec(iov_base: scratch.baseAddress! + count * slot, iov_len: padding)
                    unsafe parts.initializeElement(at: 2 * count, to: last)
                    return unsafe files.write(active.descriptor, parts, at: end)
                }
            }
        }
    }

    // MARK: Segments

    /// Seals the active segment and makes the next one. Nil where there is one now.
    private func roll(_ state: inout WriterState) -> TierRefusal? {
        // Everything that is on disk is in the index before anything is added or evicted.
        loading.wait { $0.isFinished || $0.isClosing ? () : nil }
        guard isAvailable else { return .unavailable }
        if let active = state.active { seal(active, &state) }
        state.active = nil
        // Only where the budget was lowered, or a segment could not be evicted, is there not room already.
        while usedBytes + configuration.segmentBytes > configuration.logBytes, evictOldest(&state) {}
        var result = makeSegment(&state)
        if Self.isFull(result), evictForRoom(&state) { result = makeSegment(&state) }
        guard result >= 0 else {
            counts.writeErrors.add(1)
            reportWrite("there is no room on disk for tiles", configuration.folder, systemMessage(-result))
            return Self.isFull(result) ? .full : .failed
        }
        // And for the one after it: the tiles of the oldest that are in use move here.
        while usedBytes + configuration.segmentBytes > configuration.logBytes, evictOldest(&state) {}
        return nil
    }

    /// On a disk that is full, the oldest segments make room where one or two of them are enough and others stay; else they are
    /// of more use where they are.
    private func evictForRoom(_ state: inout WriterState) -> Bool {
        guard let free = files.freeBytes(configuration.folder) else { return false }
        let oldest = segments.withLock { table in table.order.prefix(3).compactMap { table.byNumber[$0] } }
        var gained = 0
        for count in 0..<2 where count + 1 < oldest.count {
            gained += oldest[count].chargedBytes.load(ordering: .relaxed)
            guard free + gained >= configuration.segmentBytes else { continue }
            for _ in 0...count where !evictOldest(&state) { return false }
            return true
        }
        return false
    }

    private func makeSegment(_ state: inout WriterState) -> Int32 {
        let number = state.nextNumber
        guard number < .max else { return -EOVERFLOW }
        let path = configuration.folder + "/" + Segment.name(number)
        let descriptor = files.open(path, writable: true, create: true)
        guard descriptor >= 0 else { return descriptor }
        state.nextNumber = number + 1
        let segment = Segment(
            number: number,
            path: path,
            descriptor: descriptor,
            files: files,
            chargedBytes: configuration.segmentBytes
        )
        var result = files.reserve(descriptor, bytes: configuration.segmentBytes)
        // Some file systems cannot: a full disk shows later then.
        if result == -EOPNOTSUPP || result == -ENOSYS || result == -EINVAL { result = 0 }
        if result >= 0 {
            var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
            // SAFETY: a local array of a header's length.
            unsafe bytes.withUnsafeMutableBytes { bytes in
                guard let start = bytes.baseAddress else { return }
                unsafe SegmentHeader(number: number, time: secondsNow()).store(at: start)
            }
            let taken = writeAll(descriptor, bytes)
            result = taken == bytes.count ? 0 : taken < 0 ? Int32(clamping: taken) : -ENOSPC
        }
        guard result >= 0 else {
            _ = files.remove(path)
            return result
        }
        segments.withLock { $0.add(segment) }
        state.active = segment
        state.end = SegmentHeader.byteCount
        state.entries = []
        return 0
    }

    /// Ends writing to a segment: cut to its length, durable, with a hint.
    func seal(_ segment: Segment, _ state: inout WriterState) {
        defer {
            state.entries = []
            state.isDirty = false
        }
        if state.entries.isEmpty && !segment.isSuspect.load(ordering: .relaxed) {
            drop(segment)
            return
        }
        if files.truncate(segment.descriptor, bytes: state.end) >= 0 {
            segment.chargedBytes.store(Self.pages(state.end), ordering: .relaxed)
        }
        let synced = files.sync(segment.descriptor)
        counts.flushes.add(1)
        guard synced >= 0, !segment.isSuspect.load(ordering: .relaxed) else {
            if synced < 0 { noteSyncError(segment, synced) }
            return
        }
        writeHint(state.entries, segment, segmentBytes: state.end)
        _ = files.syncFolder(configuration.folder)
    }

    /// A segment that cannot be written to any more: it can be read, and is read in whole at the next start.
    func abandon(_ segment: Segment, _ state: inout WriterState) {
        segment.isSuspect.store(true, ordering: .relaxed)
        guard state.active === segment else { return }
        seal(segment, &state)
        state.active = nil
    }

    func writeHint(_ entries: [HintEntry], _ segment: Segment, segmentBytes: Int) {
        let bytes = HintFile.encode(entries, segment: segment.number, segmentBytes: segmentBytes)
        guard replace(segment.hintPath, bytes) else { return }
        segment.chargedBytes.wrappingAdd(Self.pages(bytes.count), ordering: .relaxed)
    }

    /// Takes a segment out and its files away. Who reads from it goes on.
    func drop(_ segment: Segment) {
        segments.withLock { $0.remove(segment) }
        _ = files.remove(segment.hintPath)
        _ = files.remove(segment.path)
    }

    // MARK: Small files

    /// Writes a file aside, makes it durable and gives it its name; the old one stays where that fails.
    func replace(_ path: String, _ bytes: [UInt8]) -> Bool {
        let aside = path + ".new"
        _ = files.remove(aside)
        let descriptor = files.open(aside, writable: true, create: true)
        guard descriptor >= 0 else {
            counts.writeErrors.add(1)
            return false
        }
        let isWritten = writeAll(descriptor, bytes) == bytes.count && files.sync(descriptor) >= 0
        files.close(descriptor)
        guard isWritten, files.rename(aside, path) >= 0 else {
            counts.writeErrors.add(1)
            _ = files.remove(aside)
            return false
        }
        return true
    }

    private func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Int {
        // SAFETY: the array is alive and unchanged; writing does not change what a part points at.
        unsafe bytes.withUnsafeBytes { bytes in
            var part = unsafe iovec(
                iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                iov_len: bytes.count
            )
            return unsafe withUnsafeMutablePointer(to: &part) { part in
                unsafe files.write(descriptor, UnsafeMutableBufferPointer(start: part, count: 1), at: 0)
            }
        }
    }

    func reportWrite(_ message: String, _ path: String, _ reason: String) {
        logger.log(.error, limitedBy: fault, message, ["file": .string(path), "reason": .string(reason)])
    }

    func noteSyncError(_ segment: Segment, _ code: Int32) {
        counts.syncErrors.add(1)
        segment.isSuspect.store(true, ordering: .relaxed)
        index.unmark(segment: segment.number, .verified)
        reportWrite(
            "making tiles durable failed; the file is written no more, what is read of it is checked",
            segment.path,
            systemMessage(-code)
        )
    }
}
