// SPDX-License-Identifier: Apache-2.0

import LockFree

/// Where one tile lies on disk.
struct IndexEntry: Hashable, Sendable {
    /// `TierKey.mixed`. Two keys with one hash are told apart by the record's own header.
    var hash: UInt64
    /// Segment in the upper half, offset in units of 8 bytes in the lower. Grows with the order of writing.
    var location: UInt64
    /// Bytes of the body.
    var bodyCount: UInt32
    var flags: Flags

    struct Flags: OptionSet, Hashable, Sendable {
        let rawValue: UInt32
        /// Read since it was written: it gets a second chance.
        static let used = Flags(rawValue: 1)
        /// Its checksum was compared since it was written or since the start.
        static let verified = Flags(rawValue: 2)
        /// Stands for a deletion while the index is being loaded.
        static let deletion = Flags(rawValue: 4)
    }

    init(hash: UInt64, segment: UInt32, offset: Int, bodyCount: UInt32, flags: Flags = []) {
        self.hash = hash
        location = Self.location(segment: segment, offset: offset)
        self.bodyCount = bodyCount
        self.flags = flags
    }

    /// An empty place of a table: no segment has the number 0.
    fileprivate static let empty = IndexEntry(hash: 0, segment: 0, offset: 0, bodyCount: 0)
    fileprivate var isEmpty: Bool { location == 0 }

    static func location(segment: UInt32, offset: Int) -> UInt64 {
        UInt64(segment) << 32 | UInt64(UInt32(truncatingIfNeeded: offset / RecordHeader.alignment))
    }

    var segment: UInt32 { UInt32(truncatingIfNeeded: location >> 32) }
    var offset: Int { Int(UInt32(truncatingIfNeeded: location)) * RecordHeader.alignment }
    var recordByteCount: Int { RecordHeader.recordByteCount(bodyCount: Int(bodyCount)) }
}

/// Which tile lies where: 256 open-addressing tables, each behind a lock that is held for one probe.
///
/// Any thread. 24 bytes for each place; a table grows above three quarters full. Complexity: O(1).
final class TileIndex: Sendable {
    static let shardCount = 256
    private let shards: [Lock<IndexShard>]

    init() { shards = (0..<Self.shardCount).map { _ in Lock(IndexShard()) } }

    /// The shard of a hash: its first byte.
    static func shard(of hash: UInt64) -> Int { Int(hash >> 56) }

    private func shard(_ hash: UInt64) -> Lock<IndexShard> { shards[Self.shard(of: hash)] }

    /// The entry of a hash; nil where there is none, or a deletion. `using` notes that it is being read.
    func find(_ hash: UInt64, using: Bool = false) -> IndexEntry? {
        shard(hash).withLock { $0.find(hash, using: using) }
    }

    /// Puts an entry in unless the place that is known for its hash was written later. True where it stands now.
    @discardableResult
    func put(_ entry: IndexEntry) -> Bool { shard(entry.hash).withLock { $0.put(entry) } }

    /// Takes the entry of a hash out where it still is that place. True where it was.
    @discardableResult
    func remove(_ hash: UInt64, at location: UInt64) -> Bool {
        shard(hash).withLock { $0.remove(hash) { $0.location == location } }
    }

    /// Takes the entry of a hash out wherever it is.
    func remove(_ hash: UInt64) { _ = shard(hash).withLock { $0.remove(hash) { _ in true } } }

    /// Adds flags to the entry of a hash where it still is that place.
    func mark(_ hash: UInt64, at location: UInt64, _ flags: IndexEntry.Flags) {
        shard(hash).withLock { $0.update(hash, at: location) { $0.formUnion(flags) } }
    }

    /// Takes flags from every entry of a segment.
    func unmark(segment: UInt32, _ flags: IndexEntry.Flags) {
        for shard in shards { shard.withLock { $0.unmark(segment: segment, flags) } }
    }

    /// Forgets the deletions: everything older has been loaded.
    func removeDeletions() {
        for shard in shards { shard.withLock { $0.removeDeletions() } }
    }

    /// How many tiles there are, and the bytes of their bodies.
    var totals: (tiles: Int, bytes: Int) {
        shards.reduce(into: (0, 0)) { sum, shard in
            let (tiles, bytes) = shard.withLock { ($0.count, $0.bodyBytes) }
            sum = (sum.0 + tiles, sum.1 + bytes)
        }
    }

    /// How many tiles each shard has.
    var shardCounts: [Int] { shards.map { $0.withLock { $0.count } } }
}

/// One table: linear probing, and removal by moving back what follows, so that there are no marks of what was removed.
private struct IndexShard {
    private var places: [IndexEntry] = []
    private(set) var count = 0
    private(set) var bodyBytes = 0

    private var mask: Int { places.count - 1 }

    private func position(of hash: UInt64) -> Int? {
        guard !places.isEmpty else { return nil }
        var position = Int(truncatingIfNeeded: hash) & mask
        while !places[position].isEmpty {
            if places[position].hash == hash { return position }
            position = (position + 1) & mask
        }
        return nil
    }

    mutating func find(_ hash: UInt64, using: Bool) -> IndexEntry? {
        guard let position = position(of: hash) else { return nil }
        if places[position].flags.contains(.deletion) { return nil }
        if using { places[position].flags.insert(.used) }
        return places[position]
    }

    mutating func put(_ entry: IndexEntry) -> Bool {
        if let position = position(of: entry.hash) {
            guard places[position].location < entry.location else { return places[position].location == entry.location }
            bodyBytes += Int(entry.bodyCount) - Int(places[position].bodyCount)
            places[position] = entry
            return true
        }
        if (count + 1) * 4 > places.count * 3 { grow() }
        place(entry)
        count += 1
        bodyBytes += Int(entry.bodyCount)
        return true
    }

    private mutating func place(_ entry: IndexEntry) {
        var position = Int(truncatingIfNeeded: entry.hash) & mask
        while !places[position].isEmpty { position = (position + 1) & mask }
        places[position] = entry
    }

    private mutating func grow() {
        let old = places
        places = Array(repeating: .empty, count: max(2 * old.count, 16))
        for entry in old where !entry.isEmpty { place(entry) }
    }

    mutating func update(_ hash: UInt64, at location: UInt64, _ change: (inout IndexEntry.Flags) -> Void) {
        guard let position = position(of: hash), places[position].location == location else { return }
        change(&places[position].flags)
    }

    mutating func remove(_ hash: UInt64, where isRight: (IndexEntry) -> Bool) -> Bool {
        guard let position = position(of: hash), isRight(places[position]) else { return false }
        count -= 1
        bodyBytes -= Int(places[position].bodyCount)
        var hole = position
        var next = (hole + 1) & mask
        while !places[next].isEmpty {
            // What stands at or behind its home, counted from the hole, may not move in front of it.
            let home = Int(truncatingIfNeeded: places[next].hash) & mask
            if (next - home) & mask >= (next - hole) & mask {
                places[hole] = places[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        places[hole] = .empty
        return true
    }

    mutating func unmark(segment: UInt32, _ flags: IndexEntry.Flags) {
        for position in places.indices where places[position].segment == segment {
            places[position].flags.subtract(flags)
        }
    }

    mutating func removeDeletions() {
        let gone = places.filter { $0.flags.contains(.deletion) && !$0.isEmpty }
        for entry in gone { _ = remove(entry.hash) { _ in true } }
    }
}
