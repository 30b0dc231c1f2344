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
    private struct Weak {
        weak let claim: FamilyClaim?
    }

    private let held = Lock<[TierFamilyKey: Weak]>([:])

    /// The claim of a family, where this server holds it.
    func claim(of family: TierFamilyKey) -> FamilyClaim? { held.withLock { $0[family]?.claim } }

    /// A claim that was granted; `release` tells the fleet of its end.
    func hold(_ family: TierFamilyKey, release: @escaping @Sendable (TierFamilyKey) -> Void) -> FamilyClaim {
        let claim = FamilyClaim(family) { [weak self] family in
            self?.forget(family)
            release(family)
        }
        held.withLock { $0[family] = Weak(claim: claim) }
        return claim
    }

    /// How many there are.
    var count: Int { held.withLock { $0.count } }

    private func forget(_ family: TierFamilyKey) {
        held.withLock { held in
            // It may have been claimed anew in the meantime.
            if let weak = held[family], weak.claim == nil { held[family] = nil }
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
