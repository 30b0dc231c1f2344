// SPDX-License-Identifier: Apache-2.0

import Telemetry

/// What operators see of the miss path.
struct PipelineMetrics: Sendable {
    let tilesEncoded: Counter
    let renderSeconds: Histogram

    /// `read` gives the board's counts and the number of jobs that wait.
    init(
        registry: MetricsRegistry,
        lookAhead: LookAhead?,
        read: @escaping @Sendable () -> (counts: TilePipeline.Board.Counts, depth: Int)
    ) {
        tilesEncoded = registry.counter("orizuru_tiles_encoded_total", help: "Tiles that were encoded.")
        renderSeconds = registry.histogram(
            "orizuru_render_seconds",
            help: "Time to make one tile, its family's loading and decoding included, or to read a stored one."
        )
        registry.counter(
            "orizuru_family_renders_total",
            help: "Families on which rendering was begun, once for each job."
        ) { Double(read().counts.familiesBegun) }
        registry.counter(
            "orizuru_render_waiters_coalesced_total",
            help: "Requests that joined a job that somebody else had asked for."
        ) { Double(read().counts.coalesced) }
        registry.gauge("orizuru_render_queue_depth", help: "Jobs that wait for a worker.") { Double(read().depth) }
        let help =
            "What was given up before it was made: siblings for which no worker was idle, requests refused "
            + "because too many jobs waited, requests whose clients went away, families that were expected."
        registry.counter("orizuru_render_dropped_total", help: help, labels: ["reason": "sibling"]) {
            Double(read().counts.siblingsDropped)
        }
        registry.counter("orizuru_render_dropped_total", help: help, labels: ["reason": "overload"]) {
            Double(read().counts.refused)
        }
        registry.counter("orizuru_render_dropped_total", help: help, labels: ["reason": "abandoned"]) {
            Double(read().counts.abandoned)
        }
        registry.counter("orizuru_render_dropped_total", help: help, labels: ["reason": "look-ahead"]) {
            Double(read().counts.expectedDropped)
        }
        guard let lookAhead else { return }
        let name = "orizuru_look_ahead_families_total"
        let kinds =
            "Families that were expected to be asked for; of them, those that were, and those that were not in time."
        registry.counter(name, help: kinds, labels: ["result": "expected"]) { Double(lookAhead.counts.expected) }
        registry.counter(name, help: kinds, labels: ["result": "used"]) { Double(lookAhead.counts.used) }
        registry.counter(name, help: kinds, labels: ["result": "wasted"]) { Double(lookAhead.counts.wasted) }
    }
}
