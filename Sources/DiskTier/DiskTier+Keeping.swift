// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree
import Synchronization
import Telemetry
import TileModel

/// What wakes the keeper.
struct KeeperState: Sendable {
    var isStopping = false
}

extension DiskTier {
    /// Makes what was written durable at every interval, and reads a little of the rest again: the body of the keeper's
    /// thread.
    func keep() {
        var scrub: Scrub?
        let interval = configuration.syncInterval
        while keeper.wait(forAtMost: interval, until: { $0.isStopping ? true : nil }) == nil {
            syncActive()
            guard configuration.scrubBytesPerSecond > 0, loading.withLock({ $0.isFinished }) else { continue }
            let (seconds, attoseconds) = interval.components
            let share = Double(seconds) + Double(attoseconds) / 1e18
            scrubStep(&scrub, bytes: Int(Double(configuration.scrubBytesPerSecond) * min(share, 60)))
        }
    }

    private func syncActive() {
        let active = writer.withLock { state -> Segment? in
            guard state.isDirty else { return nil }
            state.isDirty = false
            return state.active
        }
        guard let active else { return }
        let result = files.sync(active.descriptor)
        counts.flushes.add(1)
        guard result < 0 else { return }
        // What the kernel could not write it may have dropped, and it says so once.
        noteSyncError(active, result)
        writer.withLock { abandon(active, &$0) }
    }

    /// A walk through one segment that goes on at the next interval.
    struct Scrub {
        let number: UInt32
        var walk: SegmentWalk
    }

    /// Compares the next `bytes` bytes of sealed segments with their checksums.
    private func scrubStep(_ scrub: inout Scrub?, bytes: Int) {
        var rest = bytes
        // Each segment once at most in a step.
        var begun = 0
        while rest > 0 {
            if scrub == nil {
                guard begun < segments.withLock({ $0.order.count }) else { return }
                begun += 1
                lastScrubbed.withLock { last in scrub = nextScrub(after: last) }
            }
            guard var current = scrub else { return }
            lastScrubbed.withLock { $0 = current.number }
            let isEvicted = segments.withLock { $0.byNumber[current.number] == nil }
            let end = isEvicted ? .noRecord : run(&current, &rest)
            if case .stopped = end { scrub = current } else { scrub = nil }
            if case .readError = end { counts.readErrors.add(1) }
        }
    }

    private func run(_ scrub: inout Scrub, _ rest: inout Int) -> SegmentWalk.End {
        let number = scrub.number
        var left = rest
        let end = scrub.walk.run { found in
            left -= found.header.recordByteCount
            let hash = found.header.key.mixed
            let location = IndexEntry.location(segment: number, offset: found.offset)
            if found.isWhole == true {
                index.mark(hash, at: location, .verified)
            } else if index.remove(hash, at: location) {
                counts.damagedOnScrub.add(1)
            }
            return left > 0 && !isClosing.load(ordering: .relaxed)
        }
        counts.scrubbedBytes.add(rest - left)
        rest = isClosing.load(ordering: .relaxed) ? 0 : left
        return end
    }

    /// The sealed segment behind the one of that number, in a circle.
    private func nextScrub(after last: UInt32) -> Scrub? {
        let active = writer.withLock { $0.active?.number }
        let segment = segments.withLock { table in
            let sealed = table.order.filter { $0 != active }
            return (sealed.first { $0 > last } ?? sealed.first).flatMap { table.byNumber[$0] }
        }
        return segment.map { Scrub(number: $0.number, walk: SegmentWalk($0, verifies: true)) }
    }

    // MARK: Small files beside the log

    /// Keeps a small file in the folder; the old one stays where that fails, or where it would be too large.
    package func storeSideFile(_ name: String, _ bytes: [UInt8]) -> Bool {
        guard 2 * Self.pages(bytes.count) <= configuration.sideBytes else { return false }
        return replace(configuration.folder + "/" + name, bytes)
    }

    /// The small file of that name; nil where there is none.
    package func sideFile(_ name: String) -> [UInt8]? {
        contents(of: configuration.folder + "/" + name, limit: configuration.sideBytes)
    }

    /// How long a file beside the log may be.
    package var maxSideFileBytes: Int { configuration.sideBytes / 2 - 4096 }
}
