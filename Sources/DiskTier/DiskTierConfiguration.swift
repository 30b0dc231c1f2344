// SPDX-License-Identifier: Apache-2.0

/// How the disk tier is sized.
package struct DiskTierConfiguration: Sendable {
    /// The folder: made where it is missing, and nobody else's.
    package var folder: String
    /// What all files in it take together at most, at every moment.
    package var byteBudget: Int
    /// What one file of the log takes at most, its hint included.
    package var segmentBytes: Int
    /// How often what was written is made durable: so much is lost at most where the power fails.
    package var syncInterval: Duration
    /// How many bytes a second are read again in the background to find damage; 0: none.
    package var scrubBytesPerSecond: Int

    /// The smallest budget: 16 segments of 4 MiB, each with room for several families.
    package static let minByteBudget = 64 << 20
    /// The largest segment: what an eviction drops at once, and what a start after a kill reads again at most.
    private static let maxSegmentBytes = 256 << 20

    /// A budget below the smallest is raised to it.
    package init(
        folder: String,
        byteBudget: Int,
        segmentBytes: Int? = nil,
        syncInterval: Duration = .seconds(1),
        scrubBytesPerSecond: Int = 4 << 20
    ) {
        self.folder = folder
        self.byteBudget = max(byteBudget, segmentBytes == nil ? Self.minByteBudget : 0)
        // A sixteenth: evicting the oldest file drops few tiles, and a few hundred files hold the largest disks.
        self.segmentBytes = (segmentBytes ?? min(self.byteBudget / 16, Self.maxSegmentBytes)) & ~4095
        self.syncInterval = syncInterval
        self.scrubBytesPerSecond = scrubBytesPerSecond
        precondition(
            self.segmentBytes >= 8192 && self.byteBudget >= 4 * self.segmentBytes && self.segmentBytes < 1 << 34,
            "segments of \(self.segmentBytes) bytes in \(self.byteBudget)"
        )
    }

    /// Room for small files beside the log (the keys of a warm restart), the old and the new one together.
    var sideBytes: Int { byteBudget / 32 }

    /// What segments and hints may take.
    var logBytes: Int { byteBudget - sideBytes }
}

/// Why the disk tier could not be opened.
package enum DiskTierError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another process has it.
    case inUse(folder: String)
    case system(operation: String, path: String, code: Int32)
    /// A thread could not be started.
    case thread(String)

    package var description: String {
        switch self {
        case .inUse(let folder):
            "the tile folder \(folder) is used by another process; give each server its own by --cache-dir"
        case .system(let operation, let path, let code):
            "\(operation) \(path) failed: \(systemMessage(code)); "
                + "name a folder that can be written by --cache-dir, or serve without one by --no-disk-cache"
        case .thread(let message): message
        }
    }
}
