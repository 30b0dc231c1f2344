// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import TileModel

/// One thread's part of a pre-warm: draws requests from the board and asks the server, one after the other.
struct WarmWorker: Sendable {
    let index: Int
    let count: Int
    let options: PrewarmOptions
    let board: WarmBoard
    let shouldStop: @Sendable () -> Bool

    /// The longest body that is taken for a tile: far more than any tile has.
    private static let maxTileBytes = 64 << 20
    /// How long a wait goes on before somebody asks again whether to stop.
    private static let nap = Duration.milliseconds(50)

    /// The body of the thread.
    @Sendable
    func run() {
        let connection = WarmConnection(endpoint: options.endpoint, timeout: options.timeout)
        defer { board.workerEnded() }
        guard pause(board.start(ofWorker: index, of: count)) else { return }
        while !shouldStop(), let (item, start) = board.next() {
            guard pause(start - board.elapsed) else { return board.leave(item) }
            warm(item, over: connection)
        }
    }

    private enum Attempt {
        case ended(WarmOutcome, bytes: Int)
        case failed(reason: String)
        case mayPass(reason: String, retryAfter: Duration?, isUnreachable: Bool)
    }

    private func warm(_ item: WarmQueue.Item, over connection: WarmConnection) {
        let path = item.tileset.template.path(of: item.request.tile)
        var retries = 0
        while true {
            switch attempt(path, item, over: connection) {
            case .ended(let outcome, let bytes):
                return board.record(outcome, of: item, bytes: bytes)
            case .failed(let reason):
                let failure = WarmFailure(tileset: item.tileset.id, path: path, reason: reason)
                return board.record(failure, of: item, isUnreachable: false)
            case .mayPass(let reason, let retryAfter, let isUnreachable):
                let action = options.retry.action(
                    retries: retries,
                    retryAfter: retryAfter,
                    chance: .random(in: 0...1)
                )
                guard case .retry(let delay) = action else {
                    let times = retries == 0 ? "" : " (tried \(retries + 1) times)"
                    let failure = WarmFailure(tileset: item.tileset.id, path: path, reason: reason + times)
                    return board.record(failure, of: item, isUnreachable: isUnreachable)
                }
                // Asked to end meanwhile, the request is neither done nor failed: it is left.
                guard pause(delay) else { return board.leave(item) }
                retries += 1
                board.recordRetry()
            }
        }
    }

    private func attempt(_ path: String, _ item: WarmQueue.Item, over connection: WarmConnection) -> Attempt {
        let answer: WarmAnswer
        do throws(WarmFault) {
            answer = try connection.get(
                path,
                // The star: whatever the tile is, its bytes are not wanted here. What is warm costs a few bytes.
                fields: [
                    ("\(PrewarmProtocol.header)", PrewarmProtocol.value(levels: item.request.levels)),
                    ("If-None-Match", "*"),
                ],
                limits: HTTPResponseLimits(bodyBytes: Self.maxTileBytes, keepsBody: false)
            )
        } catch {
            guard error.isTransient else { return .failed(reason: error.reason) }
            return .mayPass(reason: error.reason, retryAfter: nil, isUnreachable: error.isUnreachable)
        }
        let status = answer.head.status
        switch status {
        case 200, 204, 304:
            // Several fields of one name are one list (RFC 9110, section 5.3).
            let cache = answer.head.fields.filter { $0.name == "cache-status" }.map(\.value).joined(separator: ",")
            return .ended(.warmed(CacheOutcome(cacheStatus: cache)), bytes: answer.bodyCount)
        case 404 where item.tileset.kind == .map:
            return .ended(.absent, bytes: 0)
        case 404:
            return .failed(reason: "the server has no such tile (404)")
        case 429, 502, 503, 504:
            let retryAfter = answer.head["retry-after"].flatMap(RetryPolicy.seconds(retryAfter:))
            return .mayPass(reason: "the server answered \(status)", retryAfter: retryAfter, isUnreachable: false)
        default:
            return .failed(reason: "the server answered \(status)")
        }
    }

    /// Waits; false where somebody asked for an end meanwhile.
    private func pause(_ delay: Duration) -> Bool {
        let end = ContinuousClock.now + delay
        while true {
            guard !shouldStop(), !board.hasGivenUp else { return false }
            let rest = end - .now
            guard rest > .zero else { return true }
            usleep(UInt32(min(rest, Self.nap) / .microseconds(1)) + 1)
        }
    }
}
