// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import JSONText
import LockFree
import Prewarm
import Telemetry
import TileDescriptions
import TileModel
import TilePipeline
import TileSources

/// Does what operators ask for: jobs, purges, reloads. Each action is logged.
///
/// Thread rule: `perform` blocks for purges and reloads, one of them at a time, and is called by threads of its own; the
/// rest from any thread.
final class AdminDesk: Sendable {
    private struct Jobs: Sendable {
        var all: [WarmJob] = []
        /// Of the jobs that run: a thread that has ended and is not joined would keep its stack.
        var threads: [(job: WarmJob, thread: OSThread)] = []
        var next = 1
        var isClosed = false
    }

    /// Jobs that may run at once, and ended ones that are remembered.
    static let runningLimit = 8
    static let rememberedLimit = 100

    private let state: ServiceState
    private let logger: Logger
    private let reload: @Sendable () -> (kept: Int, opened: Int)
    private let jobs = Lock(Jobs())
    /// Purges and reloads come one after the other.
    private let turn = Lock(())
    private let requestsAtOnce: Int

    /// - Parameters:
    ///   - requestsAtOnce: what keeps every worker busy.
    ///   - reload: opens the catalog again.
    init(
        _ state: ServiceState,
        logger: Logger,
        requestsAtOnce: Int,
        reload: @escaping @Sendable () -> (kept: Int, opened: Int)
    ) {
        self.state = state
        self.logger = logger
        self.requestsAtOnce = requestsAtOnce
        self.reload = reload
    }

    /// What is answered: a JSON object, or a refusal. `client`: who asks, for the log.
    func perform(_ request: AdminRequest, client: String) throws(AdminFault) -> JSONOutput {
        switch request {
        case .help: return .string(AdminRequest.helpText)
        case .listJobs:
            return .object([("jobs", .array(jobs.withLock { $0.all }.map(\.json)))])
        case .showJob(let number): return try job(number).json
        case .cancelJob(let number):
            let job = try job(number)
            job.cancel()
            note("cancelled a pre-warm job", ["client": .string(client), "job": .integer(number)])
            return job.json
        case .startJob(let order): return try startJob(order, client: client)
        case .purge(let id, let part):
            return try turn.withLock { (_) throws(AdminFault) in try purge(id, part, client: client) }
        case .reload:
            let (kept, opened) = turn.withLock { _ in reload() }
            note(
                "opened the catalog again",
                ["client": .string(client), "kept": .integer(kept), "opened": .integer(opened)]
            )
            return .object([("kept", .integer(kept)), ("opened", .integer(opened))])
        }
    }

    private func note(_ action: String, _ fields: LogFields) { logger.log(.notice, "admin: \(action)", fields) }

    private func job(_ number: Int) throws(AdminFault) -> WarmJob {
        guard let job = jobs.withLock({ $0.all.first { $0.number == number } }) else {
            throw AdminFault(.notFound, "there is no job \(number)")
        }
        return job
    }

    private func entries(_ ids: [String]) throws(AdminFault) -> [ServedCatalog.Entry] {
        let all = state.catalog.current.0.entries
        guard !ids.isEmpty else { return all }
        var found: [ServedCatalog.Entry] = []
        for id in ids {
            guard let entry = all.first(where: { $0.tileset.id == id }) else {
                throw AdminFault(.notFound, "there is no tileset \(id)")
            }
            found.append(entry)
        }
        return found
    }

    // MARK: Jobs

    private func startJob(_ order: AdminRequest.WarmOrder, client: String) throws(AdminFault) -> JSONOutput {
        let (pixels, geography) = (!order.part.pixels.isEmpty, order.part.geography != nil)
        let entries = try entries(order.tilesets).filter { entry in
            !pixels && !geography || (entry.summary.kind == .slide ? pixels : geography)
        }
        guard !entries.isEmpty else {
            throw AdminFault(.badRequest, "no tileset is meant: pixels are of slides, bbox is of maps")
        }
        // Counting what a region holds takes as long as its border: outside the lock.
        let total = WarmJob.count(entries, order.part)
        let job = try jobs.withLock { (jobs) throws(AdminFault) -> WarmJob in
            guard !jobs.isClosed else { throw AdminFault(.unavailable, "the server is stopping") }
            guard jobs.all.count(where: \.isRunning) < Self.runningLimit else {
                throw AdminFault(.tooManyRequests, "\(Self.runningLimit) jobs are running; cancel one, or wait")
            }
            jobs.threads.removeAll { !$0.job.isRunning }
            let job = WarmJob(number: jobs.next, order: order, entries: entries, total: total, limit: requestsAtOnce)
            do {
                let (pipeline, cache) = (state.pipeline, state.cache)
                let thread = try OSThread(name: "warm-\(job.number)", nice: 5, stackBytes: 512 << 10) {
                    job.run(pipeline, cache)
                }
                jobs.threads.append((job, thread))
            } catch {
                throw AdminFault(.unavailable, "a thread for the job cannot be started: \(error)")
            }
            jobs.next += 1
            jobs.all.append(job)
            if jobs.all.count > Self.rememberedLimit, let old = jobs.all.firstIndex(where: { !$0.isRunning }) {
                jobs.all.remove(at: old)
            }
            return job
        }
        note(
            "started a pre-warm job",
            [
                "client": .string(client), "job": .integer(job.number),
                "tilesets": .string(entries.map(\.tileset.id).joined(separator: ",")),
            ]
        )
        return job.json
    }

    /// Cancels all jobs and waits for their threads: after the pipeline has stopped.
    func stop() {
        let (all, threads) = jobs.withLock { jobs in
            jobs.isClosed = true
            defer { jobs.threads = [] }
            return (jobs.all, jobs.threads)
        }
        for job in all { job.cancel() }
        for (_, thread) in threads { thread.join() }
    }

    // MARK: Purging

    private func purge(_ id: String, _ part: WarmPart, client: String) throws(AdminFault) -> JSONOutput {
        let entry = try entries([id])[0]
        let summary = entry.summary
        if summary.kind == .slide ? part.geography != nil : !part.pixels.isEmpty {
            throw AdminFault(.badRequest, "\(id) is a \(summary.kind.rawValue): pixels are of slides, bbox is of maps")
        }
        let region = part.region(kind: summary.kind, pyramid: summary.pyramid)
        let pyramid = summary.pyramid
        // A tileset without families would be walked to its last tile to find none.
        let walk = WarmJob.walk(entry, part, isGrouped: false).prefix(summary.familyTop == nil ? 0 : .max)
        let families = walk.lazy.filter { $0.levels == 3 && $0.tile.level == summary.familyTop }
        let purged = state.pipeline.purge(
            entry.tileset,
            families: families.map { Family(parent: $0.tile, in: pyramid) }
        ) { tile in
            part.levels?.contains(tile.level) ?? true && region?.touches(tile, of: pyramid) ?? true
        }
        note(
            "purged tiles",
            [
                "client": .string(client), "tileset": .string(id), "memory": .integer(purged.memoryTiles),
                "families": .integer(purged.families),
            ]
        )
        return .object([
            ("tileset", .string(id)), ("memory_tiles", .integer(purged.memoryTiles)),
            ("families", .integer(purged.families)), ("complete", .bool(purged.isComplete)),
        ])
    }
}
