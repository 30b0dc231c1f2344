// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A ring of bytes from one reactor to the writer of the access log: whole lines or nothing.
///
/// One thread appends, one takes; neither ever waits. What finds no room is dropped and counted.
///
/// @unchecked Sendable: the bytes between `taken` and `filled` belong to the taker, all others to the appender.
@safe
final class LogRing: @unchecked Sendable {
    static let byteCount = 256 * 1024
    // SAFETY: owned until `deinit`, of `byteCount` bytes.
    private let bytes: UnsafeMutablePointer<UInt8>
    /// Bytes ever appended, and ever taken; the ring holds the difference.
    private let filled = Atomic<Int>(0)
    private let taken = Atomic<Int>(0)
    private let drops = Atomic<Int>(0)

    init() { unsafe bytes = .allocate(capacity: Self.byteCount) }

    deinit { unsafe bytes.deallocate() }

    /// Lines that found no room.
    var dropped: Int { drops.load(ordering: .relaxed) }

    /// Appends a line, or drops it. The reactor's thread.
    func append(_ line: [UInt8]) {
        let end = filled.load(ordering: .relaxed)
        // ORDERING: acquire pairs with the releasing store in `take`: the bytes are free to be overwritten.
        guard end - taken.load(ordering: .acquiring) + line.count <= Self.byteCount else {
            drops.wrappingAdd(1, ordering: .relaxed)
            return
        }
        let place = end % Self.byteCount
        let first = min(line.count, Self.byteCount - place)
        unsafe line.withUnsafeBufferPointer { source in
            guard let start = source.baseAddress else { return }
            // SAFETY: `first` bytes up to the end of the ring, the rest at its start; all free, as was checked.
            unsafe memcpy(bytes + place, start, first)
            unsafe memcpy(bytes, start + first, line.count - first)
        }
        // ORDERING: release pairs with the acquiring load in `take`: the line's bytes come before its count.
        filled.store(end + line.count, ordering: .releasing)
    }

    /// Gives what is there to `write`, in one or two pieces, and frees it. The writer's thread.
    func take(_ write: (UnsafeRawBufferPointer) -> Void) {
        let start = taken.load(ordering: .relaxed)
        // ORDERING: acquire pairs with the releasing store in `append`.
        let end = filled.load(ordering: .acquiring)
        guard end > start else { return }
        let place = start % Self.byteCount
        let first = min(end - start, Self.byteCount - place)
        // SAFETY: bytes that were appended and not taken yet; the appender leaves them alone until `taken` moves on.
        unsafe write(UnsafeRawBufferPointer(start: bytes + place, count: first))
        if end - start > first { unsafe write(UnsafeRawBufferPointer(start: bytes, count: end - start - first)) }
        // ORDERING: release pairs with the acquiring load in `append`.
        taken.store(end, ordering: .releasing)
    }
}
