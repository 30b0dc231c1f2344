// SPDX-License-Identifier: Apache-2.0

internal import LockFree
package import Telemetry

/// What the memory cache did and holds: sums over all threads, exact once they are quiet.
package struct CacheStatistics: Sendable, Equatable {
    package var hotHits = 0
    package var warmHits = 0
    package var misses = 0
    package var inserted = 0
    /// Inserts of keys that were dropped lately, which enter hot.
    package var ghostHits = 0
    package var alreadyThere = 0
    /// Inserts that had to wait for the keeper and then found room.
    package var waits = 0
    package var refused: [InsertRefusal: Int] = [:]
    package var departed: [DepartureReason: Int] = [:]
    /// Evicted without ever having been asked for.
    package var evictedUnused = 0
    package var evictedBytes = 0
    package var warmEntries = 0
    package var warmBytes = 0
    package var hotEntries = 0
    package var hotBytes = 0
    /// What is charged to the budget now, and the most that ever was.
    package var reservedBytes = 0
    package var highestReservedBytes = 0
    package var budgetBytes = 0
    /// Of what is charged: resident bytes of blocks that are free.
    package var freeBytes = 0
    /// Of what is charged: what the pool's chunks have in front of their blocks.
    package var chunkHeaderBytes = 0
    package var retiredBytes = 0
    package var uncachedBytes = 0
    package var tableBytes = 0
    package var tableSlots = 0
    /// Blocks of the pool that are live: in the table, retired or pinned.
    package var liveBlocks = 0
    /// Small bodies that are stored once for several tiles; their blocks are not among `liveBlocks`.
    package var sharedBodies = 0

    package var entries: Int { warmEntries + hotEntries }
    package var hits: Int { warmHits + hotHits }
}

extension TileCache {
    /// What a block has in front of the stored header block: the key and what is known of it.
    package static var blockHeaderBytes: Int { Block.headerBytes }

    /// Bytes charged to the budget at this moment; never more than it.
    package var reservedBytes: Int { budget.chargedBytes }

    /// Complexity: O(participants), some microseconds.
    package var statistics: CacheStatistics {
        var statistics = CacheStatistics()
        statistics.hotHits = total(.hotHits)
        statistics.warmHits = total(.warmHits)
        statistics.misses = total(.misses)
        statistics.inserted = total(.inserted) + total(.insertedHot)
        statistics.ghostHits = total(.ghostHits)
        statistics.alreadyThere = total(.alreadyThere)
        statistics.waits = total(.waits)
        for reason in InsertRefusal.allCases { statistics.refused[reason] = total(reason.counter) }
        for reason in DepartureReason.allCases { statistics.departed[reason] = total(reason.counter) }
        statistics.evictedUnused = total(.evictedUnused)
        statistics.evictedBytes = total(.evictedBytes)
        statistics.warmEntries = total(.warmEntries)
        statistics.warmBytes = total(.warmBytes)
        statistics.hotEntries = total(.hotEntries)
        statistics.hotBytes = total(.hotBytes)
        statistics.reservedBytes = budget.chargedBytes
        statistics.highestReservedBytes = budget.highestBytes
        statistics.budgetBytes = budget.limit
        let usage = pool.usage
        statistics.freeBytes = usage.freeBytes
        statistics.chunkHeaderBytes = usage.headerBytes
        statistics.retiredBytes = collector.retiredBytes
        statistics.uncachedBytes = uncachedBytes
        statistics.tableBytes = fixedBytes
        statistics.tableSlots = table.slotCount
        statistics.sharedBodies = pool.sharedBodies.count
        statistics.liveBlocks = pool.liveBlockCount - statistics.sharedBodies
        return statistics
    }

    /// Registers the cache's metrics; the registry then keeps the cache alive.
    package func registerMetrics(in registry: MetricsRegistry) {
        func gauge(
            _ name: String,
            _ help: String,
            _ labels: MetricsRegistry.Labels,
            _ read: @escaping @Sendable (TileCache) -> Int
        ) {
            registry.gauge(name, help: help, labels: labels) { [self] in Double(read(self)) }
        }
        func counter(_ name: String, _ help: String, _ labels: MetricsRegistry.Labels, _ counters: CacheCounter...) {
            registry.counter(name, help: help, labels: labels) { [self] in
                Double(counters.reduce(0) { $0 + total($1) })
            }
        }
        gauge("orizuru_memory_bytes", "Bytes that the memory cache holds.", [:]) { $0.reservedBytes }
        gauge("orizuru_memory_budget_bytes", "Bytes that the memory cache may hold.", [:]) { $0.budget.limit }
        let entries = "Tiles in memory by segment."
        gauge("orizuru_memory_entries", entries, ["segment": "hot"]) { $0.total(.hotEntries) }
        gauge("orizuru_memory_entries", entries, ["segment": "warm"]) { $0.total(.warmEntries) }
        let segmentBytes = "Bytes of the tiles in memory by segment."
        gauge("orizuru_memory_segment_bytes", segmentBytes, ["segment": "hot"]) { $0.total(.hotBytes) }
        gauge("orizuru_memory_segment_bytes", segmentBytes, ["segment": "warm"]) { $0.total(.warmBytes) }
        gauge("orizuru_retired_bytes", "Bytes unlinked and waiting for readers to move on.", [:]) {
            $0.collector.retiredBytes
        }
        gauge("orizuru_memory_uncached_bytes", "Bytes of answers that found no room in memory.", [:]) {
            $0.uncachedBytes
        }
        gauge("orizuru_memory_shared_bodies", "Small bodies stored once for several tiles.", [:]) {
            $0.pool.sharedBodies.count
        }
        let lookups = "Look-ups in memory by result."
        counter("orizuru_memory_lookups_total", lookups, ["result": "hot"], .hotHits)
        counter("orizuru_memory_lookups_total", lookups, ["result": "warm"], .warmHits)
        counter("orizuru_memory_lookups_total", lookups, ["result": "miss"], .misses)
        let inserts = "Tiles taken into memory by segment."
        counter("orizuru_memory_inserts_total", inserts, ["segment": "warm"], .inserted)
        counter("orizuru_memory_inserts_total", inserts, ["segment": "hot"], .insertedHot)
        for reason in InsertRefusal.allCases {
            let help = "Tiles not taken into memory by reason."
            counter("orizuru_memory_refused_total", help, ["reason": reason.rawValue], reason.counter)
        }
        for reason in DepartureReason.allCases {
            let help = "Tiles that left memory by reason."
            counter("orizuru_evictions_total", help, ["reason": reason.rawValue], reason.counter)
        }
        counter("orizuru_evictions_unused_total", "Tiles evicted without having been asked for.", [:], .evictedUnused)
        counter("orizuru_memory_ghost_hits_total", "Tiles asked for again soon after eviction.", [:], .ghostHits)
        counter("orizuru_memory_insert_waits_total", "Inserts that waited for the keeper.", [:], .waits)
    }
}

extension InsertRefusal {
    var counter: CacheCounter {
        switch self {
        case .noRoom: .refusedNoRoom
        case .readerStalled: .refusedStalled
        case .tableFull: .refusedTableFull
        case .tooLarge: .refusedTooLarge
        case .closed: .refusedClosed
        }
    }
}
