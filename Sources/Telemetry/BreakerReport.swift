// SPDX-License-Identifier: Apache-2.0

package import LockFree

/// What operators see of the circuit breakers in front of one tier: `orizuru_breaker_state{tier}`,
/// `orizuru_breaker_changes_total{tier,to}`, and a line of the log when something changes. A tier of several servers has
/// a breaker for each, and shows the one that is furthest from closed.
package final class BreakerReport: Sendable {
    private let tier: String
    private let changes: [Counter]
    private let metrics: MetricsRegistry
    private let logger: Logger

    /// - Parameter tier: the label; one report for each.
    package init(tier: String, metrics: MetricsRegistry, logger: Logger) {
        self.tier = tier
        self.metrics = metrics
        self.logger = logger
        changes = BreakerPosition.allCases.map { position in
            metrics.counter(
                "orizuru_breaker_changes_total",
                help: "How often a circuit breaker of a tier came to a position.",
                labels: ["tier": tier, "to": "\(position.name)"]
            )
        }
    }

    /// Registers the gauge; `read` gives the positions of the breakers that are in use, from any thread.
    package func registerPosition(_ read: @escaping @Sendable () -> [BreakerPosition]) {
        metrics.gauge(
            "orizuru_breaker_state",
            help: "The circuit breaker of a tier: 0 closed, 1 half open, 2 open.",
            labels: ["tier": tier]
        ) { Double(read().map(\.rawValue).max() ?? 0) }
    }

    /// A breaker whose changes are counted and logged.
    ///
    /// - Parameters:
    ///   - place: which server it stands in front of, for the log.
    ///   - onChange: called after each change, on the thread that caused it.
    package func breaker(
        for place: String,
        rules: BreakerRules = BreakerRules(),
        onChange: @escaping @Sendable () -> Void = {}
    ) -> CircuitBreaker {
        CircuitBreaker(
            rules: rules,
            // Not the report itself: the registry holds whoever reads the breaker, and the report holds the registry.
            observer: { [changes, tier, logger] change in
                changes[Int(change.to.rawValue)].add()
                Self.log(change, place, tier, logger)
                onChange()
            }
        )
    }

    private static func log(_ change: CircuitBreaker.Transition, _ place: String, _ tier: String, _ logger: Logger) {
        let (level, message): (LogLevel, String) =
            switch change.to {
            case .open where change.openings == 1:
                (.warning, "a tier fails: it is left alone for a while, and everything is served without it")
            case .open: (.debug, "a tier still fails")
            case .halfOpen: (.debug, "a tier is tried again")
            case .closed: (.notice, "a tier works again")
            }
        logger.log(
            level,
            message,
            [
                "tier": .string(tier), "at": .string(place), "breaker": .string("\(change.to.name)"),
                "openings": .integer(change.openings),
            ]
        )
    }
}

extension CircuitBreaker {
    /// A breaker of its own for a tier, reported as `BreakerReport` says.
    package static func reported(
        tier: String,
        rules: BreakerRules = BreakerRules(),
        metrics: MetricsRegistry,
        logger: Logger
    ) -> CircuitBreaker {
        let report = BreakerReport(tier: tier, metrics: metrics, logger: logger)
        let breaker = report.breaker(for: tier, rules: rules)
        report.registerPosition { [weak breaker] in breaker.map { [$0.position] } ?? [] }
        return breaker
    }
}
