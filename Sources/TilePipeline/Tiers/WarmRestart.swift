// SPDX-License-Identifier: Apache-2.0

package import LockFree
import Synchronization
package import Telemetry
package import TileCache
import TileModel
import TileSources

/// Where the list of hot tiles is kept from one process to the next.
package protocol HotKeyStore: AnyObject, Sendable {
    /// Keeps a list in place of the one before. Blocks. False where that failed.
    func storeHotKeys(_ bytes: [UInt8]) -> Bool
    /// Whether the tier can say what it has: its index is read in after the start. Waits for it, at most so long.
    func waitUntilReady(forAtMost limit: Duration) -> Bool
    /// The list that was kept last.
    func loadHotKeys() -> [UInt8]?
    /// How long it may be.
    var maxHotKeyBytes: Int { get }
}

/// Brings what people looked at back into memory after a restart, in the background, and keeps the list of it for the next.
///
/// One thread of the lowest priority: at the start it reads the tiles of the list, the hottest first, a family at a time, from
/// the tier that holds them, or where a tile is stored as such from its source; it rests while somebody waits for a tile, and
/// stops where memory is full. Nothing is rendered for it. Afterwards, at every interval and at the end, it writes the list.
/// Tiles that are asked for again and again and are not on disk yet (the rule of the second request) are written then.
///
/// `stop` ends it between two families: within one read of the disk.
package final class WarmRestart: Sendable {
    private let stack: TierStack
    private let store: any HotKeyStore
    private let cache: TileCache
    private let logger: Logger
    private let interval: Duration
    private let state = ConditionLock(State())
    private let left = Gauge()
    private let restored: Counter
    private let thread = Lock<OSThread?>(nil)

    private struct State: Sendable {
        var isStopping = false
        var isRestored = false
    }

    /// Tiles of the list: at a mean of 15 kB, more than most memories hold.
    private static let maxTiles = 100_000

    package init(
        _ stack: TierStack,
        store: any HotKeyStore,
        cache: TileCache,
        metrics: MetricsRegistry,
        logger: Logger,
        interval: Duration = .seconds(60)
    ) {
        self.stack = stack
        self.store = store
        self.cache = cache
        self.logger = logger
        self.interval = interval
        let left = left
        metrics.gauge(
            "orizuru_restore_tiles_left",
            help: "Tiles of the last run that are still to come back to memory."
        ) { Double(left.value) }
        restored = metrics.counter(
            "orizuru_restored_tiles_total",
            help: "Tiles of the last run that came back to memory."
        )
    }

    /// Starts the thread. `tilesets` says what is being served, now and whenever the list is written.
    package func start(tilesets: @escaping @Sendable () -> [OpenTileset]) throws(ThreadError) {
        let thread = try OSThread(name: "warm-restart", nice: 19) { [self] in
            let isRestored = restore(tilesets())
            state.withLock { $0.isRestored = isRestored }
            while state.wait(forAtMost: interval, until: { $0.isStopping ? true : nil }) == nil { save(tilesets()) }
        }
        self.thread.withLock { $0 = thread }
    }

    /// Ends the thread and writes the list a last time, unless the last run's tiles were still on their way: their list is the
    /// better one then.
    package func stop(tilesets: [OpenTileset]) {
        state.withLock { $0.isStopping = true }
        state.broadcast()
        thread.withLock { $0 }?.join()
        if state.withLock({ $0.isRestored }) { save(tilesets) }
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    // MARK: Coming back

    /// False where the process ends before all of the list was looked at: then the list must stay.
    private func restore(_ tilesets: [OpenTileset]) -> Bool {
        guard let list = store.loadHotKeys().flatMap(HotKeys.init(decoding:)) else { return true }
        let start = MonotonicClock.nanoseconds
        let served = Dictionary(tilesets.map { ($0.edition, $0) }) { first, _ in first }
        let participant = cache.makeParticipant()
        var inserter = MemoryInserter(cache: cache, participant: participant)
        let buffer = TierBuffer()
        let file = TileBuffer()
        left.set(list.keys.count)
        defer { left.set(0) }
        while !store.waitUntilReady(forAtMost: .milliseconds(50)) {
            guard !isStopping else { return false }
        }
        var count = 0
        for family in Self.families(of: list.keys, served) {
            guard !isStopping else { return false }
            rest()
            guard cache.hasRoomToRestore else { break }
            count += stack.restoring.withLock { _ in bring(family, buffer, file, &inserter, participant) }
            left.add(-family.keys.count)
        }
        restored.add(count)
        logger.log(
            .info,
            "tiles of the last run are in memory again",
            [
                "tiles": .integer(count), "listed": .integer(list.keys.count),
                "milliseconds": .integer((MonotonicClock.nanoseconds - start) / 1_000_000),
            ]
        )
        return true
    }

    /// Tiles of one family, or one tile that is stored as such.
    private struct Group {
        let tileset: OpenTileset
        let family: TierFamilyKey
        var keys: [TierKey]
        let isRendered: Bool
    }

    /// In the order of each family's hottest tile.
    private static func families(of keys: [TierKey], _ served: [TileEdition: OpenTileset]) -> [Group] {
        var places: [TierFamilyKey: Int] = [:]
        var groups: [Group] = []
        for key in keys {
            guard let tileset = served[key.edition], tileset.pyramid.contains(key.tile) else { continue }
            let parent = tileset.source.family(for: key.tile)?.parent
            let isRendered = parent != nil && parent != key.tile
            let family = TierFamilyKey(edition: key.edition, parent: (isRendered ? parent : nil) ?? key.tile)
            if isRendered, let place = places[family], groups[place].isRendered {
                groups[place].keys.append(key)
            } else {
                if isRendered { places[family] = groups.count }
                groups.append(Group(tileset: tileset, family: family, keys: [key], isRendered: isRendered))
            }
        }
        return groups
    }

    private func bring(
        _ group: Group,
        _ buffer: TierBuffer,
        _ file: TileBuffer,
        _ inserter: inout MemoryInserter,
        _ participant: CacheParticipant
    ) -> Int {
        let tileset = group.tileset
        let wanted = group.keys.compactMap { name -> (TierKey, TileKey)? in
            guard let key = tileset.key(of: name.tile, format: name.format, padded: name.isPadded),
                !cache.contains(key, by: participant)
            else { return nil }
            return (name, key)
        }
        var count = 0
        var missing = wanted
        for level in stack.levels where level.tier.isAvailable && !missing.isEmpty {
            let answers = level.tier.get(missing.map(\.0), of: group.family, into: buffer)
            var rest: [(TierKey, TileKey)] = []
            for (name, answer) in zip(missing, answers) {
                guard case .found(let tile) = answer else {
                    rest.append(name)
                    continue
                }
                let bytes = buffer.bytes[tile.range]
                let pinned = inserter.insert(bytes, as: name.1, in: tileset, cost: tile.cost, arrival: .restored)
                pinned?.release()
                if pinned != nil { count += 1 }
            }
            missing = rest
        }
        // A stored tile is read as a request would read it; anything else would have to be made.
        for (name, key) in missing where !group.isRendered && !name.isPadded {
            guard let stored = try? tileset.source.readTile(name.tile, into: file), stored.format == name.format else {
                continue
            }
            let pinned = inserter.insert(
                file.bytes[...],
                as: key,
                in: tileset,
                cost: 0,
                arrival: .restored,
                identity: stored.identity,
                modified: stored.modified
            )
            pinned?.release()
            if pinned != nil { count += 1 }
        }
        return count
    }

    /// Lets those who wait for a tile go first, for some time.
    private func rest() {
        for _ in 0..<20 {
            guard stack.board.withLock({ $0.count }) > 0, !isStopping else { return }
            _ = state.wait(forAtMost: .milliseconds(5)) { $0.isStopping ? true : nil }
        }
    }

    // MARK: Being kept

    private func save(_ tilesets: [OpenTileset]) {
        let participant = cache.makeParticipant()
        let limit = min(Self.maxTiles, max(store.maxHotKeyBytes - 65_536, 0) / HotKeys.keyByteCount)
        let used = cache.usedTiles(limit: limit, by: participant)
        guard !used.isEmpty else { return }
        let served = Dictionary(tilesets.map { ($0.ordinal, $0) }) { first, _ in first }
        // Forms that are made of others are neither stored nor in a tier: the next process makes them when asked.
        let keys = used.compactMap { tile -> TierKey? in
            guard let tileset = served[tile.key.ordinal], tileset.derivedVariant(of: tile.key) == nil else {
                return nil
            }
            return TierKey(tile.key, of: tileset.edition)
        }
        _ = store.storeHotKeys(HotKeys(keys).encoded())
        keepHot(used, served, participant)
    }

    /// Writes tiles to disk that were asked for again while memory had them: the writer never heard of the second request.
    private func keepHot(_ used: [UsedTile], _ served: [UInt32: OpenTileset], _ participant: CacheParticipant) {
        guard stack.configuration.admission == .secondRequest else { return }
        var bytes = 0
        for tile in used where tile.isHot {
            // A batch at a time: the rest comes with the next list.
            guard bytes < stack.configuration.waitingBytes / 2, let tileset = served[tile.key.ordinal],
                tileset.derivedVariant(of: tile.key) == nil,
                let family = tileset.source.family(for: tile.key.tile), family.parent != tile.key.tile
            else { continue }
            let name = TierKey(tile.key, of: tileset.edition)
            guard stack.levels.contains(where: { $0.tier.kind == .disk && !$0.tier.mayHave(name) }) else { continue }
            let pinned = participant.withGuard { cache.peek(tile.key, by: participant)?.pin() }
            guard let pinned else { continue }
            defer { pinned.release() }
            // A tile whose tag is not its edition's stands in for damage.
            guard tileset.isOfEdition(pinned, tile.key) else { continue }
            // Memory does not know when its tile was read: after a purge of the edition, what is asked for again is written
            // when it is rendered again.
            var write = TierWrite(
                family: TierFamilyKey(edition: tileset.edition, parent: family.parent),
                begun: 0
            )
            // SAFETY: pinned until the end of this turn.
            _ = unsafe write.append(name, cost: 0, bytes: pinned.body)
            bytes += write.bytes.count
            stack.keepHot(write)
        }
    }
}
