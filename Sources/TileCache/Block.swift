// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Synchronization
internal import TileModel

/// One cached tile in one allocation: a header of 40 bytes, the stored HTTP header block, the body.
///
///      0 key, 16 bytes            24 header block length      32 last use, atomic
///     16 references, atomic       26 use word, atomic         36 cost, a small floating-point number
///     20 body length              28 birth, milliseconds      38 size class in units of 64 bytes, flags
///
/// Behind that lie the header block and the body. A block that shares its body with others (`SharedBodies`) has at 40 the
/// address of the body's own block, and behind that the header block alone.
///
/// All but the atomics is written before the block is published and never again, so readers need no more than the
/// acquiring load of the slot. See docs/synchronization.md for each field.
///
/// A `Block` value is made only from a pointer to a block that the maker may touch: its own, pinned, or read from a
/// slot while on-line. That is what makes the accessors safe.
///
/// @unchecked Sendable: an address; what may be done with it is said above.
@safe
struct Block: @unchecked Sendable {
    let base: UnsafeMutableRawPointer

    static let headerBytes = 40
    static let granulesMask: UInt16 = 0x1FFF
    static let uncachedBit: UInt16 = 0x8000
    static let sharesBodyBit: UInt16 = 0x4000
    /// The stored header block is a few hundred bytes; its length has 16 bits.
    static let maxStoredHeaderBytes = Int(UInt16.max)
    /// A tile of 4096 by 4096 pixels fits many times over; the length has 32 bits.
    static let maxBodyBytes = 256 << 20

    /// From here on a body is written past the processor's caches: memory that comes from the pool has mostly left them, and
    /// what is hot in them should stay (docs/decisions.md has what that gains).
    private static let largeBodyBytes = 4096

    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

    /// Makes a block with one reference of fresh memory, which only the caller knows.
    static func initialize(
        at base: UnsafeMutableRawPointer,
        key: TileKey?,
        references: UInt32,
        _ content: Content,
        use: UseWord,
        birth: UInt32,
        lastUse: UInt32,
        cost: UInt32,
        granules: UInt16
    ) -> Block {
        let headers = unsafe content.headers
        let body = unsafe content.body
        // SAFETY: the caller allocated at least `content.bytes` and shares them with nobody yet; the offsets are
        // those of the table above, each aligned for its type because blocks are aligned to 64 bytes.
        unsafe base.storeBytes(of: key?.high ?? 0, as: UInt64.self)
        unsafe base.storeBytes(of: key?.low ?? 0, toByteOffset: 8, as: UInt64.self)
        unsafe (base + 16).initializeMemory(as: Atomic<UInt32>.self, to: Atomic(references))
        unsafe base.storeBytes(of: UInt32(body.count), toByteOffset: 20, as: UInt32.self)
        unsafe base.storeBytes(of: UInt16(headers.count), toByteOffset: 24, as: UInt16.self)
        unsafe (base + 26).initializeMemory(as: Atomic<UInt16>.self, to: Atomic(use.bits))
        unsafe base.storeBytes(of: birth, toByteOffset: 28, as: UInt32.self)
        unsafe (base + 32).initializeMemory(as: Atomic<UInt32>.self, to: Atomic(lastUse))
        unsafe base.storeBytes(of: PackedCost(microseconds: cost).bits, toByteOffset: 36, as: UInt16.self)
        unsafe base.storeBytes(of: granules, toByteOffset: 38, as: UInt16.self)
        let block = unsafe Block(base)
        if let shared = content.shared {
            unsafe base.storeBytes(of: granules | sharesBodyBit, toByteOffset: 38, as: UInt16.self)
            unsafe base.storeBytes(of: UInt(bitPattern: shared.base), toByteOffset: headerBytes, as: UInt.self)
        } else if let source = body.baseAddress {
            let target = unsafe base + headerBytes + headers.count
            if body.count >= largeBodyBytes {
                unsafe platform_copy_past_caches(target, source, body.count)
            } else {
                unsafe target.copyMemory(from: source, byteCount: body.count)
            }
        }
        if let source = headers.baseAddress {
            unsafe (base + block.headersOffset).copyMemory(from: source, byteCount: headers.count)
        }
        return block
    }

    /// The bytes that a block with its own body needs, before rounding.
    static func bytes(stored headers: Int, body: Int) -> Int { headerBytes + headers + body }
}

// SAFETY (all accessors): see the type. Offsets as in the table.
extension Block {
    @inline(__always)
    func holds(_ key: TileKey) -> Bool {
        unsafe base.load(as: UInt64.self) == key.high && base.load(fromByteOffset: 8, as: UInt64.self) == key.low
    }

    /// Whether both are of one key.
    func sharesKey(with other: Block) -> Bool {
        unsafe base.load(as: UInt64.self) == other.base.load(as: UInt64.self)
            && base.load(fromByteOffset: 8, as: UInt64.self) == other.base.load(fromByteOffset: 8, as: UInt64.self)
    }

    var mixedKey: UInt64 {
        unsafe KeyHash.of(high: base.load(as: UInt64.self), low: base.load(fromByteOffset: 8, as: UInt64.self))
    }

    var ordinal: UInt32 { unsafe UInt32(truncatingIfNeeded: base.load(as: UInt64.self) >> 32) }

