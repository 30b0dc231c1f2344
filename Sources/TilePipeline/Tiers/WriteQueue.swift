// SPDX-License-Identifier: Apache-2.0

import TileModel

/// Families that wait to be written behind the requests, bounded by number and bytes. A state machine: its caller gives the
/// time.
///
/// Tiles of a family that come while it waits join it, so that what several workers make of it becomes one write. Every
/// submission has one outcome: refused at once, or that of the write which it became part of.
struct WriteQueue: Sendable {
    /// When a batch goes out, and how much may wait.
    struct Limits: Hashable, Sendable {
        /// Families of a batch.
        var count = 64
        /// Bytes of a batch.
        var bytes = 8 << 20
        /// Nanoseconds that the oldest waits at most.
        var delay = 1_000_000_000
        /// Bytes that may wait in all; more are refused.
        var waitingBytes = 64 << 20
    }

    /// One write, and how many submissions it is made of.
    struct Entry: Sendable {
        var write: TierWrite
        /// When the first of them came; nanoseconds.
        let since: Int
        var submissions = 1
        /// Held until it is written.
        var claims: [FamilyClaim] = []
    }

    let limits: Limits
    private var entries: [TierFamilyKey: Entry] = [:]
    private var order: [(family: TierFamilyKey, time: Int)] = []
    /// Bytes that wait.
    private(set) var bytes = 0

    init(_ limits: Limits = Limits()) { self.limits = limits }

    /// Families that wait.
    var count: Int { order.count }

    /// Takes a write over; false where there is no room for it.
    mutating func submit(_ write: TierWrite, under claim: FamilyClaim? = nil, now: Int) -> Bool {
        guard bytes + write.bytes.count <= limits.waitingBytes else { return false }
        if var entry = entries.removeValue(forKey: write.family) {
            bytes -= entry.write.bytes.count
            entry.write.merge(write)
            entry.submissions += 1
            // None is let go of here, inside of the queue's owner.
            if let claim { entry.claims.append(claim) }
            bytes += entry.write.bytes.count
            entries[write.family] = entry
        } else {
            entries[write.family] = Entry(write: write, since: now, claims: claim.map { [$0] } ?? [])
            order.append((write.family, now))
            bytes += write.bytes.count
        }
        return true
    }

    /// Whether a batch should go out.
    func isDue(now: Int) -> Bool {
        guard let oldest = order.first else { return false }
        return order.count >= limits.count || bytes >= limits.bytes || now - oldest.time >= limits.delay
    }

    /// Nanoseconds until a batch is due by its age; nil where nothing waits.
    func timeUntilDue(now: Int) -> Int? { order.first.map { max($0.time + limits.delay - now, 0) } }

    /// Takes out the families of an edition of which a part is made of what was read before `time`: what is made anew of
    /// them afterwards must not join that. Complexity: O(families that wait).
    mutating func remove(_ edition: TileEdition, before time: Int) -> [Entry] {
        let removed = entries.values.filter { $0.write.family.edition == edition && $0.write.begun < time }
        for entry in removed {
            entries.removeValue(forKey: entry.write.family)
            bytes -= entry.write.bytes.count
        }
        if !removed.isEmpty { order.removeAll { entries[$0.family] == nil } }
        return removed
    }

    /// The oldest families, one batch of them.
    mutating func takeBatch() -> [Entry] {
        var batch: [Entry] = []
        var taken = 0
        while batch.count < limits.count, taken < limits.bytes, let first = order.first {
            order.removeFirst()
            guard let entry = entries.removeValue(forKey: first.family) else { continue }
            bytes -= entry.write.bytes.count
            taken += entry.write.bytes.count
            batch.append(entry)
        }
        return batch
    }
}
