// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree
package import Telemetry
import TileModel

/// Which tiles lie in a folder `{z}/{x}/{y}.*`, as a Bloom filter: a tile that cannot be there costs no file access.
///
/// *What it guarantees.* Where it says no, there was no such file at that moment, and none since the folder was listed: it
/// never hides a tile. Until it is built, and wherever it cannot be sure, it says "perhaps".
///
/// *How.* The folder is listed in the background, on one niced thread for all folders of the process, each folder inside
/// watched (inotify) from before it is listed. A "no" counts only while the kernel has no event for us: one look at the
/// queue, which needs no file. After an event everything is "perhaps" until the folder was listed again. Once a second the
/// folder's own path is looked at, for one that was replaced by a link to another.
///
/// *What it gives up.* File systems that other machines write (NFS, SMB, FUSE and whatever is not known) give no such events:
/// there it stays off, as with more folders than may be watched, or more than `maxTiles` tiles. A file system that is
/// mounted over a folder inside is seen at the next listing only.
///
/// Any thread.
package final class FolderPresence: Sendable {
    /// Tiles that are remembered at most: while they are counted they take 8 bytes each.
    package static let maxTiles = 8_000_000
    /// Folders that are watched at most; the kernel has a limit of its own (fs.inotify.max_user_watches).
    static let maxFolders = 100_000
    /// A folder that changes all the time is not listed all the time.
    private static let leastBetweenListings = 5_000_000_000
    private static let falsePositives = 0.001

    private let folder: String
    private let logger: Logger
    private let state = Lock(State.unknown)

    /// What is known.
    private enum State: Sendable {
        /// Being listed, or about to be; nothing is known.
        case unknown
        case known(Known)
        /// It changed; it is listed again when somebody asks and the time has come.
        case changed(since: Int)
        /// It cannot be known here.
        case off
    }

    /// One listing.
    private struct Known: Sendable {
        let filter: BloomFilter
        let watch: FolderWatch
        let root: FileIdentity
        let listed: Int
        /// When the folder's own path was looked at last.
        var looked: Int
    }

    /// Begins to list the folder in the background.
    package init(folder: String, logger: Logger) {
        self.folder = folder
        self.logger = logger
        BackgroundListing.add(list)
    }

    /// Whether the tile may lie in the folder: level, column, and row as its name says it. No false "no".
    package func mayHold(level: Int, column: Int, row: Int) -> Bool {
        let answer = ask(Self.hash(level, column, row))
        answer ? PresenceCounts.perhaps.add() : PresenceCounts.absent.add()
        return answer
    }

    /// Whether it is known what lies in the folder.
    package var isKnown: Bool {
        state.withLock { if case .known = $0 { true } else { false } }
    }

    private func ask(_ hash: UInt64) -> Bool {
        let now = MonotonicClock.nanoseconds
        let (answer, isDue) = state.withLock { state -> (Bool, Bool) in
            switch state {
            case .unknown, .off: return (true, false)
            case .changed(let since):
                guard now - since >= Self.leastBetweenListings else { return (true, false) }
                state = .unknown
                return (true, true)
            case .known(var known):
                if known.filter.contains(hash) { return (true, false) }
                if !known.watch.hasEvents {
                    if now - known.looked < 1_000_000_000 { return (false, false) }
                    known.looked = now
                    if FileIdentity(ofPath: folder)?.isSameFile(as: known.root) == true {
                        state = .known(known)
                        return (false, false)
                    }
                }
                state = .changed(since: max(known.listed, now - Self.leastBetweenListings))
                return (true, false)
            }
        }
        if isDue { BackgroundListing.add(list) }
        return answer
    }

    // MARK: Listing

    /// Lists the folder. On the listing thread alone.
    private func list() {
        let outcome = Result { () throws(PresenceUnknown) in try listed() }
        switch outcome {
        case .success(let known): state.withLock { $0 = .known(known) }
        case .failure(let error):
            state.withLock { $0 = error.isForGood ? .off : .changed(since: MonotonicClock.nanoseconds) }
            logger.log(
                error.isForGood ? .info : .debug,
                "tiles that are not there cost a file access each",
                ["path": .string(folder), "reason": .string(error.reason)]
            )
        }
    }

    private func listed() throws(PresenceUnknown) -> Known {
        let start = MonotonicClock.nanoseconds
        let watch = try FolderWatch()
        guard let root = FileIdentity(ofPath: folder) else {
            throw PresenceUnknown("it cannot be seen", isForGood: false)
        }
        guard FolderWatch.reportsChanges(of: folder) else {
            throw PresenceUnknown("its file system may change without telling", isForGood: true)
        }
        var hashes: [UInt64] = []
        for (name, level) in try numbers(in: folder, watch, root) {
            for (column, number) in try numbers(in: "\(folder)/\(name)", watch, root) {
                let path = "\(folder)/\(name)/\(column)"
                guard try isWatched(path, watch, root) else { continue }
                for entry in try entries(of: path) {
                    guard let row = canonicalNumber(Folder.split(entry).stem) else { continue }
                    hashes.append(Self.hash(level, number, row))
                }
                guard hashes.count <= Self.maxTiles else {
                    throw PresenceUnknown("it has more than \(Self.maxTiles) tiles", isForGood: true)
                }
            }
        }
        let filter = BloomFilter(BloomSizing(keys: hashes.count, falsePositives: Self.falsePositives))
        for hash in hashes { filter.insert(hash) }
        return Known(filter: filter, watch: watch, root: root, listed: start, looked: start)
    }

    /// The names in a folder that are numbers; empty where the path is no folder. Watched first, listed then: what comes in
    /// between is an event.
    private func numbers(
        in path: String,
        _ watch: FolderWatch,
        _ root: FileIdentity
    ) throws(PresenceUnknown) -> [(String, Int)] {
        guard try isWatched(path, watch, root) else { return [] }
        return try entries(of: path).compactMap { name in canonicalNumber(name).map { (name, $0) } }
    }

    /// Watches a folder; false where the path is none, which is an event of the folder above if it becomes one.
    private func isWatched(
        _ path: String,
        _ watch: FolderWatch,
        _ root: FileIdentity
    ) throws(PresenceUnknown) -> Bool {
        guard let identity = FileIdentity(ofPath: path) else {
            // A link that leads nowhere may lead somewhere without an event here.
            throw PresenceUnknown("\(path) cannot be seen", isForGood: false)
        }
        guard identity.isFolder else { return false }
        guard identity.device == root.device else {
            throw PresenceUnknown("\(path) is on another file system", isForGood: true)
        }
        try watch.add(path)
        return true
    }

    private func entries(of path: String) throws(PresenceUnknown) -> [String] {
        do {
            return try Folder.entries(of: path).map(\.name)
        } catch {
            throw PresenceUnknown("\(error)", isForGood: false)
        }
    }

    private static func hash(_ level: Int, _ column: Int, _ row: Int) -> UInt64 {
        let place = UInt64(truncatingIfNeeded: column) << 32 | UInt64(truncatingIfNeeded: row) & 0xFFFF_FFFF
        return TileKey.mix(TileKey.mix(place) ^ UInt64(truncatingIfNeeded: level) &* 0x9E37_79B9_7F4A_7C15)
    }
}

/// Why it is not known what a folder holds.
struct PresenceUnknown: Error {
    let reason: String
    /// Whether asking again makes no sense.
    let isForGood: Bool

    init(_ reason: String, isForGood: Bool) {
        self.reason = reason
        self.isForGood = isForGood
    }
}

/// How often Bloom filters of tiles that are there were asked, in the whole process.
package enum PresenceCounts {
    /// Tiles that were certainly not there: no file was looked for.
    package static let absent = Counter()
    /// Tiles that may be there, or of which nothing was known.
    package static let perhaps = Counter()
}
