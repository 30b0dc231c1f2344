// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
package import TileModel

/// What is to be built.
package struct BuildOptions: Sendable {
    /// The side of a tile, even, 16...4096.
    package var tileSize = 256
    /// Without residuals: every level as JPEG tiles.
    package var isPlain = false
    package var quality = BuildQuality()
    package var description: BuildDescription
    /// The most that the rows of a picture may take that are in memory at once.
    package var maxHeldBytes = 2 << 30
    /// Threads that encode.
    package var threads = 1
    /// Whether an existing output is replaced when the new one is complete.
    package var replaces = false
    /// Whether an unfinished output is thrown away instead of gone on with.
    package var startsAfresh = false

    package init(description: BuildDescription) { self.description = description }

    /// The tile sizes that are accepted: an odd one would put chroma samples astride two tiles.
    package static func accepts(tileSize: Int) -> Bool {
        (16...Pyramid.maxTileSize).contains(tileSize) && tileSize % 2 == 0
    }

    /// What must be the same for an unfinished output to be gone on with.
    func fingerprint(input: UInt64) -> UInt64 {
        var hash = StableHash()
        hash.combine(Int(truncatingIfNeeded: input))
        hash.combine("\(tileSize) \(isPlain) \(quality.tiles) \(quality.subsampling) \(quality.chroma)")
        hash.combine("\(quality.residuals.children) \(quality.residuals.grandchildren)")
        return hash.value
    }
}

/// How far a build is. Values, made on the thread that reads.
package struct BuildStatus: Hashable, Sendable {
    /// Tiles that are written, those of residuals included.
    package var done = 0
    /// Tiles of all levels.
    package var total = 0
    /// Of those that are done, how many an earlier build wrote.
    package var resumed = 0
    /// Bytes that this build wrote.
    package var bytes = 0
}

/// What was built.
package struct BuildSummary: Hashable, Sendable {
    package let size: GridSize
    package let levels: Int
    package let status: BuildStatus
    package let hasResiduals: Bool
}
