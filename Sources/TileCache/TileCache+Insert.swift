// SPDX-License-Identifier: Apache-2.0

internal import LockFree
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
        guard headers.count <= Block.maxStoredHeaderBytes, body.count <= Block.maxBodyBytes,
            Block.bytes(stored: headers.count, body: body.count) <= budget.limit / 8
        else {
            participant.count(.refusedTooLarge)
            return .refused(.tooLarge)
        }
        let bytes = Block.bytes(stored: headers.count, body: body.count)
        let memory: (pointer: UnsafeMutableRawPointer, granules: UInt16)
        switch reserve(bytes, participant) {
        case .room(let pointer, let granules): unsafe memory = unsafe (pointer, granules)
        case .refused(let reason): return .refused(reason)
        }
        let mayWait = !participant.isOnline
        let (block, use, outcome) = participant.withGuard {
            let generation = generation.load(ordering: .relaxed)
            let isGhost =
                arrival == .requested && configuration.policy.hasClasses && ghosts.take(hash, generation: generation)
            if isGhost { participant.count(.ghostHits) }
            let use: UseWord
            switch arrival {
            case .requested: use = UseWord(count: isGhost ? 2 : 1, isHot: isGhost, generation: generation)
            case .speculative: use = UseWord(count: 0, isHot: false, generation: generation)
            case .restored: use = UseWord(count: 2, isHot: true, generation: generation)
            }
            let block = unsafe Block.initialize(
                at: memory.pointer,
                key: key,
                references: pinned ? 2 : 1,
                stored: headers,
                body: body,
                use: use,
                birth: participant.now,
                cost: cost,
                granules: memory.granules
            )
            return (block, use, publish(block, key, hash, use, pinned, participant))
        }
        if let outcome { return outcome }
        let waited: InsertOutcome? =
            mayWait
            ? keeper.waitForRounds(configuration.insertPatience, wake: { self.wakeKeeper(demanding: 1) }) {
                participant.withGuard { self.publish(block, key, hash, use, pinned, participant) }
            } : nil
        if let waited {
            participant.count(.waits)
            return waited
        }
        if pinned { dropReference(block) }
        dropReference(block)
        wakeKeeper(demanding: 0)
        participant.count(.refusedTableFull)
        return .refused(.tableFull)
    }

    /// Buckets from home at which an insert takes the table for crowded: rare below three quarters full.
    private static let crowdedDistance = 3

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

    /// Makes a block visible; nil where its window has no free slot, and then nothing has changed.
    private func publish(
        _ block: Block,
        _ key: TileKey,
        _ hash: UInt64,
        _ use: UseWord,
        _ pinned: Bool,
        _ participant: CacheParticipant
    ) -> InsertOutcome? {
        // Counted before it is visible, so that whoever unlinks it subtracts from what was added.
        let bytes = block.pooledBytes
        participant.count(use.isHot ? .hotEntries : .warmEntries)
        participant.count(use.isHot ? .hotBytes : .warmBytes, bytes)
        guard let position = table.publish(BucketTable.word(hash, block), hash: hash) else {
            participant.count(use.isHot ? .hotEntries : .warmEntries, -1)
            participant.count(use.isHot ? .hotBytes : .warmBytes, -bytes)
            return nil
        }
        // Far from home: the table is crowded, which the keeper sees by counting.
        if table.distance(of: position, hash: hash) >= Self.crowdedDistance { wakeKeeper(demanding: 0) }
        let places = table.places(of: key, hash: hash)
        for place in places.dropFirst() where table.clear(place.position, place.word, hash: hash) {
            didUnlink(BucketTable.block(place.word), .duplicate, participant)
        }
        if let winner = places.first, winner.position != position, places.contains(where: { $0.position == position }) {
            if pinned { dropReference(block) }
            participant.count(.alreadyThere)
            return .alreadyThere(pinned ? CachedTile(block: BucketTable.block(winner.word), tier: .warm).pin() : nil)
        }
        participant.count(use.isHot ? .insertedHot : .inserted)
        return .inserted(pinned ? PinnedTile(block: block) : nil)
    }

    @safe
    private enum Reservation {
        case room(UnsafeMutableRawPointer, UInt16)
        case refused(InsertRefusal)
    }

    private func reserve(_ bytes: Int, _ participant: CacheParticipant) -> Reservation {
        if let memory = unsafe pool.allocate(bytes: bytes) {
            if pool.approximateLiveBytes > wakeLevel || budget.limit - budget.chargedBytes < wakeHeadroom {
                wakeKeeper(demanding: 0)
            }
            return unsafe .room(memory.pointer, memory.granules)
        }
        let found: Reservation? =
            participant.isOnline
            ? nil
            : keeper.waitForRounds(configuration.insertPatience, wake: { self.wakeKeeper(demanding: bytes) }) {
                unsafe self.pool.allocate(bytes: bytes).map { unsafe .room($0.pointer, $0.granules) }
            }
        if let found {
            participant.count(.waits)
            return found
        }
        wakeKeeper(demanding: bytes)
        let isStalled = collector.retiredBytes > stallLevel
        participant.count(isStalled ? .refusedStalled : .refusedNoRoom)
        return .refused(isStalled ? .readerStalled : .noRoom)
    }
}
