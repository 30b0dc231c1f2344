// SPDX-License-Identifier: Apache-2.0

import LockFree
import Telemetry
import TileModel
import TileSources

/// Tells a predictor what is asked for, and gives back what to make ready. Any thread.
///
/// A reactor never waits for it: where another thread is at it, a request goes untold.
final class LookAhead: Sendable {
    /// A family to make ready.
    struct Suggestion: Sendable {
        let tileset: OpenTileset
        let family: Family
        let form: MemberForm
    }

    private struct WeakTileset {
        weak let tileset: OpenTileset?
    }

    private struct State: Sendable {
        var predictor = Predictor()
        /// Those that viewers were seen on lately; weak, so that a tileset that is closed is let go.
        var tilesets: [UInt32: WeakTileset] = [:]
    }

    private let state = Lock(State())
    /// How many tilesets are kept in mind.
    private static let tilesetLimit = 256

    /// Somebody asked for a tile that was not in memory, or used one for the first time.
    func see(_ tile: TileCoordinate, of tileset: OpenTileset) -> [Suggestion] {
        guard let ground = tileset.lookAheadGround else { return [] }
        let predictions = state.withLockIfAvailable { state in
            if state.tilesets[tileset.ordinal] == nil {
                if state.tilesets.count >= Self.tilesetLimit { state.tilesets.removeAll() }
                state.tilesets[tileset.ordinal] = WeakTileset(tileset: tileset)
            }
            return state.predictor.see(tile, on: ground, at: MonotonicClock.nanoseconds)
        }
        return (predictions ?? []).compactMap { Self.suggestion($0, tileset) }
    }

    /// What viewers who rest will probably ask for.
    func rest() -> [Suggestion] {
        let found = state.withLock { state in
            state.predictor.rest(at: MonotonicClock.nanoseconds).map {
                ($0, state.tilesets[$0.ordinal]?.tileset)
            }
        }
        return found.compactMap { prediction, tileset in tileset.flatMap { Self.suggestion(prediction, $0) } }
    }

    /// How long until `rest` may have something to say; nil where it has not.
    var timeToRest: Duration? {
        let time = state.withLock { $0.predictor.nextRest }
        return time.map { .nanoseconds(max($0 - MonotonicClock.nanoseconds, 0)) }
    }

    /// For metrics.
    var counts: Predictor.Counts { state.withLock { $0.predictor.counts } }

    private static func suggestion(_ prediction: Predictor.Prediction, _ tileset: OpenTileset) -> Suggestion? {
        guard let family = tileset.source.family(for: prediction.tile), family.parent == prediction.parent,
            let member = family.member(at: prediction.tile)
        else { return nil }
        let form = MemberForm(member: member, isPadded: false)
        return Suggestion(tileset: tileset, family: family, form: form)
    }
}
