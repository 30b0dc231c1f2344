// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What a server counts. One cell per reactor and count, written by that reactor alone.
package enum ServerCount: Int, Sendable, CaseIterable {
    case accepted, open, moved
    case refusedOverLimit, refusedOverAddressLimit, acceptPauses
    case requests, answers2xx, answers3xx, answers4xx, answers5xx
    case malformed, bytesReceived, bytesSent, bytesSentFromFiles, shortWrites, diskWaits, deferred, probes
    case abandoned, lostClients
    case timeoutsHead, timeoutsIdle, timeoutsWrite, timeoutsDeferred, timeoutsLinger
}

/// The counts of one reactor.
///
/// @unchecked Sendable: the memory holds atomics only and lives as long as the object. All accesses are relaxed: the
/// reactor is the only writer, so a load and a store add without a locked instruction, and readers only want numbers.
@safe
final class ReactorCounters: @unchecked Sendable {
    // SAFETY: owned until `deinit`; a multiple of a 128-byte line of its own, every cell initialised in `init`.
    private let cells: UnsafeMutablePointer<Atomic<Int>>

    init() {
        let count = ServerCount.allCases.count
        let byteCount = (count * MemoryLayout<Atomic<Int>>.stride + 127) / 128 * 128
        unsafe cells = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 128)
            .bindMemory(to: Atomic<Int>.self, capacity: count)
        for index in 0..<count { unsafe (cells + index).initialize(to: Atomic(0)) }
    }

    deinit { unsafe UnsafeMutableRawPointer(cells).deallocate() }

    /// The reactor's thread only.
    @inline(__always)
    func add(_ amount: Int = 1, to count: ServerCount) {
        unsafe cells[count.rawValue].store(
            cells[count.rawValue].load(ordering: .relaxed) &+ amount,
            ordering: .relaxed
        )
    }

    func value(_ count: ServerCount) -> Int { unsafe cells[count.rawValue].load(ordering: .relaxed) }
}
