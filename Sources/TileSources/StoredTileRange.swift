// SPDX-License-Identifier: Apache-2.0

import GZip
import TileModel

/// Where the bytes of a stored tile lie in an open file, so that they can be sent from there.
///
/// Thread rule: immutable; the file stays open as long as this lives. Whoever writes into the file meanwhile changes
/// what is sent: see `isUnchanged`.
package final class StoredTileRange: Sendable {
    package let tile: StoredTileFile
    /// Whether the bytes are gzip and are to be answered so.
    package let isCompressed: Bool
    package let offset: Int
    package let count: Int
    private let file: OpenFile

    /// Nil where the bytes cannot be answered as they are: pixels that were stored compressed.
    ///
    /// Looks at the first and last bytes alone. Throws where they show that it is no tile.
    init?(
        _ file: OpenFile,
        _ range: Range<Int>,
        declared: TileFormat,
        identity: UInt64,
        modified: Int?
    ) throws(SourceError) {
        let head = try file.bytes(at: range.lowerBound, count: min(range.count, 16), limit: 16)
        isCompressed = GZip.isCompressed(head)
        let sniffed = TileFormat(sniffing: head)
        guard !(isCompressed && declared.isRaster) else { return nil }
        guard let format = sniffed ?? (declared.isRaster ? nil : declared) else {
            throw .damaged(path: file.path, reason: "neither JPEG, PNG, WebP nor AVIF by its first bytes")
        }
        let tail = try file.bytes(
            at: max(range.upperBound - 64, range.lowerBound),
            count: min(range.count, 64),
            limit: 64
        )
        try file.checkUnchanged()
        // What has bytes behind its end is decoded to decide, so it goes the other way.
        switch format {
        case .jpeg: guard zip(tail, tail.dropFirst()).contains(where: { $0 == (0xFF, 0xD9) }) else { return nil }
        case .png: guard tail.suffix(8).starts(with: "IEND".utf8) else { return nil }
        case .webp:
            let length = head[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) } + 8
            guard length <= range.count else { return nil }
        case .avif, .mvt, .mlt: break
        }
        tile = StoredTileFile(format: format, identity: identity, modified: modified)
        self.file = file
        offset = range.lowerBound
        count = range.count
    }

    /// Size of the file, and when it was written to last in nanoseconds since 1970, as it was opened.
    package var fileState: (size: Int, modified: Int) { (file.identity.size, file.identity.modified) }

    /// The bytes themselves, for who has to look at them after all.
    package func bytes() throws(SourceError) -> [UInt8] {
        let bytes = try file.bytes(at: offset, count: count, limit: Limits.tileBytes)
        try file.checkUnchanged()
        return bytes
    }

    /// Another descriptor of the file, for who asks to close; nil where this process has too many, and where the file
    /// has been written to since it was opened.
    package func openDescriptor() -> Int32? {
        do { try file.checkUnchanged() } catch { return nil }
        return file.duplicatedDescriptor()
    }
}

extension OpenFile {
    /// The whole file as a stored tile; nil where there is no such file, where it is smaller, or has to be read.
    static func storedRange(
        path: String,
        declared: TileFormat,
        atLeast minimum: Int
    ) throws(SourceError) -> StoredTileRange? {
        guard let file = try ifPresent(path), file.size >= max(minimum, 1) else { return nil }
        var identity = StableHash()
        file.identity.combine(into: &identity)
        return try StoredTileRange(
            file,
            0..<file.size,
            declared: declared,
            identity: identity.value,
            modified: file.identity.modified / 1_000_000_000
        )
    }
}
