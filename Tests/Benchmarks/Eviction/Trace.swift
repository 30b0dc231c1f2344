// SPDX-License-Identifier: Apache-2.0

import TileCache

/// What somebody asks for, in the order of time.
struct TraceRequest {
    /// What the request is.
    enum Kind: UInt8 {
        /// A viewer waits for the tile: counts as hit or miss.
        case viewer
        /// A pre-warm client asks for the family (or tile) to be made: nobody has asked for the tiles yet.
        case prewarm
        /// A crawler asks for the tile as a viewer would, but is not one: not counted.
        case crawler
    }

    let object: Int32
    let kind: Kind
    /// Milliseconds since the trace began.
    let time: UInt32
}

/// A sequence of requests over numbered objects, which are tiles.
struct Trace {
    var name: String
    var requests: [TraceRequest] = []
    var bytes: [Int32] = []
    /// Where an object lies in a table: the hash of its key.
    var hashes: [UInt64] = []
    /// The family of an object, as a place in `families`; -1: a family of its own.
    var familyOf: [Int32] = []
    var families: [[Int32]] = []
    /// Whether a miss makes the whole family, as the pipeline does.
    var insertsFamilies = false

    var objectCount: Int { bytes.count }

    init(name: String) { self.name = name }

    /// The bytes of what is asked for, each object once.
    func distinctBytes() -> Int {
        var seen = [Bool](repeating: false, count: objectCount)
        var sum = 0
        for request in requests where !seen[Int(request.object)] {
            seen[Int(request.object)] = true
            sum += Int(bytes[Int(request.object)])
        }
        return sum
    }

    func meanBytes() -> Int { max(bytes.reduce(0) { $0 + Int($1) } / max(objectCount, 1), 1) }
}

/// A cache with some policy, as the replay sees it. Objects are those of a trace.
protocol Contender {
    var name: String { get }
    func holds(_ object: Int) -> Bool
    /// Somebody asks: whether it was there.
    mutating func use(_ object: Int, at time: UInt32) -> Bool
    /// Brings in an object that is not there.
    mutating func insert(_ object: Int, _ arrival: TileArrival, at time: UInt32)
    /// The replay has come to this request: for a policy that knows the future.
    mutating func reached(request: Int, object: Int)
    /// The replay is over.
    mutating func ended()
}

extension Contender {
    mutating func reached(request: Int, object: Int) {}
    mutating func ended() {}
}

/// What a replay counted.
struct HitCounts {
    var requests = 0
    var hits = 0
    var bytes = 0
    var hitBytes = 0

    mutating func add(bytes size: Int, isHit: Bool) {
        requests += 1
        bytes += size
        guard isHit else { return }
        hits += 1
        hitBytes += size
    }

    /// Percent of the requests.
    var objectRatio: Double { Double(hits) * 100 / Double(max(requests, 1)) }
    /// Percent of the bytes asked for.
    var byteRatio: Double { Double(hitBytes) * 100 / Double(max(bytes, 1)) }
}

/// Replays a trace against a policy, the way the server would: a miss inserts the tile, and its siblings where the
/// trace says so; a pre-warm inserts without a use.
///
/// Only requests in `counted` are counted.
func replay<Policy: Contender>(
    _ trace: Trace,
    _ contender: inout Policy,
    counting counted: Range<Int>? = nil
) -> HitCounts {
    var counts = HitCounts()
    let counted = counted ?? 0..<trace.requests.count
    defer { contender.ended() }
    for (index, request) in trace.requests.enumerated() {
        let object = Int(request.object)
        contender.reached(request: index, object: object)
        let isPresent: Bool
        var arrival = TileArrival.requested
        switch request.kind {
        case .viewer:
            isPresent = contender.use(object, at: request.time)
            if counted.contains(index) { counts.add(bytes: Int(trace.bytes[object]), isHit: isPresent) }
        case .crawler: isPresent = contender.use(object, at: request.time)
        case .prewarm:
            isPresent = false
            arrival = .speculative
        }
        if isPresent { continue }
        if !contender.holds(object) { contender.insert(object, arrival, at: request.time) }
        guard trace.insertsFamilies, trace.familyOf[object] >= 0 else { continue }
        for sibling in trace.families[Int(trace.familyOf[object])] where !contender.holds(Int(sibling)) {
            contender.insert(Int(sibling), .speculative, at: request.time)
        }
    }
    return counts
}
