// SPDX-License-Identifier: Apache-2.0

/// The numbers of eviction under `hitDensity`. The defaults were chosen by `bench-eviction` on traces other than those that
/// it reports; docs/decisions.md has the figures.
package struct EvictionTuning: Sendable {
    /// Entries that a sample takes from the hand.
    package var sampleSize = 16
    /// Entries that a sample gets back from the one before: the lowest that stayed.
    package var keptSize = 16
    /// One in this many of the entries from the hand leaves.
    package var part = 16
    /// The same while inserters wait for room.
    package var urgentPart = 2
    /// A generation lasts until so many times the budget was dropped: how fast counts decay and ghosts are forgotten.
    package var generationBudgets = 100.0
    /// How far the clock of uses moves on while the budget is dropped once, in milliseconds.
    package var turnTicks = 1024
    /// What is worth what is learned anew when such a part of the entries was dropped, ...
    package var lessonShare = 0.02
    /// ... but at least so many.
    package var lessonEntries = 1000

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
