// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
package import TileModel

/// Why a tile comes into memory: decides in which class it begins.
package enum TileArrival: Sendable {
    /// Somebody asked for it: warm, counted once, so that the next request makes it hot; hot at once where it was
    /// dropped only lately.
    case requested
    /// Nobody has asked for it yet (siblings, look-ahead, pre-warm): warm, counted zero times.
    case speculative
    /// It was hot when the process ended: hot.
    case restored
}

/// Why a tile was not taken into memory. The raw values are labels of metrics.
package enum InsertRefusal: String, Sendable, CaseIterable {
    /// The keeper did not make room in time.
    case noRoom = "no-room"
    /// A reader stalls on-line, so too many retired bytes wait for it.
    case readerStalled = "reader-stalled"
    /// No free slot near the key's home.
    case tableFull = "table-full"
    /// The tile would take more than an eighth of the budget, or its lengths do not fit a block.
    case tooLarge = "too-large"
    /// Its tileset was closed (`TileCache.close(ordinal:by:)`): nobody can ask for the tile any more.
    case closed = "closed"
}

/// What became of an insert. Pins are there where they were asked for, and are the caller's to release.
package enum InsertOutcome: Sendable {
    case inserted(PinnedTile?)
    /// The key was there, or another thread was first; the pin is of what is there.
    case alreadyThere(PinnedTile?)
    case refused(InsertRefusal)
}

extension TileCache {
    /// Copies a tile into memory unless its key is there.
    ///
    /// Bytes are charged before anything is visible. Without room the keeper is woken; a participant that is off-line
    /// (a worker) then waits for it, at most `configuration.insertPatience`, one that is on-line (a reactor) does not.
    /// Where another thread was first, the copy is freed at once, unless both became visible in the same moment: then
    /// one of the two is retired like anything that was visible.
    ///
    /// - Parameters:
    ///   - headers: the stored header block, at most 65,535 bytes.
    ///   - cost: what making the tile took, in microseconds.
    ///   - pinned: whether the caller wants a reference to what is in memory afterwards.
    package func insert(
        _ key: TileKey,
        headers: UnsafeRawBufferPointer,
        body: UnsafeRawBufferPointer,
        cost: UInt32,
        arrival: TileArrival,
        pinned: Bool = false,
        by participant: CacheParticipant
    ) -> InsertOutcome {
        let hash = KeyHash.of(key)
        if let outcome = existing(key, hash, pinned, participant) { return outcome }
        var content = unsafe Content(headers: headers, body: body)
        let memory: Memory
        switch reserve(&content, participant) {
        case .room(let room): memory = room
        case .refused(let reason): return .refused(reason)
        }
        let mayWait = !participant.isOnline
        let draft = draft(key, hash, in: memory, content, cost: cost, pinned: pinned, participant)
            .with(firstUse(hash, arrival, participant))
        let outcome = participant.withGuard { publish(draft, participant) }
        if let outcome { return outcome }
        let waited: InsertOutcome? =
            mayWait
            ? keeper.waitForRounds(until: .now + configuration.insertPatience, wake: { self.wakeKeeper(demanding: 1) })
            {
                participant.withGuard { self.publish(draft, participant) }
            } : nil
        if let waited {
            participant.count(.waits)
            return waited
        }
        discard(draft)
        wakeKeeper(demanding: 0)
        participant.count(.refusedTableFull)
        return .refused(.tableFull)
    }

    /// Buckets from home at which an insert takes the table for crowded: rare below three quarters full.
    static var crowdedDistance: Int { 3 }

    /// The existing tile as an outcome. Nil where there is none.
    private func existing(
        _ key: TileKey,
        _ hash: UInt64,
        _ pinned: Bool,
        _ participant: CacheParticipant
    ) -> InsertOutcome? {
        participant.withGuard {
            guard let block = table.find(key, hash: hash) else { return nil }
            participant.count(.alreadyThere)
            return .alreadyThere(pinned ? CachedTile(block: block, tier: .warm).pin() : nil)
        }
    }

    /// Makes a draft visible unless its key is there; nil where its window has no free slot, and then nothing has
    /// changed. The participant is on-line.
    private func publish(_ draft: Draft, _ participant: CacheParticipant) -> InsertOutcome? {
        // Another thread may have been first while the bytes were copied. Nobody has seen ours: it is freed at once.
        if let outcome = existing(draft.key, draft.hash, draft.pinned, participant) {
            discard(draft)
            return outcome
        }
        switch place(draft, participant) {
        case .noSlot: return nil
        case .closed: return .refused(.closed)
        case .stays:
            participant.count(draft.use.isHot ? .insertedHot : .inserted)
            return .inserted(draft.pinned ? PinnedTile(block: draft.block) : nil)
        case .superseded(let winner):
            if draft.pinned { dropReference(draft.block) }
            participant.count(.alreadyThere)
            return .alreadyThere(draft.pinned ? CachedTile(block: winner, tier: .warm).pin() : nil)
        }
    }
}
