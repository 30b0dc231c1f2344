// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree
import Synchronization
import Telemetry
import TileModel

/// What is left to be read in after the start.
struct LoadingState: Sendable {
    /// The oldest first: the newest is taken next.
    var pending: [Segment] = []
    var running = 0
    /// Whether everything has been read in, and deletions have done their work.
    var isFinished = false
    /// Whether nobody needs the rest any more.
    var isClosing = false
    /// Nanoseconds from the opening to the end of it.
    var duration = 0
    var start = 0
}

extension DiskTier {
    // MARK: Opening

    /// Opens the segments in the folder, drops what is not ours to read, and what is over the budget.
    func openSegments(_ names: [String]) {
        let folder = configuration.folder
        var last: UInt32 = 0
        var opened: [Segment] = []
        for name in names.sorted() {
            // What was being written aside when a process ended.
            if name.hasSuffix(".new") { _ = files.remove(folder + "/" + name) }
            guard let number = Segment.number(ofName: name) else { continue }
            last = max(last, number)
            if let segment = open(folder + "/" + name, number) { opened.append(segment) }
        }
        // Hints without a segment take room for nothing.
        let known = Set(opened.map(\.hintPath))
        for name in names where name.hasSuffix(".hint") && !known.contains(folder + "/" + name) {
            _ = files.remove(folder + "/" + name)
        }
        segments.withLock { table in
            for segment in opened { table.add(segment) }
        }
        writer.withLock { state in
            state.nextNumber = last == .max ? last : last + 1
            while usedBytes + configuration.segmentBytes > configuration.logBytes, evictOldest(&state) {}
        }
        let pending = segments.withLock { table in table.order.compactMap { table.byNumber[$0] } }
        loading.withLock { state in
            state.pending = pending
            state.isFinished = pending.isEmpty
            state.start = MonotonicClock.nanoseconds
        }
    }

    private func open(_ path: String, _ number: UInt32) -> Segment? {
        let descriptor = files.open(path, writable: true, create: false)
        guard descriptor >= 0 else {
            counts.readErrors.add(1)
            reportWrite("a file of tiles cannot be opened; it is left alone", path, systemMessage(-descriptor))
            return nil
        }
        let size = max(files.size(descriptor), 0)
        let segment = Segment(
            number: number,
            path: path,
            descriptor: descriptor,
            files: files,
            chargedBytes: Self.pages(size) + hintCharge(path)
        )
        var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
        // SAFETY: a local array of a header's length.
        let (recognition, got) = unsafe bytes.withUnsafeMutableBytes { bytes in
            let got = unsafe segment.read(into: bytes, at: 0)
            guard got == SegmentHeader.byteCount, let start = bytes.baseAddress else {
                return (SegmentHeader.Recognition.unknown, got)
            }
            return (unsafe SegmentHeader.recognize(UnsafeRawPointer(start)), got)
        }
        if case .ours(let header) = recognition, header.number == number { return segment }
        if got < 0 {
            counts.readErrors.add(1)
            reportWrite("a file of tiles cannot be read; it is left alone", path, systemMessage(Int32(clamping: -got)))
            return nil
        }
        // Nothing in it can be used, and it would take room for ever.
        switch recognition {
        case .otherVersion(let version):
            logger.log(
                .info,
                "dropped a file of tiles of another version",
                ["file": .string(path), "version": .integer(Int(version))]
            )
        case .ours, .unknown:
            counts.damagedOnLoad.add(1)
            logger.log(.warning, "dropped a file that is no file of tiles", ["file": .string(path)])
        }
        counts.segmentsIgnored.add(1)
        _ = files.remove(segment.hintPath)
        _ = files.remove(path)
        return nil
    }

    private func hintCharge(_ path: String) -> Int {
        let descriptor = files.open(Segment.hintPath(ofSegmentAt: path), writable: false, create: false)
        guard descriptor >= 0 else { return 0 }
        defer { files.close(descriptor) }
        return Self.pages(max(files.size(descriptor), 0))
    }

