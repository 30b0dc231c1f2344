// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import LockFree
import Telemetry
import TileModel

/// How many requests for the tiles of one tileset were answered, by tier and status. Any thread; striped.
final class RequestCounts: Sendable {
    /// The statuses that answers for tiles have.
    private static let statuses: [Status] = [
        .ok, .notModified, .notFound, .internalError, .unavailable, .partialContent, .rangeNotSatisfiable,
        .preconditionFailed,
    ]

    private let cells = StripedCounter(width: TileTier.allCases.count * RequestCounts.statuses.count)

    /// Counts one answer.
    func add(_ tier: TileTier, _ status: Status) {
        let place: Int =
            switch status {
            case .ok: 0
            case .notModified: 1
            case .notFound: 2
            case .internalError: 3
            case .partialContent: 5
            case .rangeNotSatisfiable: 6
            case .preconditionFailed: 7
            default: 4
            }
        cells.add(1, at: Int(tier.rawValue) * Self.statuses.count + place)
    }

    /// The series that are not zero, for a scrape.
    func series(tileset: String) -> [(labels: String, value: Int)] {
        TileTier.allCases.flatMap { tier in
            Self.statuses.indices.compactMap { index in
                let value = cells.sum(at: Int(tier.rawValue) * Self.statuses.count + index)
                guard value > 0 else { return nil }
                let labels = MetricsRegistry.rendered([
                    "tileset": tileset, "layer": tier.label.description, "status": String(Self.statuses[index].code),
                ])
                return (labels, value)
            }
        }
    }
}
