// SPDX-License-Identifier: Apache-2.0

import TileCache

/// The keeper's own decisions over numbers instead of memory: `EvictionRound`, the watermarks, the use word's transitions
/// and the ghosts are the server's code; only the table is another.
struct KeeperPolicy: Contender {
    let name: String
    private let marks: EvictionWatermarks
    private var ground: SimulatedGround
    private var round: EvictionRound

    init(_ trace: Trace, capacity: Int, _ policy: EvictionPolicy, tuning: EvictionTuning = EvictionTuning()) {
        name = policy.rawValue
        let configuration = TileCacheConfiguration(byteBudget: capacity, policy: policy)
        ground = SimulatedGround(trace, capacity: capacity, configuration)
        marks = EvictionWatermarks(configuration, limit: capacity, slots: ground.placeCount)
        round = EvictionRound(policy: policy, budget: capacity, tuning: tuning)
    }

    /// Entries that samples looked at for each that was evicted.
    var looksPerEviction: Double { Double(ground.looks) / Double(max(ground.evictions, 1)) }

    /// Places of the table that the largest sample passed.
    var mostPlaces: Int { ground.mostPlaces }

    func holds(_ object: Int) -> Bool { ground.holds(object) }

    mutating func use(_ object: Int, at time: UInt32) -> Bool {
        guard holds(object) else { return false }
        ground.use(object, at: time)
        return true
    }

    mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32) {
        ground.time = time
        ground.insert(object, arrival, generation: round.generation)
        let used = ground.usedBytes
        guard marks.arePassed(bytes: used, entries: ground.count) else { return }
        let excess = marks.excess(bytes: used, entries: ground.count)
        _ = round.evict(bytes: excess.bytes, entries: excess.entries, from: &ground)
    }

    mutating func ended() { ground.release() }
}

/// A table in the order of the hash, as the cache's is, with as many slots for its budget.
struct SimulatedGround: EvictionGround {
    private let policy: EvictionPolicy
    private let bytes: [Int32]
    private let hashes: [UInt64]
    private let ghosts: GhostList?
    private(set) var usedBytes = 0
    private(set) var count = 0
    private(set) var looks = 0
    private(set) var evictions = 0
    private(set) var mostPlaces = 0
    var time: UInt32 = 0
    var turns: UInt32 = 0
    private var table: [Int32]
    private var placeOf: [Int32]
    private var uses: [UInt16]
    private var lastUses: [UInt32]
    private var hand = 0

    /// As the keeper: places in one go.
    private static let placesPerStep = 512 * 7

    init(_ trace: Trace, capacity: Int, _ configuration: TileCacheConfiguration) {
        policy = configuration.policy
        bytes = trace.bytes
        hashes = trace.hashes
        let slots = max(capacity / configuration.expectedEntryBytes * 3 / 2, 448)
        table = Array(repeating: -1, count: slots)
        ghosts = GhostList(count: GhostList.count(slots: slots))
        placeOf = Array(repeating: -1, count: trace.objectCount)
        uses = Array(repeating: 0, count: trace.objectCount)
        lastUses = Array(repeating: 0, count: trace.objectCount)
    }

    func release() { ghosts?.unmap() }

    func holds(_ object: Int) -> Bool { placeOf[object] >= 0 }

    var placeCount: Int { table.count }

    private(set) var usesEver = [Int](repeating: 0, count: ReuseTable.cellCount)
    var entryCount: Int { count }
    var now: UInt32 { time &+ turns }
    mutating func sampleBegins() {}
    mutating func sampleEnds() {}

    mutating func use(_ object: Int, at time: UInt32) {
        let now = time &+ turns
        let old = uses[object]
        uses[object] = policy.counted(old)
        if uses[object] != old && policy.learns {
            usesEver[EvictionPolicy.cell(old, idle: Int(now &- lastUses[object]))] += 1
        }
        if uses[object] != old || policy.tracksLastUse { lastUses[object] = now }
    }

    mutating func insert(_ object: Int, _ arrival: TileArrival, generation: UInt16) {
        let dropped = policy.learns ? ghosts?.take(hashes[object], generation: generation) : nil
        uses[object] = policy.initialUse(arrival, droppedUses: dropped, generation: generation)
        lastUses[object] = now
        var place = Int(hashes[object].multipliedFullWidth(by: UInt64(table.count)).high)
        while table[place] >= 0 { place = place + 1 == table.count ? 0 : place + 1 }
        table[place] = Int32(object)
        placeOf[object] = Int32(place)
        count += 1
        usedBytes += Int(bytes[object])
    }

    mutating func offerAgain(_ candidate: EvictionCandidate, to sample: inout EvictionSample) {
        if table[candidate.place] == Int32(truncatingIfNeeded: candidate.word) { offer(candidate.place, to: &sample) }
    }

    mutating func collect(into sample: inout EvictionSample) -> Int {
        var passed = 0
        while !sample.isFull && passed < Self.placesPerStep {
            if table[hand] >= 0 { offer(hand, to: &sample) }
            hand = hand + 1 == table.count ? 0 : hand + 1
            passed += 1
        }
        mostPlaces = max(mostPlaces, passed)
        return passed
    }

    private mutating func offer(_ place: Int, to sample: inout EvictionSample) {
        let object = Int(table[place])
        let use = uses[object]
        looks += 1
        let entry = EvictionEntry(
            useCount: EvictionPolicy.count(use),
            isAsked: EvictionPolicy.isAsked(use),
            bytes: Int(bytes[object]),
            cost: 1000,
            idle: Int(now &- lastUses[object])
        )
        sample.offer(entry, place: place, word: UInt64(object))
    }

    mutating func evict(_ candidate: EvictionCandidate, generation: UInt16) -> Int? {
        let object = Int(candidate.word)
        guard placeOf[object] >= 0 else { return nil }
        table[candidate.place] = -1
        placeOf[object] = -1
        count -= 1
        evictions += 1
        let size = Int(bytes[object])
        usedBytes -= size
        if policy.learns {
            ghosts?.remember(hashes[object], uses: EvictionPolicy.count(uses[object]), generation: generation)
        }
        return size
    }

    mutating func fade(_ candidate: EvictionCandidate, generation: UInt16) {
        let object = Int(candidate.word)
        uses[object] = policy.faded(uses[object], generation: generation)
    }
}
