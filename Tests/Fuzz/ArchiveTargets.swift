// SPDX-License-Identifier: Apache-2.0

import GZip
import HTTPMessages
import TileModel
import TileSources

extension FuzzTarget {
    /// A PMTiles archive: its header, and what stands behind it as a directory, plain and compressed. What is read is
    /// held against the sections, looked up in, and written again.
    static let archive = FuzzTarget(
        name: "archive",
        run: { bytes in
            let header = try? PMTilesHeader(parsing: bytes, fileSize: bytes.count)
            if let header {
                for section in [header.root, header.metadata, header.leaves, header.tiles] {
                    precondition(section.upperBound <= bytes.count, "a section outside the file")
                }
                // What is no place on the earth is written as the whole of it: then it stays so.
                let again = try? PMTilesHeader(parsing: header.bytes, fileSize: bytes.count)
                precondition(again?.bytes == header.bytes, "a header that is written differently")
                precondition(header.bounds == nil || again?.bounds == header.bounds, "other bounds")
                precondition(header.center == nil || again?.center == header.center, "another center")
            }
            let stored = header.map { Array(bytes[$0.root]) } ?? Array(bytes.dropFirst(PMTilesHeader.byteCount))
            for compression in [PMTilesHeader.Compression.none, .gzip, .unknown] {
                guard
                    let directory = try? PMTilesDirectory(
                        parsing: stored,
                        compression: compression,
                        tileBytes: 1 << 20,
                        leafBytes: 1 << 16
                    )
                else { continue }
                for entry in directory.entries {
                    precondition(entry.offset + UInt64(entry.count) <= 1 << 20, "an entry outside its section")
                    precondition(directory.entry(of: entry.first)?.first == entry.first, "an entry that is not found")
                }
                _ = directory.entry(of: .max)
                let again = try? PMTilesDirectory(
                    parsing: directory.bytes,
                    compression: .none,
                    tileBytes: 1 << 20,
                    leafBytes: 1 << 16
                )
                precondition(again == directory, "a directory that is written differently")
            }
        },
        seeds: {
            let entries = [
                PMTilesDirectory.Entry(first: 0, offset: 0, count: 100, run: 1),
                PMTilesDirectory.Entry(first: 1, offset: 100, count: 300, run: 4),
                PMTilesDirectory.Entry(first: 70_000, offset: 0, count: 100, run: 2),
                PMTilesDirectory.Entry(first: 80_000, offset: 12, count: 34, run: 0),
            ]
            let plain = PMTilesDirectory(entries: entries).bytes
            return [plain, (try? GZip.deflate(plain)) ?? []].map { root in
                let end = PMTilesHeader.byteCount + root.count
                let header = PMTilesHeader(
                    root: PMTilesHeader.byteCount..<end,
                    metadata: 0..<0,
                    leaves: 0..<0,
                    tiles: 0..<0,
                    internalCompression: root == plain ? .none : .gzip,
                    tileCompression: .none,
                    format: .png,
                    levels: 0...9
                )
                return header.bytes + root
            }
        }
    )

    /// gzip, below a limit.
    static let gzip = FuzzTarget(
        name: "gzip",
        run: { bytes in
            if let inflated = try? GZip.inflate(bytes, limit: 1 << 16) { precondition(inflated.count <= 1 << 16) }
        },
        seeds: {
            let texts = [[], Array("a tile, a tile".utf8), [UInt8](repeating: 7, count: 70_000)]
            return texts.compactMap { try? GZip.deflate($0) }
        }
    )

    /// The field Accept-Encoding.
    static let coding = FuzzTarget(
        name: "coding",
        run: { bytes in _ = unsafe bytes.withUnsafeBytes { unsafe AcceptEncoding.takesGzip($0) } },
        seeds: { ["gzip, deflate, br;q=0.5, *;q=0", "identity;q=0 , x-gzip ;\tq=0.001"].map { Array($0.utf8) } }
    )
}
