// SPDX-License-Identifier: Apache-2.0

internal import LockFree
internal import Synchronization
internal import TileModel

/// What is to be warmed, and how.
package struct PrewarmOptions: Sendable {
    package var endpoint: WarmEndpoint
    /// What the resume file knows the server by; nil: its address. For a server whose address is another one each time.
    package var name: String?
    /// The ids of the tilesets; empty: all that the server has.
    package var tilesets: [String] = []
    /// What is wanted of each.
    package var part = WarmPart()
    /// Requests at once: each has a thread and a connection.
    package var concurrency = 8
    package var retry = RetryPolicy(limit: 5)
    /// For one attempt as a whole.
    package var timeout = Duration.seconds(30)
    /// Requests per second at most; nil: as many as are answered.
    package var rate: Double?
    /// How long it takes until all connections are in use.
    package var rampUp = Duration.zero
    /// When to stop although not all is done; nil: never.
    package var duration: Duration?
    /// The file that says how far the run came; read at the start where it is there, removed when all is done.
    package var resumeFile: String?
    /// The file that gets a line for each failure.
    package var failedFile: String?
    /// A file of failures of an earlier run: these requests, and no others, are made.
    package var retryFile: String?

    package init(endpoint: WarmEndpoint) { self.endpoint = endpoint }
}

/// A request that failed for good.
package struct WarmFailure: Equatable, Sendable {
    package let tileset: String
    /// The path that was asked for.
    package let path: String
    package let reason: String
}

/// How a pre-warm ended.
package struct PrewarmSummary: Equatable, Sendable {
    package let counts: ProgressModel.Snapshot
    /// The first failures, at most `maxFailures` of them; `counts.failed` is their true number.
    package let failures: [WarmFailure]
    /// Whether it was asked to stop before the end.
    package let wasStopped: Bool
    /// Whether the time that it had was over before the end.
    package let wasTimeUp: Bool
    /// Why it gave up before the end; nil where it did not.
    package let gaveUp: String?

    /// How many failures are kept to be shown: a screen of them tells what is wrong.
    package static let maxFailures = 20

    /// Whether everything that was wanted is warm.
    package var isComplete: Bool { counts.failed == 0 && !wasStopped && !wasTimeUp && gaveUp == nil }
}

/// Warms the caches of a server: asks once per family, from several threads, politely.
///
/// A 404 is *absent*: no fault for a map, which may have holes, a failure for a slide, whose every tile should exist.
/// 429, 502, 503 and 504, broken connections and time-outs are tried again as the `RetryPolicy` says; any other status
/// is a failure. When every worker has in turn found the server unreachable, retries and all, the run gives up.
///
/// Thread rule: one call of `run` per object; its closures are called on the caller's thread, `shouldStop` on any.
package final class PrewarmRun: Sendable {
    private let options: PrewarmOptions
    private let shouldStop: @Sendable () -> Bool

    /// - Parameter shouldStop: asked often and from every thread; true: finish what is in flight and end.
    package init(_ options: PrewarmOptions, shouldStop: @escaping @Sendable () -> Bool = { false }) {
        self.options = options
        self.shouldStop = shouldStop
    }

    /// The tilesets to warm: those asked for, or all, as the server's catalog has them.
    package func fetchTilesets() throws(PrewarmError) -> [WarmTileset] {
        let connection = WarmConnection(endpoint: options.endpoint, timeout: options.timeout)
        let url = "\(options.endpoint)\(WarmCatalog.path)"
        let answer: WarmAnswer
        do throws(WarmFault) {
            let limits = HTTPResponseLimits(bodyBytes: WarmCatalog.maxBytes, keepsBody: true)
            answer = try connection.get(WarmCatalog.path, limits: limits)
        } catch {
            throw .catalogUnavailable(url: url, reason: error.reason)
        }
        guard answer.head.status == 200 else {
            let place = answer.head["location"].map { ", to \(PrewarmError.printable($0))" } ?? ""
            throw .catalogUnavailable(url: url, reason: "it answered \(answer.head.status)\(place)")
        }
        let tilesets = try WarmCatalog.read(answer.body, url: url)
        let unknown = options.tilesets.filter { id in !tilesets.contains { $0.id == id } }
        guard unknown.isEmpty else { throw .unknownTilesets(asked: unknown, known: tilesets.map(\.id)) }
        return try ofRegion(options.tilesets.isEmpty ? tilesets : tilesets.filter { options.tilesets.contains($0.id) })
    }

    /// Those of the tilesets that the region can be meant for: pixels are of slides, degrees of maps.
    private func ofRegion(_ tilesets: [WarmTileset]) throws(PrewarmError) -> [WarmTileset] {
        let (pixels, geography) = (!options.part.pixels.isEmpty, options.part.geography != nil)
        guard pixels || geography else { return tilesets }
        let meant = tilesets.filter { $0.kind == .slide ? pixels : geography }
        guard !meant.isEmpty, options.tilesets.isEmpty || meant.count == tilesets.count else {
            throw .regionKind(
                asked: pixels ? "a region in pixels is one of slides" : "a region in degrees is one of maps",
                tilesets: tilesets.map { "\($0.id) (a \($0.kind.rawValue))" }
            )
        }
        return meant
    }

    /// What a run would do: nothing is asked for.
    package func plan(_ tilesets: [WarmTileset]) -> WarmPlan { WarmPlan(tilesets, options) }

    /// Warms the tilesets, and returns when all is done, given up or stopped.
    ///
    /// - Parameters:
    ///   - interval: how often `onProgress` is called.
    ///   - onProgress: called with the counts of the moment, not after the end.
    package func run(
        _ tilesets: [WarmTileset],
        every interval: Duration = .seconds(1),
        onProgress: (ProgressModel.Snapshot) -> Void = { _ in }
    ) throws(PrewarmError) -> PrewarmSummary {
        let journal = try WarmJournal(options, tilesets)
        let board = WarmBoard(journal.queue, journal, options)
        let outer = shouldStop
        let duration = options.duration
        let shouldStop: @Sendable () -> Bool = { outer() || duration.map { board.elapsed >= $0 } ?? false }
        var threads: [OSThread] = []
        let count = max(1, min(options.concurrency, board.total))
        for index in 0..<count {
            let worker = WarmWorker(index: index, count: count, options: options, board: board, shouldStop: shouldStop)
            do throws(ThreadError) {
                board.workerStarted()
                threads.append(try OSThread(name: "prewarm-\(index)", stackBytes: 512 << 10, body: worker.run))
            } catch {
                board.workerEnded()
                // Fewer threads do the same work more slowly; none at all do nothing.
                guard threads.isEmpty else { break }
                throw .thread(reason: error.description)
            }
        }
        while !board.waitForEnd(atMost: interval) { onProgress(board.snapshot) }
        for thread in threads { thread.join() }
        let summary = board.summary(wasStopped: outer(), wasTimeUp: shouldStop() && !outer())
        if summary.counts.done >= summary.counts.total { journal.finish() }
        return summary
    }
}
