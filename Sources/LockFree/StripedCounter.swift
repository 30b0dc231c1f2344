// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Synchronization

/// Sums that many threads add to and few read, without a cache line that all of them write.
///
/// Each thread adds to the stripe of its own number; a stripe is a 128-byte line (two of the processor's lines, which
/// it may fetch together) that holds up to 16 sums. Two threads may share a stripe: adding is atomic, so nothing is
/// lost. Reading sums the stripes and is exact once the writers have stopped.
///
/// @unchecked Sendable: the memory behind the pointer holds atomics only, and lives as long as the object.
@safe
package final class StripedCounter: @unchecked Sendable {
    private let cells: UnsafeMutablePointer<Atomic<Int>>
    private let width: Int
    private let rowCells: Int
    private let mask: Int

    private static let lineCells = 128 / MemoryLayout<Atomic<Int>>.stride
    /// More stripes than the threads of a usual configuration buy nothing; 32 rows of 128 bytes are 4 KiB.
    private static let maxStripes = 32

    /// `width` sums side by side, all zero.
    package init(width: Int = 1) {
        precondition((1...4096).contains(width), "\(width) sums in one striped counter")
        var stripes = 1
        while stripes < min(OSThread.processorCount * 4, Self.maxStripes) { stripes *= 2 }
        self.width = width
        mask = stripes - 1
        rowCells = (width + Self.lineCells - 1) / Self.lineCells * Self.lineCells
        let count = rowCells * stripes
        // SAFETY: aligned to a line, owned until `deinit`, every cell initialised before anyone can see it.
        let raw = UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Atomic<Int>>.stride, alignment: 128)
        unsafe cells = raw.bindMemory(to: Atomic<Int>.self, capacity: count)
        for index in 0..<count { unsafe (cells + index).initialize(to: Atomic(0)) }
    }

    deinit { unsafe UnsafeMutableRawPointer(cells).deallocate() }

    /// Adds to sum `index`. Any thread; one atomic addition to a line that is nearly always the thread's own.
    package func add(_ amount: Int = 1, at index: Int = 0) {
        precondition(index < width)
        let stripe = Int(platform_thread_number()) & mask
        // SAFETY: stripe < stripes and index < width <= rowCells.
        _ = unsafe cells[stripe * rowCells + index].wrappingAdd(amount, ordering: .relaxed)
    }

    /// The sum `index` over all stripes. Complexity: O(stripes).
    package func sum(at index: Int = 0) -> Int {
        precondition(index < width)
        var total = 0
        for stripe in 0...mask {
            // SAFETY: as in `add`.
            total &+= unsafe cells[stripe * rowCells + index].load(ordering: .relaxed)
        }
        return total
    }
}
