// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import LockFree
import Synchronization
import Telemetry
import TileModel
import TilePipeline
import TileSources

/// Notices that files of tilesets change (inotify), waits until they are whole again, and has the catalog opened anew.
///
/// Watched are folders: those of archives and descriptions, for the one name in each that matters; folders of loose
/// tiles, for anything; the folders that were given to be searched, for new tilesets. Where the kernel has no watches
/// left (`fs.inotify.max_user_watches`) or a file system tells nothing (NFS), SIGHUP does the same; and a worker that
/// meets a file which is not the one that was opened says so here.
///
/// Thread rule: a thread of its own; `sourceChanged` from any.
final class CatalogWatch: Sendable {
    /// What became of the files, for who opens the catalog.
    struct Change: Sendable {
        /// The ordinals of tilesets of loose tiles that were touched: to be opened again whatever their version says.
        var touched: Set<UInt32> = []
    }

    /// Reading waits so long behind the last event that says a file is complete, and behind any other: a copy that is
    /// under way makes an event with every write.
    private static let quietWhenComplete = 200_000_000
    private static let quietWhenWriting = 2_000_000_000

    private let watch: Int32
    private let wake: Int32
    private let logger: Logger
    private let paths: [String]
    private let extensions: Set<String>
    private let isStopping = Atomic<Bool>(false)
    private let isToldOfChange = Atomic<Bool>(false)
    private let isCatalogNew = Atomic<Bool>(false)
    private let thread = Lock<OSThread?>(nil)

    /// Nil where the system gives no descriptor: the server runs without, and says so.
    init?(paths: [String], extensions: Set<String>, logger: Logger) {
        let watch = platform_watch_open()
        guard watch >= 0 else {
            logger.log(
                .warning,
                "changed files are not noticed: no inotify descriptor",
                ["errno": .integer(Int(-watch))]
            )
            return nil
        }
        let wake = platform_eventfd()
        guard wake >= 0 else {
            platform_close(watch)
            return nil
        }
        self.watch = watch
        self.wake = wake
        self.logger = logger
        self.paths = paths
        self.extensions = extensions
    }

    deinit {
        platform_close(watch)
        platform_close(wake)
    }

    /// Starts the thread. `tilesets` gives what is being served; `reload` opens the catalog again.
    func start(
        tilesets: @escaping @Sendable () -> [OpenTileset],
        reload: @escaping @Sendable (Change) -> Void
    ) throws(ThreadError) {
        let started = try OSThread(name: "watch", nice: 5) { [self] in
            var folders = WatchedFolders(watch: watch)
            folders.update(tilesets(), roots: paths, logger: logger)
            run(&folders, tilesets, reload)
        }
        thread.withLock { $0 = started }
    }

    func stop() {
        isStopping.store(true, ordering: .relaxed)
        _ = platform_eventfd_signal(wake)
        let started = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        started?.join()
    }

    /// A worker met a file that is not the one that was opened.
    func sourceChanged() {
        // The eventfd orders it.
        guard !isToldOfChange.exchange(true, ordering: .relaxed) else { return }
        _ = platform_eventfd_signal(wake)
    }

    /// The catalog was opened again by somebody else: other files are to be watched.
    func catalogChanged() {
        isCatalogNew.store(true, ordering: .relaxed)
        _ = platform_eventfd_signal(wake)
    }

    private func run(
        _ folders: inout WatchedFolders,
        _ tilesets: () -> [OpenTileset],
        _ reload: (Change) -> Void
    ) {
        var change: Change?
        var deadline = 0
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !isStopping.load(ordering: .relaxed) {
            let wait = change == nil ? -1 : max(0, deadline - MonotonicClock.nanoseconds) / 1_000_000 + 1
            let ready = platform_watch_wait(watch, wake, Int32(clamping: wait))
            if ready & 2 != 0 {
                _ = platform_eventfd_clear(wake)
                if isCatalogNew.exchange(false, ordering: .relaxed) {
                    folders.update(tilesets(), roots: paths, logger: logger)
                }
                // Told again and again while clients ask: what is due stays due.
                if isToldOfChange.exchange(false, ordering: .relaxed), change == nil {
                    change = Change()
                    deadline = MonotonicClock.nanoseconds + Self.quietWhenComplete
                }
            }
            if ready & 1 != 0 {
                let seen = folders.read(&buffer, extensions: extensions)
                if seen.isRelevant {
                    change = change ?? Change()
                    change?.touched.formUnion(seen.touched)
                    let quiet = seen.isComplete ? Self.quietWhenComplete : Self.quietWhenWriting
                    deadline = MonotonicClock.nanoseconds + quiet
                }
            }
            if let due = change, MonotonicClock.nanoseconds >= deadline {
                change = nil
                reload(due)
                folders.update(tilesets(), roots: paths, logger: logger)
            }
        }
    }
}

/// Which folders are watched and why. One thread's.
private struct WatchedFolders {
    /// What matters in one folder.
    private struct Interest {
        var path: String
        /// The tilesets to which any name matters.
        var all: Set<UInt32> = []
        /// Names that matter.
        var names: Set<String> = []
        /// Whether new tilesets may come here.
        var isRoot = false

        /// What is watched first where not everything can be.
        var rank: Int { names.isEmpty ? (isRoot ? 1 : 2) : 0 }
    }

