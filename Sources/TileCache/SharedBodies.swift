// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LockFree
internal import Synchronization

/// Small bodies that many tiles have (a blank tile, the sea), stored once.
///
/// A body is kept on its own from the second time on that its bytes are seen; until then it lies in its tile's block like
/// any other, so what is unique costs nothing. The tiles' blocks point at the body, which is a block of the pool itself,
/// counted by how many of them there are; the last one to be freed takes it along. Whoever may read a tile's block may so
/// read its body, and neither a look-up nor a pin knows the difference.
///
/// Found by a hash of the content and compared byte by byte. A lock, taken only where a small body comes or goes; never by
/// a look-up. Which limits pay is in docs/decisions.md.
final class SharedBodies: Sendable {
    /// Smaller ones gain nothing: blocks are multiples of 64 bytes. Larger ones are hardly ever equal.
    static let sizes = 65...2048
    /// Bodies kept at once; a catalog has a handful of blank tiles.
    private static let maxBodies = 1024
    private static let memory = 4096

    private struct State {
        var bodies: [UInt64: Block] = [:]
        /// Hashes of bodies that were seen once, direct-mapped.
        var seen = [UInt32](repeating: 0, count: SharedBodies.memory)
    }

    private enum Answer {
        case shared(Block)
        case repeated
        case unknown
    }

    private let state = Lock(State())

    /// How many bodies are kept.
    var count: Int { state.withLock { $0.bodies.count } }

    /// The shared block of a body, with a reference for the caller's tile; nil where the body belongs into the tile's own.
    func retain(_ body: UnsafeRawBufferPointer, in pool: BlockPool) -> Block? {
        guard Self.sizes.contains(body.count) else { return nil }
        let hash = unsafe Self.hash(body)
        switch state.withLock({ unsafe Self.look(for: body, hash, in: &$0) }) {
        case .shared(let block): return block
        case .unknown: return nil
        case .repeated: break
        }
        guard let memory = pool.allocate(bytes: Block.headerBytes + body.count) else { return nil }
        let fresh = unsafe Block.initialize(
            at: memory.pointer,
            key: nil,
            references: 1,
            Content(headers: UnsafeRawBufferPointer(start: nil, count: 0), body: body),
            use: UseWord(count: 0, isHot: false),
            birth: 0,
            lastUse: 0,
            cost: 0,
            granules: memory.granules
        )
        fresh.contentHash = hash
        let other: Block? = state.withLock { state in
            // Another thread may have been first.
            if case .shared(let block) = unsafe Self.look(for: body, hash, in: &state) { return block }
            guard state.bodies[hash] == nil, state.bodies.count < Self.maxBodies else { return nil }
            state.bodies[hash] = fresh
            return fresh
        }
        if other.map({ unsafe $0.base == fresh.base }) != true { unsafe pool.free(fresh.base) }
        return other
    }

    /// One tile fewer has the body; the last one frees it.
    func release(_ block: Block, in pool: BlockPool) {
        let isLast = state.withLock { state in
            // Under the lock, like every increment: a body that is found is never one about to be freed.
            guard unsafe block.references.pointee.wrappingSubtract(1, ordering: .relaxed).newValue == 0 else {
                return false
            }
            state.bodies[block.contentHash] = nil
            return true
        }
        if isLast { unsafe pool.free(block.base) }
    }

    private static func look(for body: UnsafeRawBufferPointer, _ hash: UInt64, in state: inout State) -> Answer {
        if let block = state.bodies[hash] {
            let kept = unsafe block.body
            guard let start = kept.baseAddress, let other = body.baseAddress, kept.count == body.count,
                unsafe memcmp(start, other, kept.count) == 0
            else { return .unknown }
            unsafe block.references.pointee.wrappingAdd(1, ordering: .relaxed)
            return .shared(block)
        }
        let place = Int(truncatingIfNeeded: hash & UInt64(memory - 1))
        let mark = UInt32(truncatingIfNeeded: hash >> 32) | 1
        if state.seen[place] == mark { return .repeated }
        state.seen[place] = mark
        return .unknown
    }

    /// Eight bytes at a time; equal bodies are compared afterwards, so a collision costs a chance and nothing else.
    private static func hash(_ body: UnsafeRawBufferPointer) -> UInt64 {
        var hash = UInt64(body.count)
        var offset = 0
        while offset + 8 <= body.count {
            hash = KeyHash.of(high: hash, low: unsafe body.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        // The last eight bytes, some of them once more.
        return KeyHash.of(high: hash, low: unsafe body.loadUnaligned(fromByteOffset: body.count - 8, as: UInt64.self))
    }
}
