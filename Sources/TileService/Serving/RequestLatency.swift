// SPDX-License-Identifier: Apache-2.0

import Telemetry
import TileModel

/// Histograms of the time to answer, one for each tier.
struct RequestLatency: Sendable {
    private let histograms: [Histogram]

    init(registry: MetricsRegistry) {
        histograms = TileTier.allCases.map { tier in
            registry.histogram(
                "orizuru_request_seconds",
                help: "From a request's routing to its answer's hand-over to the kernel, by the tier that answered.",
                labels: ["layer": tier.label.description]
            )
        }
    }

    subscript(tier: TileTier) -> Histogram { histograms[Int(tier.rawValue)] }
}
