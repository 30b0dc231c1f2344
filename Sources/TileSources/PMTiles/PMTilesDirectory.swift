// SPDX-License-Identifier: Apache-2.0

import GZip

/// One directory of a PMTiles archive: runs of tiles, and pointers to leaf directories, by ascending tile number.
///
/// A value, read from bytes that nobody vouches for: counts are held against the bytes that are there before anything
/// is given memory, sums cannot overflow, and what is kept points inside its section.
package struct PMTilesDirectory: Sendable, Hashable {
    /// Tiles with consecutive numbers and the same bytes; or, with `run` 0, a leaf directory.
    package struct Entry: Sendable, Hashable {
        /// The number of the first tile.
        package var first: UInt64
        /// Relative to the section of tiles; of a leaf, to the section of leaf directories.
        package var offset: UInt64
        package var count: UInt32
        /// How many tiles.
        package var run: UInt32

        package init(first: UInt64, offset: UInt64, count: UInt32, run: UInt32) {
            self.first = first
            self.offset = offset
            self.count = count
            self.run = run
        }

        package var isLeaf: Bool { run == 0 }
    }

    package typealias Failure = PMTilesHeader.Failure

    /// The most bytes of a directory, compressed and as it is, and the most entries. Writers make leaves of some
    /// thousand; all of a larger one would have to be read for a single tile.
    package static let maxBytes = 16 << 20
    package static let maxEntries = 1 << 20

    package let entries: [Entry]

    package init(entries: [Entry]) { self.entries = entries }

    /// What it takes in memory.
    var memoryBytes: Int { entries.count * MemoryLayout<Entry>.stride + 64 }

    /// Reads the bytes of a directory as they lie in the file.
    ///
    /// - Parameters:
    ///   - tileBytes: the length of the section of tiles.
    ///   - leafBytes: the length of the section of leaf directories.
    package init(
        parsing stored: [UInt8],
        compression: PMTilesHeader.Compression,
        tileBytes: Int,
        leafBytes: Int
    ) throws(Failure) {
        var bytes = stored
        if compression == .gzip || compression == .unknown && GZip.isCompressed(stored) {
            do { bytes = try GZip.inflate(stored, limit: Self.maxBytes) } catch {
                throw Failure(reason: "a directory is not what it should be: \(error)")
            }
        }
        var reader = VarintReader(bytes: bytes)
        let declared = try reader.next("the number of entries")
        // An entry is four numbers of a byte at least.
        guard let count = Int(exactly: declared), count <= reader.remaining / 4 else {
            throw Failure(reason: "a directory of \(bytes.count) bytes says that it has \(declared) entries")
        }
        guard count <= Self.maxEntries else {
            throw Failure(reason: "a directory of \(count) entries; the limit is \(Self.maxEntries)")
        }
        var entries = [Entry](repeating: Entry(first: 0, offset: 0, count: 0, run: 0), count: count)
        var number: UInt64 = 0
        for index in 0..<count {
            let step = try reader.next("a tile number")
            let (next, overflows) = number.addingReportingOverflow(step)
            guard !overflows, index == 0 || step > 0 else {
                throw Failure(reason: "tile numbers of a directory do not ascend")
            }
            number = next
            entries[index].first = number
        }
        for index in 0..<count {
            let run = try reader.next("a run length")
            guard let run = UInt32(exactly: run), !entries[index].first.addingReportingOverflow(UInt64(run)).overflow
            else { throw Failure(reason: "a run of \(run) tiles") }
            entries[index].run = run
        }
        for index in 0..<count {
            let length = try reader.next("a length")
            guard let length = UInt32(exactly: length), length > 0 else {
                throw Failure(reason: "an entry of \(length) bytes")
            }
            entries[index].count = length
        }
        for index in 0..<count {
            let offset = try reader.next("an offset")
            if offset > 0 {
                entries[index].offset = offset - 1
            } else {
                guard index > 0 else { throw Failure(reason: "the first entry has no offset") }
                // It cannot overflow: the entry before was held against its section.
                entries[index].offset = entries[index - 1].offset + UInt64(entries[index - 1].count)
            }
            try Self.check(entries[index], tileBytes: tileBytes, leafBytes: leafBytes)
        }
        guard reader.remaining == 0 else {
            throw Failure(reason: "\(reader.remaining) bytes behind the last entry of a directory")
        }
        self.entries = entries
    }

    private static func check(_ entry: Entry, tileBytes: Int, leafBytes: Int) throws(Failure) {
        let limit = entry.isLeaf ? leafBytes : tileBytes
        let (end, overflows) = entry.offset.addingReportingOverflow(UInt64(entry.count))
        guard !overflows, end <= UInt64(limit) else {
            let what = entry.isLeaf ? "the leaf directory" : "the bytes"
            throw Failure(
                reason: """
                    \(what) of tile number \(entry.first) (offset \(entry.offset), \(entry.count) bytes) lie outside \
                    the section of \(limit) bytes
                    """
            )
        }
        guard !entry.isLeaf || entry.count <= maxBytes else {
            throw Failure(reason: "a leaf directory of \(entry.count) bytes; the limit is \(maxBytes)")
        }
    }

    /// The entry that has the tile of that number, or points at the leaf that may; nil where there is none.
    /// Complexity: logarithmic.
    package func entry(of number: UInt64) -> Entry? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].first <= number { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let entry = entries[low - 1]
        return entry.isLeaf || number - entry.first < UInt64(entry.run) ? entry : nil
    }

    /// The bytes of a directory, not compressed yet.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        Self.append(UInt64(entries.count), to: &bytes)
        var last: UInt64 = 0
        for entry in entries {
            Self.append(entry.first - last, to: &bytes)
            last = entry.first
        }
        for entry in entries { Self.append(UInt64(entry.run), to: &bytes) }
        for entry in entries { Self.append(UInt64(entry.count), to: &bytes) }
        var expected: UInt64?
        for entry in entries {
            Self.append(entry.offset == expected ? 0 : entry.offset + 1, to: &bytes)
            expected = entry.offset + UInt64(entry.count)
        }
        return bytes
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// Numbers of seven bits a byte, the lowest first (protocol buffers call them varints).
private struct VarintReader {
    private let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func next(_ what: String) throws(PMTilesHeader.Failure) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            guard shift < 63 || byte <= 1 else { break }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
            guard shift < 70 else { break }
        }
        throw PMTilesHeader.Failure(reason: "a directory ends, or holds no number, where \(what) should be")
    }
}
