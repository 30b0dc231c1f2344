// SPDX-License-Identifier: Apache-2.0

import LockFree
package import Telemetry
import TileCache
package import TileModel
import TilePipeline
package import TileSources

/// Takes every tile of a tileset out of the same pipeline that serves it, by all workers at once, and hands them to a
/// writer in order: so an export holds the bytes that the server would send.
///
/// Memory: the pipeline's small cache, `window` tiles under way, and what the writer needs. One thread runs it.
package final class ExportRun {
    /// How an export is made.
    package struct Settings: Sendable {
        /// Threads that read and render.
        package var workers: Int
        package var parameters: ReconstructionParameters

        package init(workers: Int, parameters: ReconstructionParameters = .standard) {
            self.workers = workers
            self.parameters = parameters
        }
    }

    /// Tiles that are asked for at one time: some families of work for each worker.
    private static let window = 128
    /// What a killed run loses at most.
    private static let checkpointInterval = 2_000_000_000

    private let order: ExportOrder
    private let tileset: OpenTileset
    private let cache: TileCache
    private let participant: CacheParticipant
    private let pipeline: TilePipeline
    private let inbox = Inbox()

    package init(_ source: any TileSource, id: String, settings: Settings, logger: Logger) throws(ExportError) {
        do {
            order = try ExportOrder(of: source)
            cache = try TileCache(configuration: TileCacheConfiguration(byteBudget: 64 << 20), logger: logger)
        } catch {
            throw .unsuitable(reason: "\(error)")
        }
        tileset = OpenTileset(
            ordinal: 1,
            id: id,
            source: source,
            parameters: settings.parameters,
            headers: NoHeaders()
        )
        var configuration = TilePipeline.Configuration(workers: settings.workers, queueLimit: 2 * Self.window, nice: 0)
        configuration.sentFromFileBytes = nil
        // Everything is asked for in its turn.
        configuration.looksAhead = false
        pipeline = TilePipeline(
            configuration: configuration,
            cache: cache,
            metrics: MetricsRegistry(),
            logger: logger
        )
        participant = cache.makeParticipant()
    }

    /// What a writer needs to know.
    package func plan(target: String, restarts: Bool) -> ExportPlan {
        ExportPlan(
            target: target,
            info: tileset.source.info,
            fingerprint: "\(tileset.source.info.version) \(hexadecimal(tileset.parameters.hash))",
            order: order,
            restarts: restarts
        )
    }

    /// Writes everything that is not written yet, and completes the target.
    ///
    /// - Parameter goesOn: told after each tile how many are done; false ends the run, to be gone on with later.
    package func run(_ writer: any ExportWriter, goesOn: (Int) -> Bool) throws(ExportError) {
        do {
            try cache.startKeeper()
            try pipeline.start()
        } catch {
            stop()
            throw .unsuitable(reason: "\(error)")
        }
        defer { stop() }
        do {
            try write(to: writer, goesOn: goesOn)
        } catch {
            // What is whole is kept; that this fails as well tells nothing new.
            try? writer.checkpoint()
            throw error
        }
        try writer.finish()
    }

    private func stop() {
        pipeline.stop()
        inbox.discard()
        cache.stop()
    }

    private func write(to writer: any ExportWriter, goesOn: (Int) -> Bool) throws(ExportError) {
        guard writer.position <= order.count else {
            throw .foreign(path: "the unfinished target", reason: "it has more tiles than the source")
        }
        var asked = writer.position
        var lastCheckpoint = MonotonicClock.nanoseconds
        while writer.position < order.count {
            let next = writer.position
            while asked < min(order.count, next + Self.window) {
                ask(asked, padded: writer.wantsPadded)
                asked += 1
            }
            let tile = order[next]
            switch inbox.take(next) {
            case .tile(let pinned, _):
                let bytes = unsafe Array(pinned.body)
                pinned.release()
                try writer.append(tile, bytes)
            case .missing: try writer.append(tile, nil)
            case .failed, .file, .overloaded, .stopped: throw .tile(tile)
            case .changing: throw .unsuitable(reason: "the source changed while it was exported; run the command again")
            }
            if MonotonicClock.nanoseconds - lastCheckpoint > Self.checkpointInterval {
                try writer.checkpoint()
                lastCheckpoint = MonotonicClock.nanoseconds
            }
            guard goesOn(writer.position) else { throw .interrupted(done: writer.position) }
        }
    }

    /// Asks for the tile at an index; its outcome comes into the inbox.
    private func ask(_ index: Int, padded: Bool) {
        let ticket = UInt64(index)
        guard let key = tileset.key(of: order[index], format: tileset.format, padded: padded) else {
            return inbox.receive(.missing, for: ticket)
        }
        while true {
            let submission: TilePipeline.Submission? = participant.withGuard {
                if let found = cache.find(key, by: participant) {
                    inbox.receive(.tile(found.pin(), found.tier), for: ticket)
                    return nil
                }
                return pipeline.submit(
                    TileRequest(tileset: tileset, key: key),
                    receiver: inbox,
                    ticket: ticket,
                    by: participant
                )
            }
            switch submission {
            case nil, .pending: return
            case .inMemory: continue
            case .overloaded: inbox.waitForAny()
            case .stopped: return inbox.receive(.stopped, for: ticket)
            }
        }
    }

    /// Outcomes that have come and were not taken yet.
    private final class Inbox: TileReceiver {
        private let outcomes = ConditionLock<[UInt64: TileOutcome]>([:])

        func receive(_ outcome: TileOutcome, for ticket: UInt64) {
            outcomes.withLock { $0[ticket] = outcome }
            outcomes.broadcast()
        }

        func take(_ index: Int) -> TileOutcome {
            outcomes.wait { $0.removeValue(forKey: UInt64(index)) }
        }

        /// Returns when something has come: then there is room in the queue again, or soon.
        func waitForAny() { outcomes.wait { $0.isEmpty ? nil : () } }

        func discard() {
            outcomes.withLock { outcomes in
                for case .tile(let pinned, _) in outcomes.values { pinned.release() }
                outcomes = [:]
            }
        }
    }
}

/// Nothing is sent: a blank line.
private struct NoHeaders: TileHeaderWriting {
    func appendHeaders(
        of key: TileKey,
        entityTag: UInt64,
        format: TileFormat,
        byteCount: Int,
        modified: Int?,
        isGzip: Bool,
        to block: inout [UInt8]
    ) {
        block += "\r\n".utf8
    }
}
