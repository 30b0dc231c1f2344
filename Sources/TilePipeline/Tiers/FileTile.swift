// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import TileModel

/// A tile that is sent from its file, because memory did not take it in. Its bytes were compared with their checksum a moment
/// ago, and so lie in the kernel's memory: sending them waits for no disk. Any thread; the file is closed with the last reference.
package final class FileTile: Sendable {
    /// The header block, as it would be stored in memory.
    package let headers: [UInt8]
    private let region: TierRegion

    /// Takes the region's descriptor over.
    init(headers: [UInt8], region: TierRegion) {
        self.headers = headers
        self.region = region
    }

    deinit { platform_close(region.descriptor) }

    /// Where the bytes begin in the file, and how many they are.
    package var offset: Int { region.offset }
    package var byteCount: Int { region.byteCount }

    /// The bytes; nil where they cannot be read. Blocks on the file system.
    func readAll() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: byteCount)
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

    /// A descriptor for one answer, to be closed by who gets it; nil where the process may open no more.
    package func descriptor() -> Int32? {
        let descriptor = platform_file_duplicate(region.descriptor)
        return descriptor < 0 ? nil : descriptor
    }
}
