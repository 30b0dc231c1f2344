// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization
package import Telemetry
import TileModel

/// One number that only grows. Any thread.
final class DiskCount: Sendable {
    private let number = Atomic<Int>(0)
    func add(_ amount: Int) { number.wrappingAdd(amount, ordering: .relaxed) }
    var value: Int { number.load(ordering: .relaxed) }
}

/// What the disk tier counts.
final class DiskCounts: Sendable {
    let tilesWritten = DiskCount()
    let flushes = DiskCount()
    let readErrors = DiskCount()
    let writeErrors = DiskCount()
    let syncErrors = DiskCount()
    let damagedOnRead = DiskCount()
    let damagedOnLoad = DiskCount()
    let damagedOnScrub = DiskCount()
    let scrubbedBytes = DiskCount()
    let segmentsEvicted = DiskCount()
    let segmentsScanned = DiskCount()
    let segmentsIgnored = DiskCount()
    let hintsRefused = DiskCount()
    let tilesEvicted = DiskCount()
    let secondChances = DiskCount()
    let refused = Refusals()

    /// One count for each reason.
    struct Refusals: Sendable {
        private let counts = TierRefusal.allCases.map { _ in DiskCount() }
        subscript(reason: TierRefusal) -> DiskCount { counts[TierRefusal.allCases.firstIndex(of: reason) ?? 0] }
    }
}

extension DiskTier {
    /// Says what operators see of the disk tier.
    package func registerMetrics(in registry: MetricsRegistry) {
        registry.gauge("orizuru_disk_bytes", help: "What the files of the disk tier take.") { [self] in
            Double(usedBytes)
        }
        registry.gauge("orizuru_disk_budget_bytes", help: "What they may take.") { [configuration] in
            Double(configuration.byteBudget)
        }
        registry.gauge("orizuru_disk_tiles", help: "Tiles that can be found on disk.") { [index] in
            Double(index.totals.tiles)
        }
        registry.gauge("orizuru_disk_segments", help: "Files of the log.") { [segments] in
            Double(segments.withLock { $0.order.count })
        }
        registry.gauge("orizuru_disk_segments_to_load", help: "Files that were not read in yet since the start.") {
            [loading] in
            Double(loading.withLock { $0.pending.count + $0.running })
        }
        let counters: [(name: String, help: String, labels: MetricsRegistry.Labels, count: DiskCount)] = [
            ("orizuru_disk_flushes_total", "Times that what was written was made durable.", [:], counts.flushes),
            ("orizuru_disk_tiles_written_total", "Tiles that were written.", [:], counts.tilesWritten),
            ("orizuru_disk_evicted_tiles_total", "Tiles that left for others.", [:], counts.tilesEvicted),
            ("orizuru_disk_evicted_segments_total", "Files of the log that left.", [:], counts.segmentsEvicted),
            (
                "orizuru_disk_second_chances_total", "Tiles in use that were written once more instead of leaving.",
                [:], counts.secondChances
            ),
            ("orizuru_disk_scrubbed_bytes_total", "Bytes read again to find damage.", [:], counts.scrubbedBytes),
            (
                "orizuru_disk_scanned_segments_total", "Files read in whole for want of a hint.", [:],
                counts.segmentsScanned
            ),
            (
                "orizuru_disk_ignored_segments_total", "Files dropped: no log of this version.", [:],
                counts.segmentsIgnored
            ),
            ("orizuru_disk_refused_hints_total", "Hints that were damaged or stale.", [:], counts.hintsRefused),
            ("orizuru_disk_damaged_total", Self.damagedHelp, ["found": "read"], counts.damagedOnRead),
            ("orizuru_disk_damaged_total", Self.damagedHelp, ["found": "load"], counts.damagedOnLoad),
            ("orizuru_disk_damaged_total", Self.damagedHelp, ["found": "scrub"], counts.damagedOnScrub),
            ("orizuru_disk_errors_total", Self.errorsHelp, ["operation": "read"], counts.readErrors),
            ("orizuru_disk_errors_total", Self.errorsHelp, ["operation": "write"], counts.writeErrors),
            ("orizuru_disk_errors_total", Self.errorsHelp, ["operation": "sync"], counts.syncErrors),
        ]
        for (name, help, labels, count) in counters {
            registry.counter(name, help: help, labels: labels) { Double(count.value) }
        }
        for reason in TierRefusal.allCases {
            let count = counts.refused[reason]
            registry.counter(
                "orizuru_disk_refused_total",
                help: "Families that were not written, by reason.",
                labels: ["reason": reason.rawValue]
            ) { Double(count.value) }
        }
    }

    private static var damagedHelp: String { "Tiles found damaged and forgotten, by what found them." }
    private static var errorsHelp: String { "Calls that the system failed." }
}