    /// What a batch of events means.
    struct Seen {
        var isRelevant = false
        var isComplete = false
        var touched: Set<UInt32> = []
    }

    private let watch: Int32
    private var interests: [Int32: Interest] = [:]
    private var hasWarned = false

    init(watch: Int32) { self.watch = watch }

    /// Watches what these tilesets are made of, and nothing else any more.
    mutating func update(_ tilesets: [OpenTileset], roots: [String], logger: Logger) {
        var wanted: [String: Interest] = [:]
        for root in roots where FileIdentity(ofPath: root)?.isFolder == true {
            wanted[root, default: Interest(path: root)].isRoot = true
        }
        for tileset in tilesets {
            for path in tileset.source.watchedFiles {
                if FileIdentity(ofPath: path)?.isFolder == true {
                    if tileset.source.hasLooseTiles {
                        wanted[path, default: Interest(path: path)].all.insert(tileset.ordinal)
                    }
                    continue
                }
                for place in Self.places(of: path) {
                    wanted[place.folder, default: Interest(path: place.folder)].names.insert(place.name)
                }
            }
        }
        var next: [Int32: Interest] = [:]
        // Archives and descriptions first: a folder of loose tiles changes more rarely, and there may be very many.
        let byRank = wanted.values.sorted { $0.rank < $1.rank }
        for interest in byRank {
            guard next.count < Self.watchLimit else {
                warnOnce(interest, logger)
                break
            }
            let number = unsafe platform_watch_add(watch, interest.path)
            if number >= 0 {
                // Two paths may lead to one folder.
                var merged = next[number] ?? interest
                merged.all.formUnion(interest.all)
                merged.names.formUnion(interest.names)
                merged.isRoot = merged.isRoot || interest.isRoot
                next[number] = merged
            } else if number == -ENOSPC {
                warnOnce(interest, logger)
            }
        }
        for number in interests.keys where next[number] == nil { _ = platform_watch_remove(watch, number) }
        interests = next
    }

    /// A watch takes about a kilobyte of the kernel's memory.
    private static let watchLimit = 16_384

    private mutating func warnOnce(_ interest: Interest, _ logger: Logger) {
        guard !hasWarned else { return }
        hasWarned = true
        logger.log(
            .warning,
            "not every folder is watched for changes; send SIGHUP after a change",
            ["first": .string(interest.path), "limit": .string("\(Self.watchLimit), or fs.inotify.max_user_watches")]
        )
    }

    /// Where a file's name stands, and where the file that it leads to does.
    private static func places(of path: String) -> [(folder: String, name: String)] {
        var places: [(String, String)] = []
        // SAFETY: realpath allocates the text for us; it is copied, then freed once.
        let resolved = unsafe realpath(path, nil).map { text in
            defer { unsafe free(text) }
            return unsafe String(cString: text)
        }
        for path in Set([path, resolved ?? path]) {
            guard let slash = path.lastIndex(of: "/") else {
                places.append((".", path))
                continue
            }
            let folder = slash == path.startIndex ? "/" : String(path[..<slash])
            places.append((folder, String(path[path.index(after: slash)...])))
        }
        return places
    }

    /// Reads all events that wait.
    mutating func read(_ buffer: inout [UInt8], extensions: Set<String>) -> Seen {
        var seen = Seen()
        while true {
            // SAFETY: the array's own bytes, written by the kernel during the call.
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe platform_watch_read(watch, $0.baseAddress!, $0.count)
            }
            guard count > 0 else { return seen }
            var place = 0
            // An event: number, mask, cookie, length of the name; then the name, filled up with zeros.
            while place + 16 <= count {
                let number = Int32(bitPattern: Self.word(buffer, place))
                let mask = Self.word(buffer, place + 4)
                let end = place + 16 + Int(Self.word(buffer, place + 12))
                guard end <= count else { break }
                let name = String(decoding: buffer[place + 16..<end].prefix { $0 != 0 }, as: UTF8.self)
                note(number, mask, name, extensions, &seen)
                place = end
            }
        }
    }

    private mutating func note(
        _ number: Int32,
        _ mask: UInt32,
        _ name: String,
        _ extensions: Set<String>,
        _ seen: inout Seen
    ) {
        if mask & PLATFORM_WATCH_OVERFLOW != 0 {
            seen.isRelevant = true
            seen.touched = interests.values.reduce(into: []) { $0.formUnion($1.all) }
            return
        }
        guard let interest = interests[number] else { return }
        if mask & PLATFORM_WATCH_GONE != 0 { interests[number] = nil }
        let stem = name.split(separator: ".").last.map(String.init) ?? ""
        let isNew = interest.isRoot && extensions.contains(stem.lowercased())
        guard !interest.all.isEmpty || interest.names.contains(name) || isNew || mask & PLATFORM_WATCH_GONE != 0 else {
            return
        }
        seen.isRelevant = true
        seen.isComplete = mask & (PLATFORM_WATCH_COMPLETE | PLATFORM_WATCH_GONE) != 0
        seen.touched.formUnion(interest.all)
    }

    private static func word(_ bytes: [UInt8], _ place: Int) -> UInt32 {
        // The kernel writes words in the machine's order, which is little-endian on what this runs on.
        bytes[place..<place + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
