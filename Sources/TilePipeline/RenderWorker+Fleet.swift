// SPDX-License-Identifier: Apache-2.0

import LockFree
import Telemetry
import TileCache
import TileModel

/// What the tiers behind memory, and the other servers of a fleet, are told and asked.
extension RenderWorker {
    /// Gives the tiers what was rendered since the job was taken: the requests have been answered.
    func handOver() {
        if let kept { pipeline.tiers?.keep(kept, under: claim) }
        kept = nil
        claim = nil
    }

    /// Whether a family that nobody waits for was made by another server of the fleet, or is being made there: one that is
    /// expected, or what is left of one that was put aside, whose claim ended with that. What there is of it comes into memory.
    /// Where there is a fleet, this blocks for a round trip or two.
    func isElsewhere(_ job: TilePipeline.Board.Job) -> Bool {
        let (tileset, payload) = (job.payload.tileset, job.payload)
        guard let tiers = pipeline.tiers, let level = tiers.fleetLevel, payload.isRendered else { return false }
        let begun = MonotonicClock.nanoseconds
        var wanted: [TileKey] = []
        var isPartThere = false
        for form in payload.possibleForms {
            let tile = payload.coordinate(of: form)
            guard let key = tileset.key(of: tile, format: payload.format, padded: form.isPadded) else { continue }
            if !pipeline.cache.contains(key, by: participant) {
                wanted.append(key)
            } else if form.member != 0 {
                isPartThere = true
            }
        }
        // Who rendered the part that is in memory has the rest to do; if that was this server, its job is still there.
        if isPartThere, !pipeline.board.withLock({ $0.board.isStarted(job) }) { return true }
        let keys = wanted.map { TierKey($0, of: tileset.edition) }
        let family = TierFamilyKey(edition: tileset.edition, parent: payload.tile)
        func bring(_ answers: [TierAnswer]) -> Bool {
            var spread = TierWrite(family: family, begun: begun)
            for (key, (name, answer)) in zip(wanted, zip(keys, answers)) {
                guard case .found(let tile) = answer else { continue }
                let bytes = tierBuffer.bytes[tile.range]
                inserter.insert(bytes, as: key, in: tileset, cost: tile.cost, arrival: .speculative)?.release()
                _ = spread.append(name, cost: tile.cost, bytes: bytes)
            }
            tiers.spread(spread, from: level.tier.kind)
            return !spread.tiles.isEmpty
        }
        if bring(tiers.ask(level, keys, of: family, into: tierBuffer) ?? []) { return true }
        let (announcement, answers, _) = tiers.announce(family, lookingFor: keys, into: tierBuffer)
        guard case .granted(let claim) = announcement else { return true }
        self.claim = claim
        return bring(answers)
    }

    /// Notes a tile that follows from its edition alone. One that lies in a file of its own does not, nor does a stand-in.
    func keep(_ bytes: UnsafeRawBufferPointer, _ key: TileKey, _ job: JobKeyed, start: Int) {
        guard let tiers = pipeline.tiers else { return }
        let name = TierKey(key, of: job.tileset.edition)
        guard tiers.admits(name, isAwaited: arrival == .requested) else { return }
        let cost = UInt32(clamping: (MonotonicClock.nanoseconds - start) / 1000)
        var write =
            kept
            ?? TierWrite(
                family: TierFamilyKey(edition: job.tileset.edition, parent: job.parent),
                begun: begun
            )
        kept = nil
        _ = unsafe write.append(name, cost: cost, bytes: bytes)
        kept = write
    }

    /// Whose tile is being kept.
    struct JobKeyed {
        let tileset: OpenTileset
        let parent: TileCoordinate
    }
}
