// SPDX-License-Identifier: Apache-2.0

import TileCache

/// The keeper's own decisions, over a table of numbers instead of memory: `EvictionRound`, the use word's transitions, the
/// ghosts and the watermarks are the server's code.
struct KeeperPolicy: Contender {
    let name: String
    private let limit: Int
    private let high: Int
    private let low: Int
    private var ground: SimulatedGround
    private var round: EvictionRound

    init(_ trace: Trace, capacity: Int, _ policy: EvictionPolicy, tuning: EvictionTuning = .standard) {
        name = policy.rawValue
        let configuration = TileCacheConfiguration(byteBudget: 0, policy: policy)
        limit = capacity
        high = Int(Double(capacity) * (tuning.high ?? configuration.highWatermark))
        low = Int(Double(capacity) * (tuning.low ?? configuration.lowWatermark))
        ground = SimulatedGround(trace, capacity: capacity, policy, tuning)
        round = EvictionRound(policy: policy, budget: capacity, tuning: tuning)
    }

    var visitText: String { String(Int(round.stalePart * 100)) + "/" + String(Int(Double(ground.visits) / Double(max(ground.evictions, 1)))) }

    func holds(_ object: Int) -> Bool { ground.placeOf[object] >= 0 }

    mutating func use(_ object: Int, at time: UInt32) -> Bool {
        guard holds(object) else { return false }
        ground.use(object, at: time)
        return true
    }

    mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32) {
        ground.now = time
        ground.insert(object, arrival, at: time, generation: round.generation)
        if let uses = ground.ghostUses { round.missed(uses: uses, weight: 1) }
        let used = ground.warmBytes + ground.hotBytes
        let highCount = Int(Double(ground.placeCount) * 0.78)
        if used > high || ground.count > highCount {
            let lowCount = Int(Double(ground.placeCount) * 0.77)
            _ = round.evict(bytes: max(used - low, 0), entries: max(ground.count - lowCount, 0), from: &ground)
        }
    }
}


/// A table in the order of the hash, as the cache's is.
struct SimulatedGround: EvictionGround {
    private let policy: EvictionPolicy
    private let bytes: [Int32]
    private let hashes: [UInt64]
    private let ghosts: GhostList?
    private let tuning: EvictionTuning
    private(set) var warmBytes = 0
    private(set) var hotBytes = 0
    private(set) var unusedBytes = 0
    var ghostUses: Int?
    private(set) var count = 0
    var visits = 0
    var samples = 0
    var evictions = 0
    var now: UInt32 = 0
    private var table: [Int32]
    private(set) var placeOf: [Int32]
    private var uses: [UInt16]
    private var births: [UInt32]
    private var lastUses: [UInt32]
    private var hand = 0

    init(_ trace: Trace, capacity: Int, _ policy: EvictionPolicy, _ tuning: EvictionTuning) {
        self.policy = policy
        self.tuning = tuning
        bytes = trace.bytes
        hashes = trace.hashes
        let configuration = TileCacheConfiguration(byteBudget: 0)
        table = Array(repeating: -1, count: max(capacity / configuration.expectedEntryBytes * 3 / 2, 448))
        ghosts = GhostList(count: max(Int(Double(capacity / configuration.expectedEntryBytes) * 0.75 * tuning.ghostFactor), 64))
        placeOf = Array(repeating: -1, count: trace.objectCount)
        uses = Array(repeating: 0, count: trace.objectCount)
        births = Array(repeating: 0, count: trace.objectCount)
        lastUses = Array(repeating: 0, count: trace.objectCount)
    }

    func release() { ghosts?.unmap() }

    var placeCount: Int { table.count }

    mutating func sampleBegins() {}
    mutating func sampleEnds() {}

    mutating func use(_ object: Int, at time: UInt32) {
        let old = uses[object]
        let new = policy.counted(old)
        uses[object] = new
        if new != old { lastUses[object] = time }
        if EvictionPolicy.count(old) == 0 && EvictionPolicy.count(new) > 0 && !EvictionPolicy.isHot(old) { unusedBytes -= Int(bytes[object]) }
        if EvictionPolicy.isHot(new) && !EvictionPolicy.isHot(old) {
            warmBytes -= Int(bytes[object])
            hotBytes += Int(bytes[object])
        }
    }

    mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32, generation: UInt16) {
        var ghost: Int?
        if policy.hasClasses && (arrival == .requested || tuning.ghostCounts) {
            ghost = ghosts?.take(hashes[object], generation: generation, within: tuning.ghostGenerations, decay: tuning.ghostDecayEvery)
        }
        ghostUses = arrival == .requested ? ghost : nil
        uses[object] = policy.initialUse(arrival, ghost: ghost, generation: generation, tuning)
        births[object] = time
        lastUses[object] = time
        var place = Int(hashes[object].multipliedFullWidth(by: UInt64(table.count)).high)
        while table[place] >= 0 { place = place + 1 == table.count ? 0 : place + 1 }
        table[place] = Int32(object)
        count += 1
        placeOf[object] = Int32(place)
        if !EvictionPolicy.isHot(uses[object]) && EvictionPolicy.count(uses[object]) == 0 { unusedBytes += Int(bytes[object]) }
        if EvictionPolicy.isHot(uses[object]) { hotBytes += Int(bytes[object]) } else { warmBytes += Int(bytes[object]) }
    }

    mutating func collect(into sample: inout EvictionSample) -> Int {
        var passed = 0
        var looked = 0
        defer { visits += looked; samples += 1 }
        while !sample.isFull && looked < tuning.visits && passed < 4096 {
            let object = Int(table[hand])
            if object >= 0 {
                looked += 1
                let use = uses[object]
                let isHot = EvictionPolicy.isHot(use)
                if sample.wants(isHot: isHot, count: EvictionPolicy.count(use)) {
                    let entry = EvictionEntry(
                        isHot: isHot,
                        useCount: EvictionPolicy.count(use),
                        bytes: Int(bytes[object]),
                        cost: 1000,
                        age: Int(now &- births[object]),
                        idle: Int(now &- lastUses[object])
                    )
                    sample.offer(entry, place: hand, word: UInt64(object))
                }
            }
            hand = hand + 1 == table.count ? 0 : hand + 1
            passed += 1
        }
        return passed
    }

    mutating func evict(_ candidate: EvictionCandidate, generation: UInt16) -> Int? {
        let object = Int(candidate.word)
        guard placeOf[object] >= 0 else { return nil }
        table[candidate.place] = -1
        count -= 1
        evictions += 1
        placeOf[object] = -1
        let size = Int(bytes[object])
        if !EvictionPolicy.isHot(uses[object]) && EvictionPolicy.count(uses[object]) == 0 { unusedBytes -= size }
        if EvictionPolicy.isHot(uses[object]) { hotBytes -= size } else { warmBytes -= size }
        if policy.hasClasses { ghosts?.remember(hashes[object], generation: generation, uses: EvictionPolicy.count(uses[object])) }
        return size
    }

    mutating func halve(_ candidate: EvictionCandidate, generation: UInt16) {
        let object = Int(candidate.word)
        uses[object] = EvictionPolicy.halved(uses[object], generation: generation)
    }
}