    // MARK: Reading in

    /// Reads in one segment after the other until there is none: the body of the loading threads.
    func loadSegments() {
        while true {
            let segment = loading.withLock { state -> Segment? in
                guard !isClosing.load(ordering: .relaxed), let next = state.pending.popLast() else { return nil }
                state.running += 1
                return next
            }
            guard let segment else { return }
            load(segment)
            let isLast = loading.withLock { state in
                state.running -= 1
                return state.running == 0 && state.pending.isEmpty
            }
            guard isLast else { continue }
            index.removeDeletions()
            let (tiles, _) = index.totals
            let duration = loading.withLock { state in
                state.duration = MonotonicClock.nanoseconds - state.start
                state.isFinished = true
                return state.duration
            }
            loading.broadcast()
            logger.log(
                .info,
                "read the index of tiles on disk",
                ["tiles": .integer(tiles), "milliseconds": .integer(duration / 1_000_000)]
            )
        }
    }

    private func load(_ segment: Segment) {
        if let hint = readHint(of: segment) {
            for entry in hint { index.put(entry.indexEntry(segment: segment.number)) }
            return
        }
        // It was being written when a process ended, or its hint is damaged: every body is compared.
        counts.segmentsScanned.add(1)
        var walk = SegmentWalk(segment, verifies: true)
        var entries: [HintEntry] = []
        let end = walk.run { found in
            let record = HintEntry(found.header, offset: found.offset)
            if found.isWhole == true || found.header.isDeletion {
                var entry = record.indexEntry(segment: segment.number)
                entry.flags.insert(.verified)
                index.put(entry)
                entries.append(record)
            } else {
                counts.damagedOnLoad.add(1)
            }
            return !isClosing.load(ordering: .relaxed)
        }
        switch end {
        case .stopped: break
        case .noRecord:
            // What follows is the room that was made beforehand, or cannot be read.
            if files.truncate(segment.descriptor, bytes: walk.offset) >= 0 {
                segment.chargedBytes.store(Self.pages(walk.offset), ordering: .relaxed)
            }
            if files.sync(segment.descriptor) >= 0 {
                writeHint(entries, segment, segmentBytes: max(segment.byteCount, 0))
            }
        case .readError(let code):
            counts.readErrors.add(1)
            reportWrite("a file of tiles cannot be read to its end", segment.path, systemMessage(code))
        }
    }

    /// The hint of a sealed segment; nil where there is none, or it is damaged, or of another state of the segment.
    func readHint(of segment: Segment) -> [HintEntry]? {
        // A record takes more room than its place in a hint.
        let limit = HintFile.byteCount(entries: max(segment.byteCount, 0) / HintEntry.byteCount)
        guard let bytes = contents(of: segment.hintPath, limit: limit) else { return nil }
        let hint = HintFile.decode(bytes, segment: segment.number, segmentBytes: max(segment.byteCount, 0))
        if hint == nil { counts.hintsRefused.add(1) }
        return hint
    }

    func contents(of path: String, limit: Int) -> [UInt8]? { Self.contents(of: path, limit: limit, files) }

    /// A whole small file; nil where there is none, or it cannot be read, or it is longer than `limit`.
    static func contents(of path: String, limit: Int, _ files: any DiskFileSystem) -> [UInt8]? {
        let descriptor = files.open(path, writable: false, create: false)
        guard descriptor >= 0 else { return nil }
        defer { files.close(descriptor) }
        let size = files.size(descriptor)
        guard size > 0, size <= limit else { return nil }
        var bytes = [UInt8](repeating: 0, count: size)
        // SAFETY: the array's own storage.
        let got = unsafe bytes.withUnsafeMutableBytes { unsafe files.read(descriptor, into: $0, at: 0) }
        return got == size ? bytes : nil
    }

    /// Whether everything on disk is in the index; waits for it, at most so long.
    package func waitUntilLoaded(forAtMost limit: Duration) -> Bool {
        loading.wait(forAtMost: limit) { $0.isFinished ? true : nil } ?? false
    }
}
