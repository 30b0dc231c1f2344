// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import LockFree
internal import Synchronization

/// Counts which entries are used, by the cells of `ReuseTable`: a row for each participant, which its thread alone writes,
/// with a load and a store.
///
/// @unchecked Sendable: atomics in memory that lives as long as the object, which every participant retains.
@safe
final class ReuseTally: @unchecked Sendable {
    /// SAFETY: `maxParticipants` rows of zero pages, ours until `deinit`; zero is what `Atomic<UInt32>(0)` is. Pages of rows
    /// that nobody uses are never touched.
    private let base: UnsafeMutableRawPointer

    private static let rowBytes = (ReuseTable.cellCount * MemoryLayout<UInt32>.size + 127) / 128 * 128
    private static let bytes = Chunk.roundedToPages(Collector.maxParticipants * rowBytes)

    /// Nil where the kernel refuses the addresses.
    init?() {
        guard let base = unsafe platform_map_aligned(Self.bytes, Chunk.page) else { return nil }
        unsafe self.base = base
    }

    deinit { unsafe platform_unmap(base, Self.bytes) }

    /// The row of the participant with this index; counts go on where a former owner of the index left them.
    func row(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe (base + index * Self.rowBytes).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// The sums over the first rows; they wrap at 32 bits for each row.
    func sums(rows: Int) -> [Int] {
        var sums = [Int](repeating: 0, count: ReuseTable.cellCount)
        for index in 0..<rows {
            let row = unsafe row(index)
            for cell in sums.indices { sums[cell] += Int(unsafe row[cell].load(ordering: .relaxed)) }
        }
        return sums
    }
}
