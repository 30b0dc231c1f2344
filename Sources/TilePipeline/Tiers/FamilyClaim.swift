// SPDX-License-Identifier: Apache-2.0

import LockFree
import TileModel

/// A family that this server has announced to the fleet. It is held by whoever is going to render or to write the family: the
/// requests that wait for it, the worker that is at it, what waits to be written. With the last of them the announcement ends,
/// whatever became of the family: written, refused, given up because nobody waits any more.
final class FamilyClaim: Sendable {
    let family: TierFamilyKey
    private let onEnd: @Sendable (TierFamilyKey) -> Void

    /// - Parameter onEnd: on the thread of whoever lets go last, perhaps inside its locks: must not wait.
    init(_ family: TierFamilyKey, onEnd: @escaping @Sendable (TierFamilyKey) -> Void) {
        self.family = family
        self.onEnd = onEnd
    }

    deinit { onEnd(family) }
}

/// The claims that this server holds, so that a second request for a family is not told to wait for the first one's server.
/// Any thread.
final class FamilyClaims: Sendable {
    private struct Entry {
        /// Tells it from a later one of the same family.
        let number: Int
        weak let claim: FamilyClaim?
    }

    private let held = Lock<(entries: [TierFamilyKey: Entry], made: Int)>(([:], 0))

    /// The claim of a family, where this server holds it.
    func claim(of family: TierFamilyKey) -> FamilyClaim? { held.withLock { $0.entries[family]?.claim } }

    /// A claim that was granted; `release` tells the fleet of its end.
    func hold(_ family: TierFamilyKey, release: @escaping @Sendable (TierFamilyKey) -> Void) -> FamilyClaim {
        let number = held.withLock { held in
            held.made += 1
            return held.made
        }
        let claim = FamilyClaim(family) { [weak self] family in
            self?.forget(family, number)
            release(family)
        }
        held.withLock { $0.entries[family] = Entry(number: number, claim: claim) }
        return claim
    }

    /// How many there are.
    var count: Int { held.withLock { $0.entries.count } }

    private func forget(_ family: TierFamilyKey, _ number: Int) {
        held.withLock { held in
            // Not through the weak reference: who loads it may be the last to let go, inside of this lock.
            if held.entries[family]?.number == number { held.entries[family] = nil }
        }
    }
}

/// How an announcement ended.
enum Announcement: Sendable {
    /// This server renders the family. Without a claim: there is no fleet, or nobody could tell.
    case granted(FamilyClaim?)
    /// Another server is at it.
    case elsewhere
}
