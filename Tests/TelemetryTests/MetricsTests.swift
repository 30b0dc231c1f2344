// SPDX-License-Identifier: Apache-2.0

import LockFree
import Telemetry
import Testing

@Suite("Metrics")
struct MetricsTests {
    @Test("the text of a scrape has one HELP and TYPE per name and one line per series")
    func renders() {
        let registry = MetricsRegistry()
        registry.counter("a_total", help: "How many.", labels: ["layer": "hot"]).add(3)
        registry.counter("a_total", help: "How many.", labels: ["layer": "wa\"rm\n\\"]).add(4)
        registry.gauge("b_bytes", help: "Bytes \\ now.\n").set(-5)
        registry.gauge("c", help: "Read at scrape.") { 0.5 }
        #expect(
            String(decoding: registry.render(), as: UTF8.self) == """
                # HELP a_total How many.
                # TYPE a_total counter
                a_total{layer="hot"} 3
                a_total{layer="wa\\"rm\\n\\\\"} 4
                # HELP b_bytes Bytes \\\\ now.\\n
                # TYPE b_bytes gauge
                b_bytes -5
                # HELP c Read at scrape.
                # TYPE c gauge
                c 0.5

                """
        )
    }

    @Test("asking twice for a series returns the same instrument")
    func sameInstrument() {
        let registry = MetricsRegistry()
        registry.counter("a_total", help: "").add(1)
        registry.counter("a_total", help: "").add(1)
        #expect(registry.counter("a_total", help: "").value == 2)
    }

    @Test("a histogram counts an observation at its bound in that bucket, cumulates and sums")
    func histogram() {
        let registry = MetricsRegistry()
        let histogram = registry.histogram(
            "t_seconds",
            help: "Time.",
            labels: ["layer": "hot"],
            bounds: [.microseconds(50), .milliseconds(1)]
        )
        histogram.observe(.microseconds(50))
        histogram.observe(.microseconds(51))
        histogram.observe(.seconds(2))
        #expect(
            String(decoding: registry.render(), as: UTF8.self) == """
                # HELP t_seconds Time.
                # TYPE t_seconds histogram
                t_seconds_bucket{layer="hot",le="5e-05"} 1
                t_seconds_bucket{layer="hot",le="0.001"} 2
                t_seconds_bucket{layer="hot",le="+Inf"} 3
                t_seconds_sum{layer="hot"} 2.000101
                t_seconds_count{layer="hot"} 3

                """
        )
    }

    @Test("counters add up over threads")
    func threads() throws {
        let counter = Counter()
        let threads = try (0..<8).map { _ in
            try OSThread(name: "adder") { for _ in 0..<1000 { counter.add() } }
        }
        threads.forEach { $0.join() }
        #expect(counter.value == 8000)
    }
}
