// SPDX-License-Identifier: Apache-2.0

internal import LockFree
internal import Synchronization
package import TileModel

/// A tile found in memory: borrowed bytes, valid while the participant that found it stays on-line.
@safe
package struct CachedTile {
    let block: Block
    /// `hot` or `warm`, as it was when it was looked up.
    package let tier: TileTier

    /// The stored header block.
    package var headers: UnsafeRawBufferPointer { unsafe block.storedHeaders }

    package var body: UnsafeRawBufferPointer { unsafe block.body }

    /// Takes a counted reference, which outlives the epoch.
    package func pin() -> PinnedTile {
        // While the participant is on-line, the cache's own reference is not dropped: the count is at least 1, so a
        // relaxed increment is enough.
        unsafe block.references.pointee.wrappingAdd(1, ordering: .relaxed)
        return PinnedTile(block: block)
    }
}

/// A counted reference to a tile's bytes, in the cache or outside it. Whoever has it calls `release()` once.
///
/// Any thread. For interfaces that take an object and two functions: `object`, `PinnedTile.retain` and
/// `PinnedTile.release`.
@safe
package struct PinnedTile: @unchecked Sendable {
    let block: Block

    /// The stored header block.
    package var headers: UnsafeRawBufferPointer { unsafe block.storedHeaders }

    package var body: UnsafeRawBufferPointer { unsafe block.body }

    /// The object for the two functions below.
    package var object: UnsafeMutableRawPointer { unsafe block.base }

    /// One reference more, to be released on its own.
    package func retain() -> PinnedTile {
        unsafe Self.retain(block.base)
        return self
    }

    /// Gives the reference up; the bytes may be gone afterwards.
    package func release() { unsafe Self.release(block.base) }

    /// Retains the object of a pinned tile, or of a borrowed one while its participant is on-line.
    package static let retain: @convention(c) (UnsafeMutableRawPointer) -> Void = { object in
        // SAFETY: the caller has a reference, so the block is alive.
        unsafe Block(object).references.pointee.wrappingAdd(1, ordering: .relaxed)
    }

    /// Releases one reference.
    package static let release: @convention(c) (UnsafeMutableRawPointer) -> Void = { object in
        unsafe dropReference(Block(object))
    }
}

extension CachedTile {
    /// The object for `PinnedTile.retain`, valid to be retained while the participant is on-line.
    package var object: UnsafeMutableRawPointer { unsafe block.base }
}

/// Drops one reference; the last one frees the block.
func dropReference(_ block: Block) {
    // ORDERING: acquiring and releasing; pairs with itself in other threads: what they read of the block happened before
    // it is freed.
    let (old, new) = unsafe block.references.pointee.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    assert((1...UInt32(Int32.max)).contains(old), "a block was released once too often")
    guard new == 0 else { return }
    if block.isUncached {
        UncachedBlocks.free(block)
    } else {
        // SAFETY: nobody has a reference, so the block goes back; its chunk is mapped and knows its pool, which is kept
        // alive by the cache, or by itself once the cache is gone.
        unsafe Chunk(ofBlockAt: block.base).pool._withUnsafeGuaranteedRef { pool in
            if block.sharesBody { pool.sharedBodies.release(block.sharedBody, in: pool) }
            unsafe pool.free(block.base)
        }
    }
}

/// Blocks outside the pool: answers that found no room in memory. They are few and short-lived (as long as a send),
/// so malloc will do; their bytes are not the budget's, but counted.
final class UncachedBlocks: Sendable {
    private let bytes = Atomic<Int>(0)

    /// In front of the block: its owner and its size.
    private static let prefix = SizeClass.granule

    var liveBytes: Int { bytes.load(ordering: .relaxed) }

    func make(headers: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) -> Block {
        let size = Self.prefix + Block.bytes(stored: headers.count, body: body.count)
        let start = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: SizeClass.granule)
        bytes.wrappingAdd(size, ordering: .relaxed)
        // SAFETY: fresh memory; the owner is released in `free`.
        unsafe start.storeBytes(of: Unmanaged.passRetained(self), as: Unmanaged<UncachedBlocks>.self)
        unsafe start.storeBytes(of: size, toByteOffset: 8, as: Int.self)
        return unsafe Block.initialize(
            at: start + Self.prefix,
            key: nil,
            references: 1,
            Content(headers: headers, body: body),
            use: UseWord(count: 0, isHot: false),
            birth: 0,
            lastUse: 0,
            cost: 0,
            granules: Block.uncachedBit
        )
    }

    static func free(_ block: Block) {
        let start = unsafe block.base - prefix
        let owner = unsafe start.load(as: Unmanaged<UncachedBlocks>.self)
        let size = unsafe start.load(fromByteOffset: 8, as: Int.self)
        unsafe start.deallocate()
        unsafe owner.takeRetainedValue().bytes.wrappingSubtract(size, ordering: .relaxed)
    }
}
