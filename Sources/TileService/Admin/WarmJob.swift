// SPDX-License-Identifier: Apache-2.0

import Glibc
import JSONText
import LockFree
import Prewarm
import Synchronization
import Telemetry
import TileCache
import TileDescriptions
import TileModel
import TilePipeline

/// A pre-warm that the server does by itself, for an operator: walks tilesets and asks its own pipeline, a family at a
/// time, behind everything that people wait for.
///
/// Thread rule: `run` on a thread of the job's own; the rest from any.
final class WarmJob: Sendable {
    enum State: String, Sendable {
        case running, finished, cancelled
        /// The pipeline stopped.
        case stopped
    }

    let number: Int
    let order: AdminRequest.WarmOrder
    private let entries: [ServedCatalog.Entry]
    private let start = ContinuousClock.now
    private let progress: Lock<ProgressModel>
    private let state = Lock(State.running)
    private let isCancelled = Atomic<Bool>(false)
    private let limit: Int
    /// Requests under way.
    private let underWay = ConditionLock(0)

    /// - Parameters:
    ///   - total: as counted by `count`.
    ///   - limit: requests under way at once: enough that no worker waits for the next.
    init(
        number: Int,
        order: AdminRequest.WarmOrder,
        entries: [ServedCatalog.Entry],
        total: (requests: Int, families: Int),
        limit: Int
    ) {
        self.number = number
        self.order = order
        self.entries = entries
        self.limit = limit
        progress = Lock(ProgressModel(total: total.requests, families: total.families))
    }

    /// What a job on these tilesets has to do. Complexity: O(tiles at the region's border).
    static func count(_ entries: [ServedCatalog.Entry], _ part: WarmPart) -> (requests: Int, families: Int) {
        var total = (requests: 0, families: 0)
        for entry in entries {
            let count = walk(entry, part).count()
            total.requests = total.requests.saturatingSum(count.requests)
            total.families = total.families.saturatingSum(count.families)
        }
        return total
    }

    static func walk(_ entry: ServedCatalog.Entry, _ part: WarmPart, isGrouped: Bool = true) -> FamilyWalk {
        let summary = entry.summary
        return FamilyWalk(
            pyramid: summary.pyramid,
            familyLevel: summary.familyTop,
            levels: part.levels,
            isGrouped: isGrouped,
            region: part.region(kind: summary.kind, pyramid: summary.pyramid)
        )
    }

    var isRunning: Bool { state.withLock { $0 == .running } }

    /// No further request is made; those under way are finished.
    func cancel() { isCancelled.store(true, ordering: .relaxed) }

    /// The job as an object of `/jobs`.
    var json: JSONOutput {
        let counts = progress.withLock { $0.snapshot(at: .now - start) }
        return .object([
            ("job", .integer(number)), ("state", .string(state.withLock { $0.rawValue })),
            ("tilesets", .array(entries.map { .string($0.tileset.id) })), ("total", .integer(counts.total)),
            ("families", .integer(counts.families)), ("done", .integer(counts.done)), ("hits", .integer(counts.hits)),
            ("misses", .integer(counts.misses)), ("absent", .integer(counts.absent)),
            ("failed", .integer(counts.failed)), ("elapsed_seconds", .number(counts.elapsed / .seconds(1))),
            ("per_second", JSONOutput(counts.rate)),
            ("remaining_seconds", JSONOutput(counts.remaining.map { $0 / .seconds(1) })),
        ])
    }

    // MARK: Running

    /// Warms everything. Returns when nothing is under way any more.
    func run(_ pipeline: TilePipeline, _ cache: TileCache) {
        let end = ask(pipeline, cache.makeParticipant())
        underWay.wait { $0 == 0 ? () : nil }
        state.withLock { $0 = end }
    }

    private func ask(_ pipeline: TilePipeline, _ participant: CacheParticipant) -> State {
        var pace = WarmPace(rate: order.rate, rampUp: .zero)
        for entry in entries {
            for request in Self.walk(entry, order.part) {
                let slot = pace.slot(at: .now - start)
                while slot > .now - start {
                    if isCancelled.load(ordering: .relaxed) { return .cancelled }
                    usleep(5000)
                }
                if let end = ask(request, entry, pipeline, participant) { return end }
            }
        }
        return .finished
    }

    /// Asks for one request when there is room for it; nil where the job goes on.
    private func ask(
        _ request: WarmRequest,
        _ entry: ServedCatalog.Entry,
        _ pipeline: TilePipeline,
        _ participant: CacheParticipant
    ) -> State? {
        let tileset = entry.tileset
        guard let key = tileset.key(of: request.tile, format: tileset.format, padded: false) else {
            record(.failed)
            return nil
        }
        let limit = limit
        underWay.wait { count -> Void? in
            guard count < limit else { return nil }
            count += 1
            return ()
        }
        let receiver = Receiver(self, isMap: entry.summary.kind == .map)
        while !isCancelled.load(ordering: .relaxed) {
            let wanted = TileRequest(tileset: tileset, key: key, scope: .family(levels: request.levels))
            switch pipeline.submit(wanted, receiver: receiver, ticket: 0, by: participant) {
            case .pending: return nil
            case .inMemory:
                end(.warmed(.hit))
                return nil
            case .overloaded: usleep(50_000)  // People come first.
            case .stopped:
                end(nil)
                return .stopped
            }
        }
        end(nil)
        return .cancelled
    }

    /// One request is over; `outcome` nil where it was not made at all.
    private func end(_ outcome: WarmOutcome?) {
        if let outcome { record(outcome) }
        underWay.withLock { $0 -= 1 }
        underWay.broadcast()
    }

    private func record(_ outcome: WarmOutcome) {
        let time = .now - start
        progress.withLock { $0.record(outcome, bytes: 0, at: time) }
    }

    /// Told by the pipeline how a request ended.
    private final class Receiver: TileReceiver {
        private let job: WarmJob
        private let isMap: Bool

        init(_ job: WarmJob, isMap: Bool) {
            self.job = job
            self.isMap = isMap
        }

        func receive(_ outcome: TileOutcome, for ticket: UInt64) {
            switch outcome {
            case .tile(let pinned, let tier):
                pinned.release()
                job.end(.warmed(tier == .render ? .miss : .hit))
            case .file: job.end(.warmed(.hit))
            case .missing: job.end(isMap ? .absent : .failed)
            case .failed, .changing, .overloaded: job.end(.failed)
            case .stopped: job.end(nil)
            }
        }
    }
}
