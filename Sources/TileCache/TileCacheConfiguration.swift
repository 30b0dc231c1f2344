// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How large a memory cache is and whom it keeps.
package struct TileCacheConfiguration: Sendable {
    /// What the cache may hold from the kernel at any moment: blocks, pinned and retired bytes, free blocks, the table.
    package var byteBudget: Int
    package var policy: EvictionPolicy
    /// The keeper starts to evict when live bytes exceed this share of the budget, and stops at `lowWatermark`.
    package var highWatermark = 0.96
    package var lowWatermark = 0.95
    /// Warm entries older than this expire; nil: they leave when room is needed.
    package var warmTimeToLive: Duration?
    /// The mean size of an entry that the table is sized for: at this mean it is two thirds full when the budget is.
    /// With entries smaller than 4.3 KiB on average the cache is full by number (78 % of the slots) before it is full by
    /// bytes: sources of small tiles should lower it.
    package var expectedEntryBytes = 5120
    /// How long an insert that may wait (`patience`) does so for the keeper, at most. 2 ms: the keeper's steps take tens
    /// of microseconds, and a render tens of milliseconds.
    package var insertPatience: Duration = .milliseconds(2)
    /// Stores equal small bodies once (`SharedBodies`).
    package var sharesEqualBodies = true
    /// Fills freed blocks with a pattern and checks it when they are given out again: for stress runs.
    package var poisonsFreedBlocks = false
    /// Milliseconds of a clock that never goes back; wraps after 49 days, which only makes an old entry look young.
    package var clock: @Sendable () -> UInt32 = TileCacheConfiguration.monotonicMilliseconds

    /// The smallest budget that makes sense: some chunks' headers and a few hundred tiles.
    package static let minByteBudget = 4 << 20

    /// A budget below `minByteBudget` is raised to it.
    package init(byteBudget: Int, policy: EvictionPolicy = .hitDensity) {
        self.byteBudget = max(byteBudget, Self.minByteBudget)
        self.policy = policy
    }

    /// The coarse monotonic clock: some nanoseconds a call, a few milliseconds of resolution.
    package static let monotonicMilliseconds: @Sendable () -> UInt32 = {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &now)
        return UInt32(truncatingIfNeeded: now.tv_sec * 1000 + now.tv_nsec / 1_000_000)
    }
}

/// The memory cache could not be made.
package enum TileCacheError: Error, CustomStringConvertible {
    case noMemory(bytes: Int)
    case keeperNotStarted(reason: String)

    package var description: String {
        switch self {
        case .noMemory(let bytes):
            "mapping \(bytes) bytes for the memory cache's table failed; ask for a smaller --memory"
        case .keeperNotStarted(let reason):
            "the memory cache's keeper could not be started: \(reason)"
        }
    }
}
