// SPDX-License-Identifier: Apache-2.0

#if Redis
import Telemetry

/// What operators see of the shared tier, besides its breaker and what the tier stack counts for each tier.
struct SharedTierMetrics: Sendable {
    let roundTrips: Counter
    let connections: Gauge
    private let failures: [String: Counter]
    let damaged: Counter
    let full: Counter
    let readOnly: Counter
    let redirections: Counter
    let claimsGranted: Counter
    let claimsElsewhere: Counter
    let claimsUnknown: Counter
    let receivedBytes: Counter
    let sentBytes: Counter

    init(registry: MetricsRegistry) {
        roundTrips = registry.counter(
            "orizuru_shared_round_trips_total",
            help: "Batches of commands that were sent to the shared tier."
        )
        connections = registry.gauge("orizuru_shared_connections", help: "Open connections to the shared tier.")
        var failures: [String: Counter] = [:]
        for label in RedisFailure.labels {
            failures["\(label)"] = registry.counter(
                "orizuru_shared_failures_total",
                help: "Calls of the shared tier that failed, by reason; their tiles came from elsewhere.",
                labels: ["reason": "\(label)"]
            )
        }
        self.failures = failures
        damaged = registry.counter(
            "orizuru_shared_damaged_total",
            help: "Values of the shared tier that were not what they should be, and were deleted."
        )
        let refused = "Tiles that the shared tier did not take although it works."
        full = registry.counter("orizuru_shared_refused_total", help: refused, labels: ["reason": "full"])
        readOnly = registry.counter("orizuru_shared_refused_total", help: refused, labels: ["reason": "read-only"])
        redirections = registry.counter(
            "orizuru_shared_redirections_total",
            help: "Answers of a cluster that named another node."
        )
        let claims = "Claims of families to render, by outcome; unknown: the tier could not tell."
        func claim(_ result: String) -> Counter {
            registry.counter("orizuru_shared_claims_total", help: claims, labels: ["result": result])
        }
        claimsGranted = claim("granted")
        claimsElsewhere = claim("elsewhere")
        claimsUnknown = claim("unknown")
        let bytes = "Bytes of tiles to and from the shared tier."
        receivedBytes = registry.counter("orizuru_shared_bytes_total", help: bytes, labels: ["direction": "received"])
        sentBytes = registry.counter("orizuru_shared_bytes_total", help: bytes, labels: ["direction": "sent"])
    }

    func count(_ failure: RedisFailure) { failures["\(failure.label)"]?.add() }
}
#endif
