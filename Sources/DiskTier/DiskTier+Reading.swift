// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization
import Telemetry
package import TileModel

extension DiskTier {
    /// Reads tiles. Tiles that lie side by side, as a family that was written at once does, are read by one call.
    package func get(_ keys: [TierKey], of family: TierFamilyKey, into buffer: TierBuffer) -> [TierAnswer] {
        buffer.removeAll()
        guard isAvailable else { return keys.map { _ in .unavailable } }
        var answers = [TierAnswer](repeating: .absent, count: keys.count)
        if keys.count == 1 {
            // The frequent case, without arrays of its own.
            guard let entry = index.find(keys[0].mixed, using: true) else { return answers }
            read(CollectionOfOne((place: 0, entry: entry)), keys, buffer, &answers)
            return answers
        }
        var found: [(place: Int, entry: IndexEntry)] = []
        for (place, key) in keys.enumerated() {
            if let entry = index.find(key.mixed, using: true) { found.append((place, entry)) }
        }
        found.sort { $0.entry.location < $1.entry.location }
        var first = 0
        while first < found.count {
            var end = first + 1
            while end < found.count
                && Self.isNear(found[end].entry, behind: found[end - 1].entry, from: found[first].entry)
            {
                end += 1
            }
            read(found[first..<end], keys, buffer, &answers)
            first = end
        }
        return answers
    }

    /// Bytes between two tiles that are read with them rather than by another call: copying a page costs a tenth of one.
    private static let maxGap = 4096
    /// Bytes that one call reads at most where it reads several tiles.
    private static let maxRun = 4 << 20

    private static func isNear(_ entry: IndexEntry, behind last: IndexEntry, from first: IndexEntry) -> Bool {
        entry.segment == last.segment && entry.offset - last.offset - last.recordByteCount <= maxGap
            && entry.offset + entry.recordByteCount - first.offset <= maxRun
    }

    private func read(
        _ run: some BidirectionalCollection<(place: Int, entry: IndexEntry)>,
        _ keys: [TierKey],
        _ buffer: TierBuffer,
        _ answers: inout [TierAnswer]
    ) {
        guard let first = run.first?.entry, let last = run.last?.entry else { return }
        guard let segment = segments.withLock({ $0.byNumber[first.segment] }) else {
            // Evicted between the look-up and now.
            return
        }
        // The last record's padding need not be there.
        let count = last.offset - first.offset + RecordHeader.byteCount + Int(last.bodyCount)
        let range = buffer.take(count)
        // SAFETY: the range was just taken of the buffer's bytes, which nobody else has.
        let got = unsafe buffer.bytes.withUnsafeMutableBytes { bytes in
            unsafe segment.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[range]), at: first.offset)
        }
        if got < 0 {
            counts.readErrors.add(1)
            logger.log(
                .error,
                limitedBy: fault,
                "reading tiles from disk failed; they are rendered again",
                ["file": .string(segment.path), "reason": .string(systemMessage(Int32(clamping: -got)))]
            )
        }
        for (place, entry) in run {
            let start = range.lowerBound + entry.offset - first.offset
            let end = start + RecordHeader.byteCount + Int(entry.bodyCount)
            let answer =
                end - range.lowerBound <= got ? check(keys[place], entry, buffer, start..<end) : TierAnswer.damaged
            answers[place] = answer
            switch answer {
            case .damaged:
                index.remove(entry.hash, at: entry.location)
                if got >= 0 { counts.damagedOnRead.add(1) }
            case .found:
                if !entry.flags.contains(.verified) { index.mark(entry.hash, at: entry.location, .verified) }
            case .absent, .unavailable: break
            }
        }
    }

    /// Compares everything that is stored with a tile.
    private func check(_ key: TierKey, _ entry: IndexEntry, _ buffer: TierBuffer, _ range: Range<Int>) -> TierAnswer {
        // SAFETY: the range is of bytes that were read into the buffer, of at least a header's length.
        unsafe buffer.bytes.withUnsafeBytes { bytes -> TierAnswer in
            let record = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
            guard let start = record.baseAddress,
                let header = unsafe RecordHeader(at: start, segment: entry.segment),
                header.bodyCount == Int(entry.bodyCount), !header.isDeletion
            else { return .damaged }
            // Another tile with the same hash: it stays, this one is not here.
            guard header.key == key else { return .absent }
            guard unsafe header.isBody(UnsafeRawBufferPointer(rebasing: record[RecordHeader.byteCount...])) else {
                return .damaged
            }
            return .found(
                TierTile(range: range.lowerBound + RecordHeader.byteCount..<range.upperBound, cost: header.cost)
            )
        }
    }

    /// Two calls of the system: the header is read once more, and the descriptor is doubled.
    package func region(of key: TierKey) -> TierRegion? {
        guard isAvailable, let entry = index.find(key.mixed, using: true), entry.flags.contains(.verified),
            let segment = segments.withLock({ $0.byNumber[entry.segment] }),
            !segment.isSuspect.load(ordering: .relaxed)
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: RecordHeader.byteCount)
        // SAFETY: a local array, of a header's length.
        let header = unsafe bytes.withUnsafeMutableBytes { bytes -> RecordHeader? in
            guard unsafe segment.read(into: bytes, at: entry.offset) == RecordHeader.byteCount else { return nil }
            return unsafe RecordHeader(at: UnsafeRawPointer(bytes.baseAddress!), segment: entry.segment)
        }
        guard let header, header.key == key, header.bodyCount == Int(entry.bodyCount) else { return nil }
        let descriptor = files.duplicate(segment.descriptor)
        guard descriptor >= 0 else { return nil }
        return TierRegion(
            descriptor: descriptor,
            offset: entry.offset + RecordHeader.byteCount,
            byteCount: header.bodyCount
        )
    }
}
