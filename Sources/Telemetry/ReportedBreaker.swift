// SPDX-License-Identifier: Apache-2.0

package import LockFree

extension CircuitBreaker {
    /// A breaker whose position and changes are metrics (`orizuru_breaker_state`, `orizuru_breaker_changes_total`) and
    /// lines of the log.
    ///
    /// - Parameters:
    ///   - tier: what it stands in front of; a label, one breaker for each.
    package static func reported(
        tier: String,
        rules: BreakerRules = BreakerRules(),
        metrics: MetricsRegistry,
        logger: Logger
    ) -> CircuitBreaker {
        let changes = BreakerPosition.allCases.map { position in
            metrics.counter(
                "orizuru_breaker_changes_total",
                help: "How often the circuit breaker of a tier came to a position.",
                labels: ["tier": tier, "to": "\(position.name)"]
            )
        }
        let breaker = CircuitBreaker(rules: rules) { change in
            changes[Int(change.to.rawValue)].add()
            let message: String
            switch change.to {
            case .open: message = "a tier fails; it is left alone for a while and everything is served without it"
            case .halfOpen: message = "a tier is tried again"
            case .closed: message = "a tier works again"
            }
            logger.log(
                change.to == .open && change.openings == 1 ? .warning : change.to == .closed ? .notice : .debug,
                message,
                ["tier": .string(tier), "breaker": .string("\(change.to.name)"), "openings": .integer(change.openings)]
            )
        }
        metrics.gauge(
            "orizuru_breaker_state",
            help: "The circuit breaker of a tier: 0 closed, 1 half open, 2 open.",
            labels: ["tier": tier]
        ) { [weak breaker] in Double(breaker?.position.rawValue ?? 0) }
        return breaker
    }
}
