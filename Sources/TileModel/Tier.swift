// SPDX-License-Identifier: Apache-2.0

/// A place behind memory that keeps finished tiles: the disk tier, the shared tier.
///
/// Thread rule: every call may block (on a disk, on a socket) and comes from an I/O thread, several at once; never from a
/// reactor. Calls end within a time of the tier's own, and their outcomes are values: a tier that is broken, full, or gone
/// answers so, and the tile is rendered. Nothing here throws or traps, whatever the disk or the network holds.
///
/// What a tier answers is checked: `found` is what was inserted under that key, byte for byte (checksum and whole key), or it
/// is not given. All tiles of one call are of one family, so that a tier can serve them by one write or one round trip.
///
/// Only tiles that follow from their edition alone are inserted: one that lies in a file of its own, or stands in for damage,
/// is not, because its edition does not change when it does.
package protocol Tier: AnyObject, Sendable {
    /// `disk` or `shared`: the label of metrics.
    var kind: TileTier { get }

    /// Whether a call makes sense now: false while a circuit breaker is open or the tier is closed. A load, no waiting;
    /// what it says may be over by the call, which then answers `unavailable`.
    var isAvailable: Bool { get }

    /// Whether a look-up should ask for all of a family at once, because a call costs more than the tiles in it.
    var prefersWholeFamilies: Bool { get }

    /// False where the tier knows, without waiting for anything, that it does not have the tile; true where it has it or
    /// cannot tell. Any thread, reactors too: it decides whether a miss takes the way over an I/O thread.
    func mayHave(_ key: TierKey) -> Bool

    /// Looks up tiles of one family. Answers are in the order of `keys`, as many as there are keys; the bytes of those that
    /// were found lie in `buffer`, which is the caller's and holds nothing else afterwards.
    func get(_ keys: [TierKey], of family: TierFamilyKey, into buffer: TierBuffer) -> [TierAnswer]

    /// Keeps the tiles of one family, as one write. A tile that is there already is replaced or left as it is: the bytes are
    /// the same.
    func insert(_ write: TierWrite) -> TierInsertOutcome

    /// Forgets tiles of one family. True where none of them will be found again, as far as this tier can tell.
    func delete(_ keys: [TierKey], of family: TierFamilyKey) -> Bool

    /// Makes what was inserted last as long as it is going to, gives up resources, and answers every later call with
    /// `unavailable`. Calls under way end first. Once.
    func close()
}

extension Tier {
    /// Cannot tell.
    package func mayHave(_ key: TierKey) -> Bool { true }
}

/// A tier that other servers read and write, too.
package protocol FleetTier: Tier {
    /// Announces that this server is going to render a family, unless another one has, and then looks up tiles of it as `get`
    /// does: what another server wrote before its own claim ended is found. Within a tier's time-out; a tier that cannot tell
    /// answers `granted`, so that a broken tier fails no tile. A claim ends by itself after some seconds.
    func claim(
        _ family: TierFamilyKey,
        lookingFor keys: [TierKey],
        into buffer: TierBuffer
    ) -> (claim: FleetClaim, answers: [TierAnswer])

    /// Ends a claim that was `granted`: the family was inserted, or its rendering was given up.
    func release(_ family: TierFamilyKey)
}

/// A tier whose tiles lie in files, which can be sent from there.
package protocol FileTier: Tier {
    /// Where a tile's bytes lie; nil unless they were compared with their checksum since they were written or since the start.
    /// Stays readable when the tier gives the tile up.
    func region(of key: TierKey) -> TierRegion?
}

/// Part of an open file.
package struct TierRegion: Hashable, Sendable {
    /// The receiver's own, to be closed by it.
    package let descriptor: Int32
    package let offset: Int
    package let byteCount: Int

    package init(descriptor: Int32, offset: Int, byteCount: Int) {
        self.descriptor = descriptor
        self.offset = offset
        self.byteCount = byteCount
    }
}

/// Who renders a family in a fleet.
package enum FleetClaim: Hashable, Sendable {
    /// This server.
    case granted
    /// Another server is at it: its tiles may be in the tier soon. Ask again in a while, and render after all if they are not.
    case elsewhere
}

