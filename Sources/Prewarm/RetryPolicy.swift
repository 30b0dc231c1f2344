// SPDX-License-Identifier: Apache-2.0

/// When a request that failed is tried again. A value without a clock: time and chance are given to it.
///
/// Waits double from `firstDelay` to `longestDelay`, each drawn at random between half of it and the whole ("equal
/// jitter"), so that workers that failed together do not come back together. A server that says `Retry-After` is not
/// asked before, and not longer waited for than `longestRetryAfter`.
package struct RetryPolicy: Equatable, Sendable {
    /// How often one request is tried again at most.
    package let limit: Int
    package let firstDelay: Duration
    package let longestDelay: Duration
    /// What a server may ask us to wait: beyond it, a worker would seem to hang.
    package let longestRetryAfter: Duration

    package init(
        limit: Int,
        firstDelay: Duration = .milliseconds(250),
        longestDelay: Duration = .seconds(30),
        longestRetryAfter: Duration = .seconds(120)
    ) {
        precondition(limit >= 0 && firstDelay > .zero && longestDelay >= firstDelay, "a policy that makes no sense")
        self.limit = limit
        self.firstDelay = firstDelay
        self.longestDelay = longestDelay
        self.longestRetryAfter = longestRetryAfter
    }

    /// What to do after an attempt failed in a way that may pass.
    package enum Action: Equatable, Sendable {
        case retry(after: Duration)
        case giveUp
    }

    /// - Parameters:
    ///   - retries: how often the request was tried again already.
    ///   - retryAfter: what the server said, if it did.
    ///   - chance: a random number from 0 to 1.
    package func action(retries: Int, retryAfter: Duration?, chance: Double) -> Action {
        guard retries < limit else { return .giveUp }
        // 2^20 times the first delay is beyond any longest one; the bound keeps the shift from overflowing.
        let whole = min(firstDelay * (1 << min(max(retries, 0), 20)), longestDelay)
        let chance = chance.isFinite ? min(max(chance, 0), 1) : 1
        let drawn = whole / 2 + whole / 2 * chance
        guard let retryAfter, retryAfter > .zero else { return .retry(after: drawn) }
        // On top of what the server asks, a little chance, again so that not all come back at once.
        return .retry(after: max(drawn, min(retryAfter, longestRetryAfter) + firstDelay * chance))
    }

    /// The seconds of a `Retry-After`; nil for a date (no clock of ours need agree with the server's) and for anything
    /// else. (RFC 9110, section 10.2.3.)
    package static func seconds(retryAfter text: String) -> Duration? {
        guard (1...9).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let seconds = Int(text)
        else { return nil }
        return .seconds(seconds)
    }
}
