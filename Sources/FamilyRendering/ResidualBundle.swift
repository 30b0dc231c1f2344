// SPDX-License-Identifier: Apache-2.0

/// All residual packs of a slide in one file: a header of 32 bytes, the pack files, and an index of 12 bytes a family,
/// row by row. Pure functions over bytes; whoever has the file reads the header once, then one index entry and one
/// pack per family.
package enum ResidualBundle {
    package static let headerBytes = 32
    package static let indexEntryBytes = 12
    /// The largest pack that is accepted in a bundle: incompressible contents of the largest uncompressed size.
    package static let maxPackBytes = ResidualPack.maxUncompressedBytes + ResidualPack.maxUncompressedBytes / 255 + 64

    /// What the first 32 bytes say, checked against the file's size.
    package struct Header: Hashable, Sendable {
        /// The grid of families.
        package let columns: Int
        package let rows: Int
        /// Where the index starts; all of it lies inside the file.
        package let indexOffset: Int
        /// The size of the file that was checked against.
        package let fileSize: Int

        /// Reads the header. `bytes` are the first 32 of a file of `fileSize` bytes.
        package static func parse(_ bytes: UnsafeRawBufferPointer, fileSize: Int) throws(PackError) -> Header {
            guard bytes.count >= headerBytes, fileSize >= headerBytes else {
                throw .truncated(what: "residual bundle", needed: headerBytes, available: min(bytes.count, fileSize))
            }
            // SAFETY: all reads are inside the 32 bytes.
            guard unsafe LittleEndian.u32(bytes, 0) == LittleEndian.magic("ORIB") else {
                throw .wrongMagic(what: "residual bundle")
            }
            let version = Int(unsafe LittleEndian.u16(bytes, 4))
            guard version == 1 else { throw .unknownVersion(what: "residual bundle", version: version) }
            let columns = Int(unsafe LittleEndian.u16(bytes, 6))
            let rows = Int(unsafe LittleEndian.u16(bytes, 8))
            let count = Int(unsafe LittleEndian.u32(bytes, 10))
            guard columns > 0, rows > 0, count == columns * rows else {
                throw .outOfBounds(what: "a bundle's count of \(count) families for a grid of \(columns)x\(rows)")
            }
            guard let indexOffset = Int(exactly: unsafe LittleEndian.u64(bytes, 14)),
                indexOffset >= headerBytes, indexOffset <= fileSize,
                count * indexEntryBytes <= fileSize - indexOffset
            else { throw .outOfBounds(what: "a bundle's index of \(count) families") }
            return Header(columns: columns, rows: rows, indexOffset: indexOffset, fileSize: fileSize)
        }

        /// The same, from an array.
        package static func parse(_ bytes: [UInt8], fileSize: Int) throws(PackError) -> Header {
            let result: Result<Header, PackError> = unsafe bytes.withUnsafeBytes { raw in
                do throws(PackError) {
                    return .success(try unsafe parse(raw, fileSize: fileSize))
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }

        /// The bytes of the whole index.
        package var indexRange: Range<Int> { indexOffset..<(indexOffset + columns * rows * indexEntryBytes) }

        /// Where the index entry of the family at `column`, `row` of the parents' level lies, or nil beyond the grid.
        package func indexEntryRange(column: Int, row: Int) -> Range<Int>? {
            guard (0..<columns).contains(column), (0..<rows).contains(row) else { return nil }
            let start = indexOffset + (row * columns + column) * indexEntryBytes
            return start..<(start + indexEntryBytes)
        }

        /// Reads one index entry: where the family's pack lies, or nil where it has none. A pack that does not lie
        /// inside the file, or reaches into header or index, is refused.
        package func packRange(indexEntry bytes: UnsafeRawBufferPointer) throws(PackError) -> Range<Int>? {
            guard bytes.count >= indexEntryBytes else {
                throw .truncated(what: "bundle index entry", needed: indexEntryBytes, available: bytes.count)
            }
            // SAFETY: both reads are inside the 12 bytes.
            let length = Int(unsafe LittleEndian.u32(bytes, 8))
            if length == 0 { return nil }
            guard let offset = Int(exactly: unsafe LittleEndian.u64(bytes, 0)), offset >= headerBytes,
                offset <= fileSize, length <= fileSize - offset
            else { throw .outOfBounds(what: "a pack of \(length) bytes in a bundle") }
            guard length >= ResidualPack.minFileBytes, length <= maxPackBytes else {
                throw .implausibleSize(declared: length, compressed: length)
            }
            guard offset + length <= indexOffset || offset >= indexRange.upperBound else {
                throw .outOfBounds(what: "a pack of \(length) bytes that overlaps its bundle's index, and thus")
            }
            return offset..<(offset + length)
        }
    }

    /// The 32 bytes before the packs. The grid must fit 16 bits a side and not be empty.
    package static func header(columns: Int, rows: Int, indexOffset: Int) -> [UInt8] {
        precondition((1...65535).contains(columns) && (1...65535).contains(rows), "a bundle of \(columns)x\(rows)")
        var bytes = Array("ORIB".utf8)
        LittleEndian.append(UInt16(1), to: &bytes)
        LittleEndian.append(UInt16(columns), to: &bytes)
        LittleEndian.append(UInt16(rows), to: &bytes)
        LittleEndian.append(UInt32(columns * rows), to: &bytes)
        LittleEndian.append(UInt64(indexOffset), to: &bytes)
        bytes.append(contentsOf: [UInt8](repeating: 0, count: 10))
        return bytes
    }

    /// One entry of the index: nil or an empty range for a family without a pack.
    package static func indexEntry(_ range: Range<Int>?) -> [UInt8] {
        var bytes: [UInt8] = []
        LittleEndian.append(UInt64(range?.lowerBound ?? 0), to: &bytes)
        LittleEndian.append(UInt32(range?.count ?? 0), to: &bytes)
        return bytes
    }

    /// A whole bundle in memory, from the pack files row by row; nil for a family without one.
    package static func file(columns: Int, rows: Int, packs: [[UInt8]?]) -> [UInt8] {
        precondition(packs.count == columns * rows, "\(packs.count) packs for \(columns)x\(rows) families")
        let indexOffset = headerBytes + packs.reduce(0) { $0 + ($1?.count ?? 0) }
        var bytes = header(columns: columns, rows: rows, indexOffset: indexOffset)
        var index: [UInt8] = []
        for pack in packs {
            index.append(contentsOf: indexEntry(pack.map { bytes.count..<(bytes.count + $0.count) }))
            if let pack { bytes.append(contentsOf: pack) }
        }
        return bytes + index
    }
}
