// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LockFree
internal import Synchronization
internal import TileModel

/// A block that is filled and that nobody else can see yet.
struct Draft {
    let block: Block
    let key: TileKey
    let hash: UInt64
    let use: UseWord
    /// Whether it has a reference for the caller beside the table's own.
    let pinned: Bool

    var word: UInt64 { BucketTable.word(hash, block) }

    /// The same with another use word. Nobody else sees the block yet.
    func with(_ use: UseWord) -> Draft {
        // SAFETY: the caller's own block, filled and not published.
        unsafe block.use.pointee.store(use.bits, ordering: .relaxed)
        return Draft(block: block, key: key, hash: hash, use: use, pinned: pinned)
    }
}

/// The bytes of a tile that is to be stored.
@safe
struct Content {
    let headers: UnsafeRawBufferPointer
    let body: UnsafeRawBufferPointer

    /// The block that has the body, with a reference for the tile to be made; nil: the tile's own.
    var shared: Block?

    /// What the tile's block needs.
    var bytes: Int {
        let address = MemoryLayout<UInt>.size
        // SAFETY: counts alone; the buffers are the inserter's and live until it returns (the same in both `reserve`).
        return unsafe Block.bytes(stored: headers.count, body: shared == nil ? body.count : address)
    }
}

/// Memory of the pool for one block, charged and not yet filled.
@safe
struct Memory {
    let pointer: UnsafeMutableRawPointer
    let granules: UInt16
}

/// What became of a draft that was put into a slot.
enum Placement {
    case stays
    /// Another thread published the same key nearer to home at the same time.
    case superseded(by: Block)
    /// No slot of the window was free; nothing has changed.
    case noSlot
    /// The tileset was closed meanwhile; the block has left again.
    case closed
}

/// What inserting and replacing have in common. The participant is on-line but for `reserve`.
extension TileCache {
    enum Reservation {
        case room(Memory)
        case refused(InsertRefusal)
    }

    /// Memory for a tile, or the reason that there is none. A small body may turn out to be there already.
    func reserve(_ content: inout Content, _ participant: CacheParticipant) -> Reservation {
        guard unsafe content.headers.count <= Block.maxStoredHeaderBytes,
            unsafe content.body.count <= Block.maxBodyBytes, content.bytes <= budget.limit / 8
        else {
            participant.count(.refusedTooLarge)
            return .refused(.tooLarge)
        }
        if configuration.sharesEqualBodies {
            // SAFETY: the inserter's buffer, compared and copied before this returns.
            content.shared = unsafe pool.sharedBodies.retain(content.body, in: pool)
        }
        let reservation = reserve(content.bytes, participant)
        if case .refused = reservation, let shared = content.shared { pool.sharedBodies.release(shared, in: pool) }
        return reservation
    }

    private func reserve(_ bytes: Int, _ participant: CacheParticipant) -> Reservation {
        if let memory = reclaimed(bytes, participant) ?? pool.allocate(bytes: bytes) {
            if pool.approximateLiveBytes > wakeLevel || budget.limit - budget.chargedBytes < wakeHeadroom {
                wakeKeeper(demanding: 0)
            }
            return .room(memory)
        }
        if !participant.isOnline, let memory = waitForMemory(bytes) {
            participant.count(.waits)
            return .room(memory)
        }
        wakeKeeper(demanding: bytes)
        let isStalled = collector.retiredBytes > stallLevel
        participant.count(isStalled ? .refusedStalled : .refusedNoRoom)
        return .refused(isStalled ? .readerStalled : .noRoom)
    }

    /// Once memory is full: a block that is free already, or that comes free as soon as readers move on.
    ///
    /// What was unlinked waits for readers that are on-line. That takes them microseconds or, where one was taken off its
    /// processor, until it has it back: so it is let in. To touch new pages instead would make the keeper discard others.
    private func reclaimed(_ bytes: Int, _ participant: CacheParticipant) -> Memory? {
        guard budget.limit - budget.chargedBytes < 2 * headroomTarget else { return nil }
        if let memory = pool.allocateResident(bytes: bytes) { return memory }
        guard !participant.isOnline, collector.retiredBytes >= bytes else { return nil }
        // Bounded by attempts and not by time: where nobody else wants the processor, a reader that is on-line for longer
        // stalls, and giving way to it changes nothing.
        for _ in 0..<Self.reclaimingAttempts where collector.retiredBytes >= bytes {
            if collector.reclaim() == 0 { sched_yield() }
            if let memory = pool.allocateResident(bytes: bytes) { return memory }
        }
        return nil
    }

