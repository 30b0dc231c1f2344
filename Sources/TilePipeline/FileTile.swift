// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import TileModel
import TileSources

/// A tile that is sent from its file: one that memory did not take in from the disk tier, or a stored one that is too large for
/// memory, or of an archive and asked for the first time. Of the former the bytes were compared with their checksum a moment
/// ago, of the others the ends were looked at. Any thread; the file is closed with the last reference.
package final class FileTile: Sendable {
    private enum Place: Sendable {
        case tier(TierRegion)
        case source(StoredTileRange)
    }

    /// The header block, as it would be stored in memory.
    package let headers: [UInt8]
    private let place: Place

    /// Takes the region's descriptor over.
    init(headers: [UInt8], region: TierRegion) {
        self.headers = headers
        place = .tier(region)
    }

    init(headers: [UInt8], range: StoredTileRange) {
        self.headers = headers
        place = .source(range)
    }

    deinit {
        if case .tier(let region) = place { platform_close(region.descriptor) }
    }

    /// Where the bytes begin in the file.
    package var offset: Int {
        switch place {
        case .tier(let region): region.offset
        case .source(let range): range.offset
        }
    }

    /// What the file must be for these bytes to be the tile's: its size, and when it was written to last in nanoseconds since
    /// 1970. Nil where nobody but this process writes to it, and that only behind its end.
    package var fileState: (size: Int, modified: Int)? {
        switch place {
        case .tier: nil
        case .source(let range): range.fileState
        }
    }

    /// How many bytes it has.
    package var byteCount: Int {
        switch place {
        case .tier(let region): region.byteCount
        case .source(let range): range.count
        }
    }

    /// The bytes; nil where they cannot be read, or are not those any more that were found. Blocks on the file system.
    package func readAll() -> [UInt8]? {
        switch place {
        case .tier(let region): Self.read(region)
        case .source(let range): try? range.bytes()
        }
    }

    /// A descriptor for one answer, to be closed by who gets it; nil where the process may open no more, and where a
    /// source's file has been written to since it was opened.
    package func descriptor() -> Int32? {
        switch place {
        case .tier(let region):
            let descriptor = platform_file_duplicate(region.descriptor)
            return descriptor < 0 ? nil : descriptor
        case .source(let range): return range.openDescriptor()
        }
    }

    private static func read(_ region: TierRegion) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: region.byteCount)
        var done = 0
        while done < bytes.count {
            let (from, rest) = (done, bytes.count - done)
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                // SAFETY: at most `rest` bytes are written behind the first `from`, inside the array's own storage.
                unsafe pread(region.descriptor, buffer.baseAddress! + from, rest, region.offset + from)
            }
            guard count > 0 || count < 0 && errno == EINTR else { return nil }
            done += max(count, 0)
        }
        return bytes
    }
}
