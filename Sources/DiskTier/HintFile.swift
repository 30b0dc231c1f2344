// SPDX-License-Identifier: Apache-2.0

import CPlatform
import TileModel

/// What a hint says of one record: 16 bytes.
struct HintEntry: Hashable, Sendable {
    var hash: UInt64
    var offset: Int
    var bodyCount: Int
    var isDeletion: Bool

    static let byteCount = 16

    init(_ header: RecordHeader, offset: Int) {
        hash = header.key.mixed
        self.offset = offset
        bodyCount = header.bodyCount
        isDeletion = header.isDeletion
    }

    fileprivate init(hash: UInt64, offset: Int, bodyCount: Int, isDeletion: Bool) {
        self.hash = hash
        self.offset = offset
        self.bodyCount = bodyCount
        self.isDeletion = isDeletion
    }

    /// The entry of the index that it stands for.
    func indexEntry(segment: UInt32) -> IndexEntry {
        IndexEntry(
            hash: hash,
            segment: segment,
            offset: offset,
            bodyCount: UInt32(clamping: bodyCount),
            flags: isDeletion ? .deletion : []
        )
    }
}

/// The contents of a sealed segment in short, beside it in a file of its own, so that a start reads 16 bytes for each tile.
///
/// A head of 64 bytes (magic, version, number and size of the segment, number of entries, checksums), then an entry for
/// each record: u64 hash, u32 offset in units of 8, u32 bytes of the body with the topmost bit for a deletion.
/// It is a hint: the segment's records decide, and what is read is checked there.
enum HintFile {
    private static let magic: UInt64 = 0x0A54_4E49_485A_524F
    static let headByteCount = 64
    private static let deletionBit: UInt32 = 1 << 31

    static func byteCount(entries: Int) -> Int { headByteCount + entries * HintEntry.byteCount }

    /// The file for a segment of `segmentBytes` bytes.
    static func encode(_ entries: [HintEntry], segment: UInt32, segmentBytes: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount(entries: entries.count))
        // SAFETY: the array's own storage; every offset is below its count.
        unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let start = buffer.baseAddress else { return }
            for (index, entry) in entries.enumerated() {
                let place = unsafe start + headByteCount + index * HintEntry.byteCount
                unsafe place.store(entry.hash, at: 0)
                unsafe place.store(UInt32(truncatingIfNeeded: entry.offset / RecordHeader.alignment), at: 8)
                unsafe place.store(UInt32(clamping: entry.bodyCount) | (entry.isDeletion ? deletionBit : 0), at: 12)
            }
            unsafe start.store(magic, at: 0)
            unsafe start.store(SegmentHeader.version, at: 8)
            unsafe start.store(segment, at: 12)
            unsafe start.store(UInt64(segmentBytes), at: 16)
            unsafe start.store(UInt64(entries.count), at: 24)
            let body = unsafe platform_crc32c(0, start + headByteCount, buffer.count - headByteCount)
            unsafe start.store(body, at: 32)
            unsafe start.store(platform_crc32c(0, start, 60), at: 60)
        }
        return bytes
    }

    /// The entries, where the bytes are whole and of this segment as it is now; else nil.
    static func decode(_ bytes: [UInt8], segment: UInt32, segmentBytes: Int) -> [HintEntry]? {
        // SAFETY: the array's own storage; every offset is checked against its count.
        unsafe bytes.withUnsafeBytes { buffer -> [HintEntry]? in
            guard let start = buffer.baseAddress, buffer.count >= headByteCount,
                unsafe start.load64(at: 0) == magic,
                unsafe start.load32(at: 8) == SegmentHeader.version,
                unsafe start.load32(at: 12) == segment,
                unsafe start.load64(at: 16) == UInt64(segmentBytes),
                unsafe start.load32(at: 60) == platform_crc32c(0, start, 60),
                let count = unsafe Int(exactly: start.load64(at: 24)),
                count <= (buffer.count - headByteCount) / HintEntry.byteCount,
                byteCount(entries: count) == buffer.count,
                unsafe start.load32(at: 32) == platform_crc32c(0, start + headByteCount, buffer.count - headByteCount)
            else { return nil }
            var entries: [HintEntry] = []
            entries.reserveCapacity(count)
            for index in 0..<count {
                let place = unsafe start + headByteCount + index * HintEntry.byteCount
                let length = unsafe place.load32(at: 12)
                let entry = unsafe HintEntry(
                    hash: place.load64(at: 0),
                    offset: Int(place.load32(at: 8)) * RecordHeader.alignment,
                    bodyCount: Int(length & ~deletionBit),
                    isDeletion: length & deletionBit != 0
                )
                guard entry.offset >= SegmentHeader.byteCount,
                    entry.offset + RecordHeader.recordByteCount(bodyCount: entry.bodyCount) <= segmentBytes
                else { return nil }
                entries.append(entry)
            }
            return entries
        }
    }
}
