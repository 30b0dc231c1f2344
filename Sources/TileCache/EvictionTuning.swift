// SPDX-License-Identifier: Apache-2.0

/// The numbers of eviction under `twoClass`. The defaults were chosen by `bench-eviction` on traces other than those that
/// it reports; docs/decisions.md has the figures.
package struct EvictionTuning: Sendable {
    /// Warm may take this share of the bytes before hot has to give, ...
    package var warmShare = 0.05
    /// ... and up to so much more where siblings pay: they come by the family, twenty at a time, and some are asked for
    /// within seconds.
    package var siblingShare = 0.20
    /// The whole of it is theirs when one in so many of them is asked for before it is dropped. What a pre-warm brings in
    /// is asked for by nobody, and gets no room.
    package var siblingsPerUse = 8.0
    /// Entries that a sample takes from the hand.
    package var sampleSize = 16
    /// Entries that a sample gets back from the one before: the lowest that stayed.
    package var keptSize = 16
    /// One in this many of the entries from the hand leaves.
    package var warmPart = 4
    package var hotPart = 16
    /// The same for both while inserters wait for room.
    package var urgentPart = 2
    /// A generation lasts until so many times the budget was dropped: how fast counts decay and ghosts are forgotten.
    package var generationBudgets = 20.0

    package init() {}
}

/// When eviction begins and how far it goes, in bytes and in entries.
package struct EvictionWatermarks: Sendable {
    package let highBytes: Int
    package let lowBytes: Int
    package let highCount: Int
    package let lowCount: Int

    /// Share of the table's slots above which the keeper evicts for their number, and where it stops.
    private static let highFill = 0.78
    private static let lowFill = 0.77

    /// - Parameter room: what live bytes may take at most, however high the watermark.
    package init(_ configuration: TileCacheConfiguration, limit: Int, slots: Int, room: Int = .max) {
        highBytes = min(Int(Double(limit) * configuration.highWatermark), room)
        lowBytes = min(Int(Double(limit) * configuration.lowWatermark), room)
        highCount = Int(Double(slots) * Self.highFill)
        lowCount = Int(Double(slots) * Self.lowFill)
    }

    /// Whether there is anything to do.
    package func arePassed(bytes: Int, entries: Int) -> Bool { bytes > highBytes || entries > highCount }

    /// What has to leave to come down to the low ones.
    package func excess(bytes: Int, entries: Int) -> (bytes: Int, entries: Int) {
        (max(bytes - lowBytes, 0), max(entries - lowCount, 0))
    }
}