    /// Times that an insert gives way to readers that hold up what it needs.
    private static var reclaimingAttempts: Int { 64 }

    /// Waits for memory as long as an insert may. The caller is off-line.
    private func waitForMemory(_ bytes: Int) -> Memory? {
        let end = ContinuousClock.now + configuration.insertPatience
        return keeper.waitForRounds(until: end, wake: { self.wakeKeeper(demanding: bytes) }) {
            self.pool.allocate(bytes: bytes)
        }
    }

    /// The use word that a new tile begins with.
    func firstUse(_ hash: UInt64, _ arrival: TileArrival, _ participant: CacheParticipant) -> UseWord {
        let generation = generation.load(ordering: .relaxed)
        let policy = configuration.policy
        let uses = policy.learns ? ghosts.take(hash, generation: generation) : nil
        if uses != nil && arrival == .requested { participant.count(.ghostHits) }
        return UseWord(bits: policy.initialUse(arrival, droppedUses: uses, generation: generation))
    }

    /// Fills a tile's memory. The caller need not be on-line: copying takes longer than all the rest, and who is on-line
    /// holds up reclamation.
    func draft(
        _ key: TileKey,
        _ hash: UInt64,
        in memory: Memory,
        _ content: Content,
        cost: UInt32,
        pinned: Bool,
        _ participant: CacheParticipant
    ) -> Draft {
        let use = UseWord(count: 0, isHot: false)
        // SAFETY: `memory` was allocated for `content.bytes` and is the caller's alone; the content is the inserter's buffers,
        // which live until it returns.
        let birth = participant.time()
        let block = unsafe Block.initialize(
            at: memory.pointer,
            key: key,
            references: pinned ? 2 : 1,
            content,
            use: use,
            birth: birth,
            lastUse: birth &+ turns.load(ordering: .relaxed),
            cost: cost,
            granules: memory.granules
        )
        return Draft(block: block, key: key, hash: hash, use: use, pinned: pinned)
    }

    /// Frees a draft that was never visible.
    func discard(_ draft: Draft) {
        if draft.pinned { dropReference(draft.block) }
        dropReference(draft.block)
    }

    /// Adds an entry to the sums of its class, or takes it away again. Before it is visible, so that whoever unlinks it
    /// subtracts from what was added.
    func countEntry(_ draft: Draft, _ sign: Int, _ participant: CacheParticipant) {
        participant.count(draft.use.isHot ? .hotEntries : .warmEntries, sign)
        participant.count(draft.use.isHot ? .hotBytes : .warmBytes, sign * draft.block.pooledBytes)
    }

    /// Puts a draft into a free slot of its window.
    func place(_ draft: Draft, _ participant: CacheParticipant) -> Placement {
        countEntry(draft, 1, participant)
        guard let position = table.publish(draft.word, hash: draft.hash) else {
            countEntry(draft, -1, participant)
            return .noSlot
        }
        points.reached(.published)
        // Far from home: the table is crowded, which the keeper sees by counting.
        if table.distance(of: position, hash: draft.hash) >= Self.crowdedDistance { wakeKeeper(demanding: 0) }
        return settle(draft, at: position, participant)
    }

    /// Looks again after a draft became visible: of two blocks of its key, whose publications raced, the nearer to home
    /// stays; and nothing stays of a closed tileset.
    ///
    /// Everyone who wrote a word for a key comes here afterwards, so a second one never stays unseen.
    func settle(_ draft: Draft, at position: BucketTable.Position, _ participant: CacheParticipant) -> Placement {
        let places = table.places(of: draft.key, hash: draft.hash)
        for place in places.further.reversed() { unlinkAlone(place, draft.hash, .duplicate, participant) }
        if closed.contains(draft.key.ordinal) {
            unlinkAlone((position, draft.word), draft.hash, .removed, participant)
            if draft.pinned { dropReference(draft.block) }
            participant.count(.refusedClosed)
            return .closed
        }
        if let nearest = places.nearest, nearest.position != position,
            places.further.contains(where: { $0.position == position })
        {
            return .superseded(by: BucketTable.block(nearest.word))
        }
        return .stays
    }

    /// Takes exactly this word out, whatever else there is of its key. False where somebody else was first.
    @discardableResult
    func unlinkAlone(
        _ place: BucketTable.Place,
        _ hash: UInt64,
        _ reason: DepartureReason,
        _ participant: CacheParticipant
    ) -> Bool {
        guard table.clearAlone(place.position, place.word, hash: hash) else { return false }
        didUnlink(BucketTable.block(place.word), reason, participant)
        return true
    }
}
