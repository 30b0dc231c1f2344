// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
package import TileModel

/// What became of a replacement. Pins are there where they were asked for, and are the caller's to release.
package enum ReplaceOutcome: Sendable {
    /// Another tile of the key was there, and is gone.
    case replaced(PinnedTile?)
    /// There was none.
    case inserted(PinnedTile?)
    /// The key has another tile than the caller knew, or none; nothing has changed.
    case changed
    /// Nothing has changed: what was there is still served. Whoever knows that it is wrong removes it.
    case refused(InsertRefusal)
}

extension TileCache {
    /// Copies a tile into memory in place of what the key has, or as a new one.
    ///
    /// Readers see the old tile or the new one, never none in between. The new tile keeps the class and the count of
    /// the old one. Memory, waiting and refusals are as in `insert`.
    package func replace(
        _ key: TileKey,
        headers: UnsafeRawBufferPointer,
        body: UnsafeRawBufferPointer,
        cost: UInt32,
        arrival: TileArrival,
        pinned: Bool = false,
        by participant: CacheParticipant
    ) -> ReplaceOutcome {
        let hash = KeyHash.of(key)
        var content = unsafe Content(headers: headers, body: body)
        let memory: Memory
        switch reserve(&content, participant) {
        case .room(let room): memory = room
        case .refused(let reason): return .refused(reason)
        }
        let draft = draft(key, hash, in: memory, content, cost: cost, pinned: pinned, participant)
        return participant.withGuard {
            // Lock-free: another turn means that another writer of this key has succeeded.
            while true {
                if let current = table.places(of: key, hash: hash).nearest {
                    if let outcome = exchange(current, draft, participant) { return outcome }
                } else if let outcome = publishAsNew(draft, arrival, participant) {
                    return outcome
                }
            }
        }
    }

    /// Copies a tile into memory in place of exactly the one that the caller has found: a check and an act in one.
    ///
    /// The participant has been on-line since it found `current`, and does not wait for room.
    package func replace(
        _ key: TileKey,
        ifStill current: CachedTile,
        headers: UnsafeRawBufferPointer,
        body: UnsafeRawBufferPointer,
        cost: UInt32,
        pinned: Bool = false,
        by participant: CacheParticipant
    ) -> ReplaceOutcome {
        precondition(participant.isOnline && current.block.holds(key), "what is to be replaced was not kept")
        let hash = KeyHash.of(key)
        guard place(of: current, key, hash) != nil else { return .changed }
        var content = unsafe Content(headers: headers, body: body)
        let memory: Memory
        switch reserve(&content, participant) {
        case .room(let room): memory = room
        case .refused(let reason): return .refused(reason)
        }
        let draft = draft(key, hash, in: memory, content, cost: cost, pinned: pinned, participant)
        if let place = place(of: current, key, hash), let outcome = exchange(place, draft, participant) {
            return outcome
        }
        discard(draft)
        return .changed
    }

    /// Takes out exactly the tile that the caller has found, and not one that came in its place. False where it is not
    /// there any more. The participant has been on-line since it found the tile.
    @discardableResult
    package func remove(_ key: TileKey, ifStill current: CachedTile, by participant: CacheParticipant) -> Bool {
        precondition(participant.isOnline && current.block.holds(key), "what is to be removed was not kept")
        let hash = KeyHash.of(key)
        guard let place = place(of: current, key, hash) else { return false }
        return unlinkAlone(place, hash, .removed, participant)
    }

    /// Where a tile is what a reader finds; nil where it is not. While the caller is on-line no other block can have its
    /// address, so the word tells it from all others.
    private func place(of current: CachedTile, _ key: TileKey, _ hash: UInt64) -> BucketTable.Place? {
        guard let nearest = table.places(of: key, hash: hash).nearest,
            nearest.word == BucketTable.word(hash, current.block)
        else { return nil }
        return nearest
    }

    /// Puts a draft into the slot of the block that is there; nil where that has left it.
    private func exchange(
        _ current: BucketTable.Place,
        _ draft: Draft,
        _ participant: CacheParticipant
    ) -> ReplaceOutcome? {
        let old = BucketTable.block(current.word)
        // SAFETY: read from a slot while on-line; the participant stays so.
        var use = UseWord(bits: unsafe old.use.pointee.load(ordering: .relaxed))
        use.bits &= ~UseWord.unlinkedBit
        let draft = draft.with(use)
        countEntry(draft, 1, participant)
        guard table.exchange(current.position, current.word, draft.word) else {
            countEntry(draft, -1, participant)
            return nil
        }
        didUnlink(old, .replaced, participant)
        switch settle(draft, at: current.position, participant) {
        case .closed: return .refused(.closed)
        case .stays, .noSlot: return .replaced(draft.pinned ? PinnedTile(block: draft.block) : nil)
        case .superseded(let winner): return .replaced(pinOfWinner(winner, draft))
        }
    }

    /// Nil where the key is there by now.
    private func publishAsNew(
        _ draft: Draft,
        _ arrival: TileArrival,
        _ participant: CacheParticipant
    ) -> ReplaceOutcome? {
        let draft = draft.with(firstUse(draft.hash, arrival, participant))
        switch place(draft, participant) {
        case .noSlot:
            discard(draft)
            wakeKeeper(demanding: 0)
            participant.count(.refusedTableFull)
            return .refused(.tableFull)
        case .closed: return .refused(.closed)
        case .stays:
            participant.count(draft.use.isHot ? .insertedHot : .inserted)
            return .inserted(draft.pinned ? PinnedTile(block: draft.block) : nil)
        // The other thread's tile came right after this one, and replaced it.
        case .superseded(let winner): return .inserted(pinOfWinner(winner, draft))
        }
    }

    private func pinOfWinner(_ winner: Block, _ draft: Draft) -> PinnedTile? {
        guard draft.pinned else { return nil }
        dropReference(draft.block)
        return CachedTile(block: winner, tier: .warm).pin()
    }
}
