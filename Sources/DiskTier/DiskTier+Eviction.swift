// SPDX-License-Identifier: Apache-2.0

import CPlatform
import LockFree
import Synchronization
import TileModel

extension DiskTier {
    /// Drops the oldest segment that is not being written. False where there is none.
    ///
    /// What was read of it since it was written moves to the active segment, where there is one: at most a quarter of the
    /// segment, and never more than half of the active one, so that eviction cannot feed on itself.
    func evictOldest(_ state: inout WriterState) -> Bool {
        let activeNumber = state.active?.number
        let oldest = segments.withLock { table in
            table.order.first { $0 != activeNumber }.flatMap { table.byNumber[$0] }
        }
        guard let oldest else { return false }
        var quota = oldest.chargedBytes.load(ordering: .relaxed) / 4
        var moved = 0
        var dropped = 0
        for record in records(of: oldest) {
            let place = record.indexEntry(segment: oldest.number)
            guard let entry = index.find(record.hash), entry.location == place.location else { continue }
            if entry.flags.contains(.used), quota >= entry.recordByteCount, move(entry, oldest, &state) {
                quota -= entry.recordByteCount
                moved += 1
            } else {
                index.remove(entry.hash, at: entry.location)
                dropped += 1
            }
        }
        drop(oldest)
        counts.segmentsEvicted.add(1)
        counts.tilesEvicted.add(dropped)
        counts.secondChances.add(moved)
        return true
    }

    /// What is in a sealed segment: by its hint, or where that is not whole by its headers.
    func records(of segment: Segment) -> [HintEntry] {
        if let hint = readHint(of: segment) { return hint }
        var entries: [HintEntry] = []
        var walk = SegmentWalk(segment, verifies: false)
        _ = walk.run { found in
            entries.append(HintEntry(found.header, offset: found.offset))
            return true
        }
        return entries
    }

    /// Appends a tile of an old segment to the active one. False where it is damaged, or there is no room.
    private func move(_ entry: IndexEntry, _ segment: Segment, _ state: inout WriterState) -> Bool {
        guard let active = state.active,
            state.end + entry.recordByteCount <= configuration.segmentBytes / 2
        else { return false }
        var bytes = [UInt8](repeating: 0, count: entry.recordByteCount)
        let byteCount = RecordHeader.byteCount + Int(entry.bodyCount)
        // SAFETY: the array is local and holds a whole record; the part points into it for the call.
        let moved = unsafe bytes.withUnsafeMutableBytes { bytes -> RecordHeader? in
            let record = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<byteCount])
            guard let start = bytes.baseAddress, unsafe segment.read(into: record, at: entry.offset) == byteCount,
                var header = unsafe RecordHeader(at: UnsafeRawPointer(start), segment: segment.number),
                header.bodyCount == Int(entry.bodyCount),
                unsafe header.isBody(UnsafeRawBufferPointer(rebasing: record[RecordHeader.byteCount...]))
            else { return nil }
            header.segment = active.number
            unsafe header.store(at: start)
            var part = unsafe iovec(iov_base: start, iov_len: bytes.count)
            let taken = unsafe withUnsafeMutablePointer(to: &part) { part in
                unsafe files.write(active.descriptor, UnsafeMutableBufferPointer(start: part, count: 1), at: state.end)
            }
            return taken == header.recordByteCount ? header : nil
        }
        guard let moved else { return false }
        let record = HintEntry(moved, offset: state.end)
        state.entries.append(record)
        state.end += moved.recordByteCount
        state.isDirty = true
        index.put(record.indexEntry(segment: active.number))
        return true
    }
}
