// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Synchronization
internal import TileModel

/// From a key to its block: buckets of one cache line, seven slots and an overflow count each, never resized.
///
/// A slot is 0 or a 16-bit tag of the hash (never 0) above a 48-bit pointer. A key belongs into its home bucket; where
/// that is full, into one of the next `window - 1`. The overflow count of a bucket says how many keys were placed
/// behind it that had it on their way, so a look-up that finds it 0 stops there: one cache line for the bucket and one
/// for the block, nearly always.
///
/// *Readers* are wait-free: at most `window` buckets, no retry. *Writers* claim an empty slot by compare-and-swap, raise
/// the counts on the way before, and lower them after removing. An entry never moves, so a reader that passes it by
/// linearises before it was published or after it was removed.
///
/// *Two racing publications of one key* may fill two slots. Each looks again after publishing, and whoever sees both
/// removes the one that is further from home. Publishing and looking again are sequentially consistent: of two such
/// threads, at least one sees the other. Readers find the nearer one, and whoever removes a key removes the further one
/// first: a tile that was replaced is never seen again.
@safe
struct BucketTable {
    private let base: UnsafeMutableRawPointer
    let bucketCount: Int

    static let bucketBytes = 64
    static let slotsPerBucket = 7
    /// 112 slots: at the entry limit of 78 % full, a window without a free slot is not to be expected in a lifetime.
    static let window = 16
    private static let pointerMask: UInt64 = 0x0000_FFFF_FFFF_FFFF

    /// A slot's place: the bucket's number times 8 plus the slot's.
    typealias Position = Int

    /// At least `bucketCount` buckets; nil where the kernel refuses the memory.
    init?(bucketCount wanted: Int) {
        let wantedBytes = wanted * Self.bucketBytes
        // A table of about a huge page or more fills huge pages; it is charged as a whole in any case.
        let isHuge = Chunk.canBeHuge && wantedBytes >= Chunk.bytes / 2
        let unit = isHuge ? Chunk.bytes : Self.bucketBytes
        let bytes = (wantedBytes + unit - 1) / unit * unit
        guard let base = unsafe platform_map_aligned(bytes, isHuge ? Chunk.bytes : Chunk.page) else { return nil }
        if isHuge { _ = unsafe platform_use_huge_pages(base, bytes) }
        unsafe self.base = base
        bucketCount = bytes / Self.bucketBytes
        // SAFETY: fresh pages are zero, which is what eight `Atomic<UInt64>(0)` for each bucket are.
        unsafe base.bindMemory(to: Atomic<UInt64>.self, capacity: bucketCount * 8)
    }

    func unmap() { unsafe platform_unmap(base, bytes) }

    var bytes: Int { Chunk.roundedToPages(bucketCount * Self.bucketBytes) }
    var slotCount: Int { bucketCount * Self.slotsPerBucket }

    /// Every slot's place.
    var positions: some Sequence<Position> {
        (0..<bucketCount).lazy.flatMap { $0 * 8..<$0 * 8 + Self.slotsPerBucket }
    }

