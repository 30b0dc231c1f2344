// SPDX-License-Identifier: Apache-2.0

import GZip
package import TileModel
import TileSources

/// Writes a PMTiles archive (version 3): tiles in ascending order of their numbers, equal ones once, runs of equal ones
/// as one entry, leaf directories where the root would be too large.
///
/// While tiles come, their bytes go to `TARGET.part` and one record for each to `TARGET.part-index`; `finish` writes
/// the header and the directories, and copies the tiles behind them, as the format wants them. What a run leaves when
/// it is killed is cut back to the last record that is whole.
package final class PMTilesWriter: ExportWriter {
    private let plan: ExportPlan
    private let data: OutputFile
    private let index: OutputFile
    private var entries: [PMTilesDirectory.Entry] = []
    /// Where bytes of a hash lie; they are compared before they are believed.
    private var contents: [UInt64: [(offset: Int, count: Int)]] = [:]
    private var contentCount = 0
    private var addressed = 0
    private let compresses: Bool
    package private(set) var position: Int

    /// A leaf directory has so many entries, as writers of the format do it.
    private static let leafEntries = 4096
    /// number 8 | offset 8 | length 4 | check 4; a length of 0: the source has no tile there.
    private static let recordBytes = 24

    package init(_ plan: ExportPlan) throws(ExportError) {
        self.plan = plan
        compresses = plan.info.isCompressed
        let data = try OutputFile(path: plan.partPath)
        let index = try OutputFile(path: plan.partPath + "-index")
        let head = Array("orizuru export, pmtiles, \(plan.fingerprint)\n".utf8)
        if plan.restarts || index.count == 0 {
            try data.cut(to: 0)
            try index.cut(to: 0)
            try index.append(head)
        }
        guard try index.read(at: 0, count: head.count) == head else {
            throw .foreign(path: plan.partPath, reason: "it is of another source, or of one that has changed since")
        }
        self.data = data
        self.index = index
        position = 0
        try resume(behind: head.count)
    }

    package var wantsPadded: Bool { true }

    // MARK: Going on

    private func resume(behind headBytes: Int) throws(ExportError) {
        var place = headBytes
        var dataEnd = 0
        scan: while true {
            let chunk = try index.read(at: place, count: Self.recordBytes * 4096)
            var at = 0
            while at + Self.recordBytes <= chunk.count {
                let number = Self.word(chunk, at, 8)
                let offset = Int(Self.word(chunk, at + 8, 8) & 0x7FFF_FFFF_FFFF_FFFF)
                let count = Int(Self.word(chunk, at + 16, 4))
                // A check holds by chance, too: each record has to be the one of its place, and to lie within the data.
                guard Self.word(chunk, at + 20, 4) == Self.check(number, offset, count),
                    position < plan.order.count, number == UInt64(plan.order[position].hilbertIdentifier),
                    offset <= data.count, count <= data.count - offset
                else { break scan }
                if count > 0 {
                    if offset == dataEnd {
                        let bytes = try data.read(at: offset, count: count)
                        contents[Self.hash(bytes), default: []].append((offset, count))
                        contentCount += 1
                    }
                    dataEnd = max(dataEnd, offset + count)
                    note(number, offset, count)
                }
                position += 1
                at += Self.recordBytes
                place += Self.recordBytes
            }
            if chunk.count < Self.recordBytes * 4096 { break }
        }
        try index.cut(to: place)
        try data.cut(to: dataEnd)
    }

    // MARK: Tiles

    package func append(_ tile: TileCoordinate, _ bytes: [UInt8]?) throws(ExportError) {
        let number = UInt64(tile.hilbertIdentifier)
        var offset = 0
        var count = 0
        if var bytes, !bytes.isEmpty {
            if compresses, !GZip.isCompressed(bytes) {
                do { bytes = try GZip.deflate(bytes) } catch {
                    throw .target(path: plan.partPath, reason: "tile \(tile): \(error)")
                }
            }
            (offset, count) = try place(of: bytes)
            note(number, offset, count)
        }
        var record: [UInt8] = []
        Self.append(number, 8, to: &record)
        Self.append(UInt64(offset), 8, to: &record)
        Self.append(UInt64(count), 4, to: &record)
        Self.append(Self.check(number, offset, count), 4, to: &record)
        try index.append(record)
        position += 1
    }

    /// Where equal bytes lie already, or else where they are written now.
    private func place(of bytes: [UInt8]) throws(ExportError) -> (offset: Int, count: Int) {
        let hash = Self.hash(bytes)
        for known in contents[hash] ?? [] where known.count == bytes.count {
            if try data.read(at: known.offset, count: known.count) == bytes { return known }
        }
        let place = (data.count, bytes.count)
        try data.append(bytes)
        contents[hash, default: []].append(place)
        contentCount += 1
        return place
    }

    /// Adds a tile to the entries: to the last run, where it goes on.
    private func note(_ number: UInt64, _ offset: Int, _ count: Int) {
        addressed += 1
        if let last = entries.last, last.offset == UInt64(offset), last.count == UInt32(count),
            last.first + UInt64(last.run) == number, last.run < .max
        {
            entries[entries.count - 1].run += 1
            return
        }
        entries.append(
            PMTilesDirectory.Entry(first: number, offset: UInt64(offset), count: UInt32(clamping: count), run: 1)
        )
    }

    package func checkpoint() throws(ExportError) {
        // The tiles before the records that speak of them.
        try data.synchronize()
        try index.synchronize()
    }

    // MARK: The archive

    package func finish() throws(ExportError) {
        try data.flush()
        let path = plan.partPath + "-archive"
        OutputPath.remove(path)
        let output = try OutputFile(path: path)
        let metadata = try compressed(ExportMetadata.json(of: plan.info))
        let (root, leaves) = try directories()
        var place = PMTilesHeader.byteCount
        func section(_ count: Int) -> Range<Int> {
            defer { place += count }
            return place..<place + count
        }
        var header = PMTilesHeader(
            root: section(root.count),
            metadata: section(metadata.count),
            leaves: section(leaves.count),
            tiles: section(data.count),
            internalCompression: .gzip,
            tileCompression: compresses ? .gzip : .none,
            format: plan.info.format,
            levels: plan.info.pyramid.levels
        )
        header.addressedTiles = addressed
        header.entries = entries.count
        header.contents = contentCount
        header.isClustered = true
        header.bounds = plan.info.bounds
        header.center = plan.info.center
        try output.append(header.bytes + root + metadata + leaves)
        var copied = 0
        while copied < data.count {
            let chunk = try data.read(at: copied, count: min(1 << 20, data.count - copied))
            guard !chunk.isEmpty else { throw .foreign(path: data.path, reason: "it became shorter while it was read") }
            try output.append(chunk)
            copied += chunk.count
        }
        try output.synchronize()
        try OutputPath.rename(path, to: plan.target)
        OutputPath.remove(data.path)
        OutputPath.remove(index.path)
    }

    /// The root directory and the section of leaves: leaves grow until the root fits.
    private func directories() throws(ExportError) -> (root: [UInt8], leaves: [UInt8]) {
        let limit = PMTilesHeader.rootBytes
        let whole = try compressed(PMTilesDirectory(entries: entries).bytes)
        if whole.count <= limit { return (whole, []) }
        var size = Self.leafEntries
        while true {
            var leaves: [UInt8] = []
            var pointers: [PMTilesDirectory.Entry] = []
            for start in stride(from: 0, to: entries.count, by: size) {
                let part = Array(entries[start..<min(start + size, entries.count)])
                let bytes = try compressed(PMTilesDirectory(entries: part).bytes)
                pointers.append(
                    PMTilesDirectory.Entry(
                        first: part[0].first,
                        offset: UInt64(leaves.count),
                        count: UInt32(bytes.count),
                        run: 0
                    )
                )
                leaves += bytes
            }
            let root = try compressed(PMTilesDirectory(entries: pointers).bytes)
            if root.count <= limit { return (root, leaves) }
            size += size / 2
        }
    }

    private func compressed(_ bytes: [UInt8]) throws(ExportError) -> [UInt8] {
        do { return try GZip.deflate(bytes) } catch { throw .target(path: plan.partPath, reason: "\(error)") }
    }

    // MARK: Records

    private static func hash(_ bytes: [UInt8]) -> UInt64 {
        var hash = StableHash()
        hash.combine(bytes)
        return hash.value
    }

    private static func check(_ number: UInt64, _ offset: Int, _ count: Int) -> UInt64 {
        TileKey.mix(TileKey.mix(number) ^ TileKey.mix(UInt64(offset)) ^ UInt64(count)) & 0xFFFF_FFFF
    }

    private static func append(_ number: UInt64, _ length: Int, to bytes: inout [UInt8]) {
        for shift in 0..<length { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * shift))) }
    }

    private static func word(_ bytes: [UInt8], _ place: Int, _ length: Int) -> UInt64 {
        bytes[place..<place + length].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
