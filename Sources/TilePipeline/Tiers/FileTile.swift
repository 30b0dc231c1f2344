// SPDX-License-Identifier: Apache-2.0

import CPlatform
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

    /// A descriptor for one answer, to be closed by who gets it; nil where the process may open no more.
    package func descriptor() -> Int32? {
        let descriptor = platform_file_duplicate(region.descriptor)
        return descriptor < 0 ? nil : descriptor
    }
}
