// SPDX-License-Identifier: Apache-2.0

import LockFree

/// The leaf directories of archives that were read lately, of all archives together, below a bound of bytes and of number.
///
/// Thread rule: safe from any thread. Held are references: a directory in use stays alive after it left.
final class DirectoryCache: Sendable {
    /// Those of this process: 64 MiB are some 700 leaves of 4,096 entries, more than what viewers look at at one time.
    static let shared = DirectoryCache(byteLimit: 64 << 20)

    struct Key: Hashable {
        /// A number of the opened archive.
        let archive: UInt64
        let offset: UInt64
        let count: UInt32
    }

    private struct Place {
        let directory: PMTilesDirectory
        var lastUse: Int
    }

    private struct State {
        var places: [Key: Place] = [:]
        var bytes = 0
        var clock = 0
        var archives: UInt64 = 0
    }

    private let state = Lock(State())
    private let byteLimit: Int
    /// Making room looks at all of them, under the lock; an archive of tiny leaves would make it look at a million.
    static let placeLimit = 4096

    init(byteLimit: Int) { self.byteLimit = byteLimit }

    /// A number for an archive that is opened; never given twice.
    func newArchive() -> UInt64 {
        state.withLock { state in
            state.archives += 1
            return state.archives
        }
    }

    func find(_ key: Key) -> PMTilesDirectory? {
        state.withLock { state in
            state.clock += 1
            state.places[key]?.lastUse = state.clock
            return state.places[key]?.directory
        }
    }

    /// Keeps a directory; those that were not used for the longest make room. Linear in what is held, and rare next to
    /// finding.
    func insert(_ directory: PMTilesDirectory, as key: Key) {
        let bytes = directory.memoryBytes
        guard bytes <= byteLimit else { return }
        state.withLock { state in
            guard state.places[key] == nil else { return }
            while state.bytes + bytes > byteLimit || state.places.count >= Self.placeLimit,
                let oldest = state.places.min(by: { $0.value.lastUse < $1.value.lastUse })
            {
                state.bytes -= oldest.value.directory.memoryBytes
                state.places[oldest.key] = nil
            }
            state.clock += 1
            state.places[key] = Place(directory: directory, lastUse: state.clock)
            state.bytes += bytes
        }
    }

    /// Forgets an archive that was closed.
    func remove(archive: UInt64) {
        state.withLock { state in
            for (key, place) in state.places where key.archive == archive {
                state.bytes -= place.directory.memoryBytes
                state.places[key] = nil
            }
        }
    }

    /// The bytes that are held.
    var bytes: Int { state.withLock { $0.bytes } }

    /// How many directories are held.
    var count: Int { state.withLock { $0.places.count } }
}
