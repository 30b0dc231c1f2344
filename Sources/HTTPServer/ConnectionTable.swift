// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc

/// The connections of one reactor: a slab of address space in which only slots that were used take memory.
///
/// Slots are given out last-in first-out, so the memory that is touched stays as small as the largest number of
/// connections that were open at once. One thread.
@safe
final class ConnectionTable {
    // SAFETY: an anonymous mapping of `capacity` slots, owned until `deinit`; slots below `used` are initialised.
    private let slots: UnsafeMutablePointer<Connection>
    private let capacity: Int
    private var used: UInt32 = 0
    private var free: [UInt32] = []
    /// How many slots are taken.
    private(set) var count = 0

    /// Room for `capacity` connections, at most 2^24 (what a ticket can name).
    init(capacity: Int) throws(HTTPServerError) {
        precondition((1...1 << 24).contains(capacity))
        let byteCount = capacity * MemoryLayout<Connection>.stride
        let memory = unsafe mmap(
            nil,
            byteCount,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
            -1,
            0
        )
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
            throw .system("reserving address space for \(capacity) connections", errno)
        }
        unsafe slots = memory.bindMemory(to: Connection.self, capacity: capacity)
        self.capacity = capacity
    }

    deinit { unsafe munmap(slots, capacity * MemoryLayout<Connection>.stride) }

    /// The connection in a slot that was given out at least once.
    subscript(slot: UInt32) -> Connection {
        @inline(__always) unsafeAddress {
            assert(slot < used)
            return unsafe UnsafePointer(slots + Int(slot))
        }
        @inline(__always) unsafeMutableAddress {
            assert(slot < used)
            return unsafe slots + Int(slot)
        }
    }

    /// A free slot, reset but for its generation; nil where all are taken.
    func take() -> UInt32? {
        let slot: UInt32
        if let recycled = free.popLast() {
            slot = recycled
            let generation = self[slot].generation
            self[slot] = Connection()
            self[slot].generation = generation
        } else {
            guard used < capacity else { return nil }
            slot = used
            used += 1
            // SAFETY: below capacity, and not initialised before.
            unsafe (slots + Int(slot)).initialize(to: Connection())
        }
        count += 1
        return slot
    }

    /// Takes a slot back. Events and tickets of its connection name nobody from now on.
    func giveBack(_ slot: UInt32) {
        self[slot].generation &+= 1
        self[slot].descriptor = -1
        self[slot].flags = []
        count -= 1
        free.append(slot)
    }

    /// Slots that were ever given out; those with a negative descriptor are free.
    var everUsed: Range<UInt32> { 0..<used }
}