/// How one tile of a look-up ended.
package enum TierAnswer: Hashable, Sendable {
    case found(TierTile)
    /// The tier does not have the tile.
    case absent
    /// What the tier has of it is damaged (and is forgotten), or could not be read.
    case damaged
    /// The tier could not be asked: closed, broken, over its time.
    case unavailable
}

/// A tile that was found: where its bytes are in the buffer of the call.
package struct TierTile: Hashable, Sendable {
    /// The bytes of the tile in `TierBuffer.bytes`.
    package let range: Range<Int>
    /// What making the tile took when it was made, in microseconds: memory's eviction weighs it.
    package let cost: UInt32

    package init(range: Range<Int>, cost: UInt32) {
        self.range = range
        self.cost = cost
    }
}

/// The bytes that a look-up gives: one I/O thread's, used again for each call, so that no call allocates once it is warm.
///
/// Not Sendable: who owns the thread owns the buffer.
package final class TierBuffer {
    /// Bytes in front of `count` are the answer's; what lies behind is of former calls.
    package var bytes: [UInt8] = []
    /// How many bytes the call under way has used.
    package private(set) var count = 0

    package init() {}

    /// Begins a call.
    package func removeAll() { count = 0 }

    /// Takes the next `length` bytes, contents unspecified, growing where there are too few. `length` is not negative.
    package func take(_ length: Int) -> Range<Int> {
        let range = count..<count + length
        if range.upperBound > bytes.count {
            bytes.append(contentsOf: repeatElement(0, count: max(range.upperBound, 2 * bytes.count) - bytes.count))
        }
        count = range.upperBound
        return range
    }

    /// Gives back what was taken from `start` on: a tile that turned out to be damaged.
    package func giveBack(from start: Int) { count = min(count, start) }
}

/// Tiles of one family to be kept, whole: what one `insert` takes.
package struct TierWrite: Sendable {
    /// One tile.
    package struct Tile: Hashable, Sendable {
        package let key: TierKey
        /// Its bytes in `TierWrite.bytes`.
        package let range: Range<Int>
        /// What making it took, in microseconds.
        package let cost: UInt32

        package init(key: TierKey, range: Range<Int>, cost: UInt32) {
            self.key = key
            self.range = range
            self.cost = cost
        }
    }

    package let family: TierFamilyKey
    /// The tiles, each key at most once.
    package private(set) var tiles: [Tile] = []
    /// The bytes of all tiles, one behind the other.
    package private(set) var bytes: [UInt8] = []
    /// Before what they are made of was read: monotonic nanoseconds. Where they were purged since, they are not kept.
    package private(set) var begun: Int

    package init(family: TierFamilyKey, begun: Int = .max) {
        self.family = family
        self.begun = begun
    }

    /// Adds a tile. False where its key is there already.
    package mutating func append(_ key: TierKey, cost: UInt32, bytes body: some Sequence<UInt8>) -> Bool {
        guard !tiles.contains(where: { $0.key == key }) else { return false }
        let start = bytes.count
        bytes.append(contentsOf: body)
        tiles.append(Tile(key: key, range: start..<bytes.count, cost: cost))
        return true
    }

    /// Adds the tiles of another write of the same family that are not there yet.
    package mutating func merge(_ other: TierWrite) {
        precondition(other.family == family, "tiles of another family")
        for tile in other.tiles { _ = append(tile.key, cost: tile.cost, bytes: other.bytes[tile.range]) }
        begun = min(begun, other.begun)
    }
}

/// What became of an insert. Exactly one for each call.
package enum TierInsertOutcome: Hashable, Sendable {
    /// All tiles can be looked up.
    case stored
    /// None of them can; why, as a label of metrics.
    case refused(TierRefusal)
}

/// Why a tier kept nothing. The raw values are labels of metrics.
package enum TierRefusal: String, Hashable, Sendable, CaseIterable {
    /// No room: the disk or the server is full. Reading goes on.
    case full
    /// Closed, or its breaker is open.
    case unavailable
    /// The write failed, or took too long.
    case failed
    /// The family is larger than the tier takes.
    case tooLarge = "too-large"
}
