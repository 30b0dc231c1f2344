// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import LockFree
internal import Synchronization

/// What the keeper asks of the pool.
extension BlockPool {
    struct Usage {
        /// Bytes of live blocks: in the table, pinned, retired or being filled.
        var liveBytes = 0
        /// Resident bytes of free blocks.
        var freeBytes = 0
        /// What chunks have in front of their blocks.
        var headerBytes = 0
    }

    /// Exact at a moment per shard. Complexity: O(shards), some microseconds.
    var usage: Usage {
        var usage = Usage(liveBytes: largeBytes.load(ordering: .relaxed))
        for (index, shard) in shards.enumerated() {
            let bytes = SizeClass.bytes(ofIndex: index / stripes)
            let headerBytes = Chunk.layout(blockBytes: bytes).offset
            shard.withLock { shard in
                usage.liveBytes += shard.liveBlocks * bytes
                usage.headerBytes += shard.chunks.count * headerBytes
                usage.freeBytes += shard.residentBlocks * bytes + shard.residueBytes + shard.uncarvedBytes
            }
        }
        return usage
    }

    /// What can be given back, in this order: what costs least later comes first.
    private enum Discarding: CaseIterable {
        case emptyChunks, uncarved, blocks, blocksOfHugeChunks
    }

    /// Gives pages without a live block back to the kernel, from the shards with the most of them first, until `target`
    /// bytes are uncharged or nothing is left. Returns what was uncharged. The keeper's thread.
    func discard(atLeast target: Int) -> Int {
        var candidates: [(shard: Int, freeBytes: Int)] = []
        for (index, shard) in shards.enumerated() {
            let bytes = SizeClass.bytes(ofIndex: index / stripes)
            let (isUsed, free) = shard.withLock { (!$0.chunks.isEmpty, $0.residentBlocks * bytes + $0.uncarvedBytes) }
            if isUsed { candidates.append((index, free)) }
        }
        candidates.sort { $0.freeBytes > $1.freeBytes }
        var given = 0
        for kind in Discarding.allCases {
            for (index, _) in candidates {
                if given >= target { return given }
                let needed = target - given
                var emptied: [Chunk] = []
                given += shards[index].withLock { shard in
                    switch kind {
                    case .emptyChunks: shard.giveEmptyChunks(needed, budget, &emptied)
                    case .uncarved: shard.giveUncarved(needed, budget)
                    case .blocks: shard.discardBlocks(needed, budget, ofHugeChunks: false)
                    case .blocksOfHugeChunks: shard.discardBlocks(needed, budget, ofHugeChunks: true)
                    }
                }
                let chunks = emptied
                if !chunks.isEmpty { freeChunks.withLock { $0 += chunks } }
            }
        }
        return given
    }

    /// A chunk that is being emptied, and the shard that it belongs to.
    struct Vacating {
        let chunk: Chunk
        fileprivate let shard: Int
    }

    /// Marks chunks to be emptied, those with the least live bytes for what they are charged first, until that would
    /// give back `target` bytes: they give no block any more. The keeper evicts what is in them. The keeper's thread.
    ///
    /// Even a chunk that is nearly full may be chosen: where all memory went to small tiles and large ones come, nothing
    /// else makes room (memcached calls it slab reassignment).
    func beginVacating(_ target: Int) -> [Vacating] {
        var candidates: [(vacating: Vacating, charged: Int, live: Int)] = []
        for (index, shard) in shards.enumerated() {
            candidates += shard.withLock { shard in
                shard.chunks.filter { !$0.isVacating }
                    .map { (Vacating(chunk: $0, shard: index), $0.chargedBytes, $0.live * $0.blockBytes) }
            }
        }
        candidates.sort { $0.live * $1.charged < $1.live * $0.charged }
        var chosen: [Vacating] = []
        var gain = 0
        for candidate in candidates {
            if gain >= target { break }
            shards[candidate.vacating.shard].withLock { $0.setVacating(candidate.vacating.chunk, true) }
            chosen.append(candidate.vacating)
            gain += candidate.charged
        }
        return chosen
    }

    /// The chunks give blocks again, unless they were discarded meanwhile.
    func endVacating(_ chunks: [Vacating]) {
        for vacating in chunks { shards[vacating.shard].withLock { $0.setVacating(vacating.chunk, false) } }
    }
}

extension BlockPool {
    /// Makes all chunks read-only, or writable again: shows that hits write nothing. Nobody may allocate or free
    /// meanwhile.
    func protect(writable: Bool) -> Bool {
        shards.allSatisfy { shard in
            shard.withLock { shard in
                shard.chunks.allSatisfy { unsafe platform_protect($0.base, Chunk.bytes, writable ? 1 : 0) == 0 }
            }
        }
    }
}
