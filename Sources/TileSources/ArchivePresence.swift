// SPDX-License-Identifier: Apache-2.0

import LockFree
package import Telemetry
package import TileModel

/// Which tiles an archive of map tiles holds, as a Bloom filter: a tile that cannot be there costs no look into the archive.
///
/// *What it guarantees.* Where it says no, the archive had no such tile when it was opened. It is the caller who says whether the
/// file is still the one that was opened, at each no. Until the filter is built, and where it cannot be, it says "perhaps".
///
/// *How.* The index is listed in the background, on the thread that lists folders as well.
///
/// *What it gives up.* Archives of more than `FolderPresence.maxTiles` tiles, and indexes that cannot be read: there it stays off.
///
/// Any thread.
package final class ArchivePresence: Sendable {
    /// Takes the Hilbert numbers of tiles; false where there are too many.
    package typealias Visitor = (Range<Int>) -> Bool

    /// Hands over all numbers, in any order, until the visitor says no. Throws where it cannot, and where the file is not the one
    /// that was opened, afterwards.
    package typealias Listing = @Sendable (Visitor) throws(SourceError) -> Void

    private let filter = Lock<BloomFilter?>(nil)
    /// Until it was called.
    private let listing: Lock<Listing?>
    private let path: String
    private let logger: Logger
    private static let falsePositives = 0.001

    /// Begins to list an archive; given up where the archive is closed before its turn.
    package init(path: String, logger: Logger, list: @escaping Listing) {
        self.path = path
        self.logger = logger
        listing = Lock(list)
        BackgroundListing.add { [weak self] in self?.build() }
    }

    private func build() {
        let list = listing.withLock { listing in
            defer { listing = nil }
            return listing
        }
        guard let list else { return }
        var hashes: [UInt64] = []
        var isTooLarge = false
        do throws(SourceError) {
            try list { numbers in
                isTooLarge = isTooLarge || numbers.count > FolderPresence.maxTiles - hashes.count
                if !isTooLarge { hashes += numbers.lazy.map(Self.hash) }
                return !isTooLarge
            }
        } catch {
            return stayOff("\(error)")
        }
        if isTooLarge { return stayOff("it has more than \(FolderPresence.maxTiles) tiles") }
        let built = BloomFilter(BloomSizing(keys: hashes.count, falsePositives: Self.falsePositives))
        for hash in hashes { built.insert(hash) }
        filter.withLock { $0 = built }
    }

    /// Whether the archive may hold a tile of its pyramid. No false "no".
    package func mayHold(_ tile: TileCoordinate) -> Bool {
        guard let filter = filter.withLock({ $0 }), !filter.contains(Self.hash(tile.hilbertIdentifier)) else {
            PresenceCounts.perhaps.add()
            return true
        }
        PresenceCounts.absent.add()
        return false
    }

    /// Whether it is known what the archive holds.
    package var isKnown: Bool { filter.withLock { $0 != nil } }

    private static func hash(_ number: Int) -> UInt64 { TileKey.mix(TileKey.mix(UInt64(truncatingIfNeeded: number))) }

    private func stayOff(_ reason: String) {
        logger.log(
            .info,
            "tiles that are not there cost a look into the archive each",
            ["path": .string(path), "reason": .string(reason)]
        )
    }
}
