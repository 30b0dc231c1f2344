// SPDX-License-Identifier: Apache-2.0

internal import LockFree
internal import Synchronization

/// The ordinals of tilesets that were closed, for inserters to look at after they published.
///
/// Sorted ranges in one immutable piece of memory, replaced as a whole and reclaimed like blocks; ordinals are given out
/// in order and closed for ever, so the ranges grow together and stay few. An inserter reads one pointer, nil as a rule
/// until a first tileset is reloaded.
///
/// Closing and inserting meet as in Dekker's algorithm: who closes enters the ordinal and then passes over the table,
/// who inserts publishes and then looks here, all sequentially consistent. So either the pass sees the block, or the
/// inserter sees the ordinal.
@safe
final class ClosedOrdinals: Sendable {
    /// The count of ranges, then first and last ordinal of each, all `UInt32`; 0: none.
    private let address = Atomic<UInt>(0)
    private let ranges = Lock<[ClosedRange<UInt32>]>([])

    deinit {
        unsafe UnsafeMutableRawPointer(bitPattern: address.load(ordering: .relaxed))?.deallocate()
    }

    /// Enters an ordinal. Takes a lock; not for a reactor.
    func insert(_ ordinal: UInt32, _ collector: Collector) {
        let (old, bytes) = ranges.withLock { ranges -> (UInt, Int) in
            guard !ranges.contains(where: { $0.contains(ordinal) }) else { return (0, 0) }
            let index = ranges.firstIndex { $0.lowerBound > ordinal } ?? ranges.count
            ranges.insert(ordinal...ordinal, at: index)
            // Neighbours that touch become one.
            for right in [index + 1, index] where right >= 1 && right < ranges.count {
                if ranges[right - 1].upperBound &+ 1 == ranges[right].lowerBound {
                    ranges[right - 1] = ranges[right - 1].lowerBound...ranges[right].upperBound
                    ranges.remove(at: right)
                }
            }
            let count = 1 + 2 * ranges.count
            let memory = UnsafeMutablePointer<UInt32>.allocate(capacity: count)
            // SAFETY: `count` words are initialised before anyone can see them.
            unsafe memory.initialize(to: UInt32(ranges.count))
            for (number, range) in ranges.enumerated() {
                unsafe (memory + 1 + 2 * number).initialize(to: range.lowerBound)
                unsafe (memory + 2 + 2 * number).initialize(to: range.upperBound)
            }
            let number = UInt(bitPattern: memory)
            // ORDERING: sequentially consistent; as a release it pairs with the load in contains(), and in the one order
            // of all it stands before the pass over the table (TileCache.unlink), which reads slots in that order.
            return (address.exchange(number, ordering: .sequentiallyConsistent), count * 4)
        }
        // Outside the lock: to retire may free others' garbage, which takes locks of theirs.
        if let old = unsafe UnsafeMutableRawPointer(bitPattern: old) {
            unsafe collector.retire(old, bytes: bytes) { unsafe $0.deallocate() }
        }
    }

    /// Whether a tileset is closed. The caller is on-line. Complexity: O(log ranges).
    func contains(_ ordinal: UInt32) -> Bool {
        // ORDERING: sequentially consistent; pairs with the exchange in insert(), and in the one order of all stands after
        // the publication of what is asked about.
        guard let base = unsafe UnsafePointer<UInt32>(bitPattern: address.load(ordering: .sequentiallyConsistent))
        else { return false }
        // SAFETY: published complete, and retired by the collector that protects the caller.
        var low = 0
        var high = unsafe Int(base[0])
        while low < high {
            let middle = (low + high) / 2
            if unsafe base[2 + 2 * middle] < ordinal { low = middle + 1 } else { high = middle }
        }
        return unsafe low < Int(base[0]) && base[1 + 2 * low] <= ordinal
    }
}
