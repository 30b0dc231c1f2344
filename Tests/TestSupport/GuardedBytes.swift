// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Bytes that end flush with the end of a mapped page whose neighbour may not be touched: one byte of over-read ends
/// the process. One thread.
@safe
package final class GuardedBytes {
    private let memory: UnsafeMutableRawPointer
    package let capacity: Int
    private let pageBytes = 4096

    package init(capacity: Int) {
        self.capacity = (capacity + pageBytes - 1) / pageBytes * pageBytes
        unsafe memory = mmap(
            nil,
            self.capacity + pageBytes,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS,
            -1,
            0
        )
        unsafe precondition(memory != MAP_FAILED)
        unsafe precondition(mprotect(memory + self.capacity, pageBytes, PROT_NONE) == 0)
    }

    deinit { unsafe munmap(memory, capacity + pageBytes) }

    /// Puts `bytes`, at most the capacity, at the end and lends them out.
    package func with<Result>(_ bytes: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let start = unsafe memory + (capacity - bytes.count)
        let place = unsafe UnsafeMutableRawBufferPointer(start: start, count: bytes.count)
        unsafe place.copyBytes(from: bytes)
        return unsafe body(UnsafeRawBufferPointer(place))
    }
}
