// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import LockFree
import Telemetry
import TileCache
import TileModel
import TileSources

/// Members that are rendered out of their family's parent and residuals.
extension RenderWorker {
    func render(
        _ form: MemberForm,
        _ key: TileKey,
        of job: TilePipeline.Board.Job,
        _ loaded: inout Loaded,
        start: Int
    ) -> TileOutcome {
        let tileset = job.payload.tileset
        if case .nothing = loaded { loaded = load(job) }
        guard case .family(let renderer) = loaded else { return standIn(form, key, job, reason: nil, start: start) }
        if case .plain = material.part(ofMember: form.member) {
            // It lies in a file of its own, which is part of its tag.
            return read(job.payload.coordinate(of: form), form, key, tileset, start: start)
        }
        // What is rendered as its source means it has a tag that is known before it is made.
        let identity = material.deviation(ofMember: form.member)
        let whose = JobKeyed(tileset: tileset, parent: job.payload.tile)
        do {
            let outcome: TileOutcome
            if job.payload.format == .png {
                let picture = try renderer.picture(member: form.member, padded: form.isPadded)
                let bytes = try PNGCodec.encode(picture, content: .photographic)
                let rendered = StoredTileFile(format: .png, identity: identity)
                outcome = unsafe bytes.withUnsafeBytes { bytes in
                    if identity == 0 { unsafe keep(bytes, key, whose, start: start) }
                    return unsafe store(bytes, as: key, rendered, tileset, start: start)
                }
            } else {
                let bytes = try unsafe renderer.render(member: form.member, padded: form.isPadded)
                let rendered = StoredTileFile(format: .jpeg, identity: identity)
                if identity == 0 { unsafe keep(bytes, key, whose, start: start) }
                outcome = unsafe store(bytes, as: key, rendered, tileset, start: start)
            }
            pipeline.metrics.tilesEncoded.add()
            return outcome
        } catch RenderError.missing where !material.isDamaged(member: form.member) {
            return .missing
        } catch {
            return standIn(form, key, job, reason: error, start: start)
        }
    }

    func load(_ job: TilePipeline.Board.Job) -> Loaded {
        guard let family = job.payload.family else { preconditionFailure("a stored tile has no family to load") }
        pipeline.board.withLock { $0.board.begin(job) }
        do {
            try job.payload.tileset.source.load(family, into: material)
        } catch {
            report(error, job)
            return .unreadable
        }
        let renderer = renderer(for: job.payload.tileset.parameters)
        renderer.begin(material)
        return .family(renderer)
    }

    func renderer(for parameters: ReconstructionParameters) -> FamilyRenderer {
        let renderer = renderers[parameters] ?? FamilyRenderer(parameters: parameters)
        renderers[parameters] = renderer
        return renderer
    }

    /// The plain tile of its level, where what it would be rendered from is damaged: never a wrong tile.
    func standIn(
        _ form: MemberForm,
        _ key: TileKey,
        _ job: TilePipeline.Board.Job,
        reason: (any Error)?,
        start: Int
    ) -> TileOutcome {
        if let reason { report(reason, job) }
        let outcome = read(job.payload.coordinate(of: form), form, key, job.payload.tileset, start: start)
        // The source has more of this tile than a file of its own: that it cannot be shown is a fault, not a hole.
        if case .missing = outcome { return .failed }
        return outcome
    }
}
