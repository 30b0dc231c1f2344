// SPDX-License-Identifier: Apache-2.0

internal import LockFree
internal import Synchronization

/// What is to be warmed, and how.
package struct PrewarmOptions: Sendable {
    package var endpoint: WarmEndpoint
    /// The ids of the tilesets; empty: all that the server has.
    package var tilesets: [String] = []
    /// The levels that are wanted; nil: all.
    package var levels: ClosedRange<Int>?
    /// Requests at once: each has a thread and a connection.
    package var concurrency = 8
    package var retry = RetryPolicy(limit: 5)
    /// For one attempt as a whole.
    package var timeout = Duration.seconds(30)

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
    /// Why it gave up before the end; nil where it did not.
    package let gaveUp: String?

    /// How many failures are kept to be shown: a screen of them tells what is wrong.
    package static let maxFailures = 20

    /// Whether everything that was wanted is warm.
    package var isComplete: Bool { counts.failed == 0 && !wasStopped && gaveUp == nil }
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
        guard !options.tilesets.isEmpty else { return tilesets }
        let unknown = options.tilesets.filter { id in !tilesets.contains { $0.id == id } }
        guard unknown.isEmpty else { throw .unknownTilesets(asked: unknown, known: tilesets.map(\.id)) }
        return tilesets.filter { options.tilesets.contains($0.id) }
    }

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
        let board = WarmBoard(WarmQueue(tilesets, levels: options.levels), unreachableLimit: options.concurrency)
        var threads: [OSThread] = []
        for index in 0..<max(1, min(options.concurrency, board.total)) {
            let worker = WarmWorker(options: options, board: board, shouldStop: shouldStop)
            do throws(ThreadError) {
                threads.append(try OSThread(name: "prewarm-\(index)", stackBytes: 512 << 10, body: worker.run))
                board.workerStarted()
            } catch {
                // Fewer threads do the same work more slowly; none at all do nothing.
                guard threads.isEmpty else { break }
                throw .thread(reason: error.description)
            }
        }
        while !board.waitForEnd(atMost: interval) { onProgress(board.snapshot) }
        for thread in threads { thread.join() }
        return board.summary(wasStopped: shouldStop())
    }
}