    var tile: TileCoordinate {
        unsafe TileKey.tile(high: base.load(as: UInt64.self), low: base.load(fromByteOffset: 8, as: UInt64.self))
    }

    var references: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe (base + 16).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    var use: UnsafeMutablePointer<Atomic<UInt16>> {
        unsafe (base + 26).assumingMemoryBound(to: Atomic<UInt16>.self)
    }

    var lastUse: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe (base + 32).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    var birth: UInt32 { unsafe base.load(fromByteOffset: 28, as: UInt32.self) }

    /// Microseconds, to within 0.1 %.
    var cost: UInt32 { unsafe PackedCost(bits: base.load(fromByteOffset: 36, as: UInt16.self)).microseconds }

    /// The block's size class in units of 64 bytes; 0: a mapping of its own.
    var granules: UInt16 { sizeWord & Self.granulesMask }

    /// Whether the block is no block of the pool.
    var isUncached: Bool { sizeWord & Self.uncachedBit != 0 }

    var sharesBody: Bool { sizeWord & Self.sharesBodyBit != 0 }

    /// The block of the body; only where `sharesBody`.
    var sharedBody: Block {
        unsafe Block(UnsafeMutableRawPointer(bitPattern: base.load(fromByteOffset: Self.headerBytes, as: UInt.self))!)
    }

    /// Of a shared body's block: in place of a key.
    var contentHash: UInt64 {
        get { unsafe base.load(as: UInt64.self) }
        nonmutating set { unsafe base.storeBytes(of: newValue, as: UInt64.self) }
    }

    private var sizeWord: UInt16 { unsafe base.load(fromByteOffset: 38, as: UInt16.self) }

    /// Eight more where the address of a shared body comes first.
    fileprivate var headersOffset: Int { Self.headerBytes + Int((sizeWord & Self.sharesBodyBit) >> 11) }

    /// What freeing the block gives back. Of a block of the pool.
    var pooledBytes: Int {
        let granules = granules
        if granules != 0 { return Int(granules) * SizeClass.granule }
        return unsafe Chunk.roundedToPages(
            SizeClass.granule + Self.bytes(stored: storedHeaders.count, body: body.count)
        )
    }

    var storedHeaders: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(
            start: base + headersOffset,
            count: Int(base.load(fromByteOffset: 24, as: UInt16.self))
        )
    }

    var body: UnsafeRawBufferPointer {
        let count = unsafe Int(base.load(fromByteOffset: 20, as: UInt32.self))
        if sharesBody { return unsafe UnsafeRawBufferPointer(start: sharedBody.base + Self.headerBytes, count: count) }
        let offset = unsafe Self.headerBytes + Int(base.load(fromByteOffset: 24, as: UInt16.self))
        return unsafe UnsafeRawBufferPointer(start: base + offset, count: count)
    }

    /// Whether somebody has a reference, as far as one can tell: for our own checks. A freed block has none, or the
    /// pattern that freed blocks are filled with.
    var isAlive: Bool { unsafe (1...UInt32(Int32.max)).contains(references.pointee.load(ordering: .relaxed)) }
}

/// What making a tile took, in 16 bits: 11 of mantissa, 5 of exponent.
struct PackedCost {
    let bits: UInt16

    init(bits: UInt16) { self.bits = bits }

    init(microseconds: UInt32) {
        let exponent = max(UInt32.bitWidth - microseconds.leadingZeroBitCount - 11, 0)
        bits = UInt16(exponent) << 11 | UInt16(microseconds >> UInt32(exponent))
    }

    var microseconds: UInt32 { UInt32(bits & 0x7FF) << UInt32(bits >> 11) }
}

/// The use word of a block: how often it was asked for lately, whether it is hot, whether it was asked for since it came
/// in, whether it was unlinked, and in which of the keeper's generations the count was halved last.
///
///     bit 15 unlinked | bit 14 hot | bit 13 asked | bits 8...12 generation | bits 0...7 count
struct UseWord: Equatable {
    var bits: UInt16

    init(bits: UInt16) { self.bits = bits }

    init(count: UInt16, isHot: Bool, isAsked: Bool = false, generation: UInt16 = 0) {
        bits = count | (generation & 0x1F) << 8 | (isAsked ? Self.askedBit : 0) | (isHot ? 0x4000 : 0)
    }

    var count: UInt16 { bits & 0xFF }
    var generation: UInt16 { bits >> 8 & 0x1F }
    var isAsked: Bool { bits & Self.askedBit != 0 }
    var isHot: Bool { bits & 0x4000 != 0 }
    /// Set once, by whoever unlinked the block; from then on nobody counts uses, so the segments' sums stay right.
    var isUnlinked: Bool { bits & 0x8000 != 0 }

    static let unlinkedBit: UInt16 = 0x8000
    private static let askedBit: UInt16 = 0x2000

    /// One request more. The second makes it hot.
    var incremented: UseWord {
        var next = UseWord(bits: bits + 1 | Self.askedBit)
        if next.count >= 2 { next.bits |= 0x4000 }
        return next
    }

    /// Half the count, as of a generation; what is hot stays so.
    func halved(in generation: UInt16) -> UseWord {
        UseWord(count: count / 2, isHot: isHot, isAsked: isAsked, generation: generation)
    }
}
