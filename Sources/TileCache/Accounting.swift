// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The bytes that the cache holds from the kernel, never more than its budget.
///
/// What counts is what can be resident: whole touched pages of chunks (live, free, pinned and retired blocks alike),
/// mappings of large blocks, the table. A charge is made before the memory is touched; one that would exceed the
/// budget fails.
final class Budget: Sendable {
    let limit: Int
    private let charged = Atomic<Int>(0)
    private let highest = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    var chargedBytes: Int { charged.load(ordering: .relaxed) }

    /// The most that was ever charged.
    var highestBytes: Int { highest.load(ordering: .relaxed) }

    /// Charges `bytes`, or refuses.
    func charge(_ bytes: Int) -> Bool {
        var current = charged.load(ordering: .relaxed)
        while true {
            guard bytes <= limit - current else { return false }
            let (exchanged, original) = charged.weakCompareExchange(
                expected: current,
                desired: current + bytes,
                ordering: .relaxed
            )
            if exchanged {
                _ = highest.max(current + bytes, ordering: .relaxed)
                return true
            }
            current = original
        }
    }

    func refund(_ bytes: Int) { charged.wrappingSubtract(bytes, ordering: .relaxed) }
}