    /// The bucket where the probe of a hash begins.
    @inline(__always)
    func home(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(truncatingIfNeeded: bucketCount)).high)
    }

    @inline(__always)
    static func tag(_ hash: UInt64) -> UInt64 {
        let tag = hash & 0xFFFF
        return (tag == 0 ? 1 : tag) << 48
    }

    @inline(__always)
    static func block(_ word: UInt64) -> Block {
        // SAFETY: the caller read a non-zero word from a slot while on-line; 48 bits are a user-space address.
        unsafe Block(UnsafeMutableRawPointer(bitPattern: UInt(word & pointerMask)).unsafelyUnwrapped)
    }

    static func word(_ hash: UInt64, _ block: Block) -> UInt64 {
        let address = unsafe UInt64(UInt(bitPattern: block.base))
        precondition(address & ~pointerMask == 0, "an address of more than 48 bits")
        return tag(hash) | address
    }

    @inline(__always)
    func bucket(after bucket: Int) -> Int { bucket &+ 1 == bucketCount ? 0 : bucket &+ 1 }

    @inline(__always)
    func slot(_ position: Position) -> UnsafeMutablePointer<Atomic<UInt64>> {
        // SAFETY: position / 8 < bucketCount; the table is mapped until its owner's deinit.
        unsafe (base + position &* 8).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always)
    private func overflow(_ bucket: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe slot(bucket &* 8 &+ Self.slotsPerBucket)
    }

    /// Which slots of a bucket have a tag: bit `4 * slot + 3` for each. The overflow count has no tag.
    ///
    /// Without a branch: in which slot a key lies cannot be predicted, and a branch on it would have to wait for the bucket's
    /// cache line before the processor could begin with the next look-up. And in few instructions, for the same reason.
    @inline(__always)
    private func matches(_ bucket: Int, _ tag: UInt64) -> UInt32 {
        // SAFETY: bucket < bucketCount; 64 bytes, aligned to as many. What it says of slots is only a hint.
        unsafe platform_bucket_matches(base + bucket &* Self.bucketBytes, UInt16(truncatingIfNeeded: tag >> 48))
    }

    /// The slot of the lowest bit of `matches`.
    @inline(__always)
    private func position(_ bucket: Int, _ matches: UInt32) -> Position {
        bucket &* 8 &+ matches.trailingZeroBitCount >> 2
    }

    /// The block of a key. The caller is on-line; the block stays valid until it goes off-line.
    @inline(__always)
    func find(_ key: TileKey, hash: UInt64) -> Block? {
        let tag = Self.tag(hash)
        var bucket = home(hash)
        for _ in 0..<Self.window {
            var matches = matches(bucket, tag)
            while matches != 0 {
                // ORDERING: acquiring; pairs with the compare-and-swaps in publish() and exchange(): the block's contents
                // are visible.
                let word = unsafe slot(position(bucket, matches)).pointee.load(ordering: .acquiring)
                if word ^ tag <= Self.pointerMask {
                    let block = Self.block(word)
                    if block.holds(key) { return block }
                }
                matches &= matches &- 1
            }
            // ORDERING: acquiring; pairs with the addition in publish(): a count of 0 means that no key which passed
            // this bucket was published before this load.
            if unsafe overflow(bucket).pointee.load(ordering: .acquiring) == 0 { return nil }
            bucket = self.bucket(after: bucket)
        }
        return nil
    }

    /// Begins to fetch the home bucket of a hash.
    @inline(__always)
    func prefetchBucket(_ hash: UInt64) { unsafe platform_prefetch(slot(home(hash) * 8)) }

    /// Begins to fetch the block in the home bucket that has the tag of a hash. A word that is stale by the time of the
    /// look-up does no harm: the fetch of any address is allowed.
    @inline(__always)
    func prefetchBlock(_ hash: UInt64) {
        let bucket = home(hash)
        let matches = matches(bucket, Self.tag(hash))
        guard matches != 0 else { return }
        let word = unsafe slot(position(bucket, matches)).pointee.load(ordering: .relaxed)
        if word != 0 { unsafe platform_prefetch(Self.block(word).base) }
    }

    /// Puts a word into the first empty slot of the window; nil where there is none.
    func publish(_ word: UInt64, hash: UInt64) -> Position? {
        var bucket = home(hash)
        for distance in 0..<Self.window {
            let first = bucket * 8
            for position in first..<first + Self.slotsPerBucket {
                while unsafe slot(position).pointee.load(ordering: .relaxed) == 0 {
                    // ORDERING: sequentially consistent; as a release it pairs with the load in find(), and in the one
                    // order of all it pairs with the loads in places(): of two racing inserts one sees the other.
                    let (exchanged, _) = unsafe slot(position).pointee.compareExchange(
                        expected: 0,
                        desired: word,
                        ordering: .sequentiallyConsistent
                    )
                    if exchanged { return position }
                }
            }
            if distance + 1 < Self.window {
                // ORDERING: sequentially consistent; as a release it pairs with the load of the count in find() (raised
                // before the key is published behind this bucket), and in the one order of all with places().
                unsafe overflow(bucket).pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
            }
            bucket = self.bucket(after: bucket)
        }
        lowerOverflow(from: home(hash), count: Self.window - 1)
        return nil
    }

    /// Puts a word into the place of another of the same key; false where that has left the slot.
    func exchange(_ position: Position, _ old: UInt64, _ new: UInt64) -> Bool {
        // ORDERING: sequentially consistent, for the reasons of publish(): as a release it pairs with the load in find(),
        // and in the one order of all with the loads in places(). It acquires, as clear() does.
        let (exchanged, _) = unsafe slot(position).pointee.compareExchange(
            expected: old,
            desired: new,
            ordering: .sequentiallyConsistent
        )
        return exchanged
    }

    /// Takes exactly this word out of its slot; false where somebody else was first, or where a second block of the key
    /// lies further from home (left by a race, and about to be removed by who looks again): a block that was replaced
    /// must not be seen again. The winner retires the block.
    func clear(_ position: Position, _ word: UInt64, hash: UInt64) -> Bool {
        hasFurther(position, Self.block(word), hash: hash) ? false : clearAlone(position, word, hash: hash)
    }

    /// The same without a look at further blocks.
    func clearAlone(_ position: Position, _ word: UInt64, hash: UInt64) -> Bool {
        // ORDERING: acquiring and releasing; pairs with the load in find(): who does not see the word any more also sees
        // what was published before it was removed.
        let (exchanged, _) = unsafe slot(position).pointee.compareExchange(
            expected: word,
            desired: 0,
            ordering: .acquiringAndReleasing
        )
        if exchanged { lowerOverflow(from: home(hash), count: distance(of: position, hash: hash)) }
        return exchanged
    }

    /// A word and where it was found.
    typealias Place = (position: Position, word: UInt64)

    /// All places of a key: one, unless publications race.
    struct Places {
        /// The one that readers find.
        var nearest: Place?
        /// The others, nearest to home first.
        var further: [Place] = []
    }

    /// All places of a key in its window.
    func places(of key: TileKey, hash: UInt64) -> Places { places(hash) { $0.holds(key) } }

    /// All places of the key of a block that the caller may touch.
    func places(like block: Block, hash: UInt64) -> Places { places(hash) { $0.sharesKey(with: block) } }

    @inline(__always)
    private func places(_ hash: UInt64, where isWanted: (Block) -> Bool) -> Places {
        let tag = Self.tag(hash)
        var places = Places()
        var bucket = home(hash)
        for _ in 0..<Self.window {
            let first = bucket * 8
            for position in first..<first + Self.slotsPerBucket {
                // ORDERING: sequentially consistent; pairs with the compare-and-swaps in publish() and exchange(), and
                // acquires.
                let word = unsafe slot(position).pointee.load(ordering: .sequentiallyConsistent)
                if word ^ tag <= Self.pointerMask && isWanted(Self.block(word)) {
                    if places.nearest == nil {
                        places.nearest = (position, word)
                    } else {
                        places.further.append((position, word))
                    }
                }
            }
            // ORDERING: sequentially consistent; pairs with the addition in publish(), which precedes its swap.
            if unsafe overflow(bucket).pointee.load(ordering: .sequentiallyConsistent) == 0 { break }
            bucket = self.bucket(after: bucket)
        }
        return places
    }

    /// Whether a second block of the same key lies behind this one.
    private func hasFurther(_ position: Position, _ block: Block, hash: UInt64) -> Bool {
        let tag = Self.tag(hash)
        var bucket = position / 8
        var next = position + 1
        for _ in distance(of: position, hash: hash)..<Self.window {
            while next < bucket * 8 + Self.slotsPerBucket {
                // ORDERING: sequentially consistent; as in places().
                let word = unsafe slot(next).pointee.load(ordering: .sequentiallyConsistent)
                if word ^ tag <= Self.pointerMask && Self.block(word).sharesKey(with: block) { return true }
                next += 1
            }
            // ORDERING: sequentially consistent; as in places().
            if unsafe overflow(bucket).pointee.load(ordering: .sequentiallyConsistent) == 0 { return false }
            bucket = self.bucket(after: bucket)
            next = bucket * 8
        }
        return false
    }

    /// How many buckets behind the home of `hash` a position lies.
    func distance(of position: Position, hash: UInt64) -> Int {
        let distance = position / 8 - home(hash)
        return distance >= 0 ? distance : distance + bucketCount
    }

    private func lowerOverflow(from home: Int, count: Int) {
        var bucket = home
        for _ in 0..<count {
            // ORDERING: releasing; pairs with the load in find(): the slot behind was cleared before.
            unsafe overflow(bucket).pointee.wrappingSubtract(1, ordering: .acquiringAndReleasing)
            bucket = self.bucket(after: bucket)
        }
    }

    /// The sum of all overflow counts, for invariant checks while nobody writes.
    var overflowSum: Int {
        (0..<bucketCount).reduce(0) { unsafe $0 + Int(overflow($1).pointee.load(ordering: .relaxed)) }
    }

    /// Makes the table's memory read-only, or writable again: shows that hits write nothing.
    func protect(writable: Bool) -> Bool { unsafe platform_protect(base, bytes, writable ? 1 : 0) == 0 }
}
