// SPDX-License-Identifier: Apache-2.0

/// When requests may begin: not more often than a rate, and from few workers to all of them over a while. Pure: time is
/// given to it, counted from the start of the run.
package struct WarmPace: Equatable, Sendable {
    /// Requests per second; nil: as fast as they are answered.
    package let rate: Double?
    /// How long it takes until all workers work.
    package let rampUp: Duration
    private var nextSlot = Duration.zero

    /// What may be asked for, in requests per second: at least one in eleven days.
    package static let rates = 1e-6...1e6

    /// - Parameter rate: brought into `rates`.
    package init(rate: Double?, rampUp: Duration) {
        self.rate = rate.map { min(max($0, Self.rates.lowerBound), Self.rates.upperBound) }
        self.rampUp = rampUp
    }

    /// When the next request may begin; taken by who asks. Time that nobody asked in is lost, not saved up.
    package mutating func slot(at now: Duration) -> Duration {
        guard let rate else { return now }
        let slot = max(now, nextSlot)
        nextSlot = slot + .seconds(1 / rate)
        return slot
    }

    /// When a worker begins, of so many.
    package func start(ofWorker index: Int, of count: Int) -> Duration {
        count > 1 ? rampUp * index / count : .zero
    }
}
