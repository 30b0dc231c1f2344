// SPDX-License-Identifier: Apache-2.0

/// The name of one deferred request, unique over the life of its server but for a wrap after 2^32 deferred requests of
/// one reactor. A ticket whose client has gone names nothing; posting to it is harmless.
package struct Ticket: Hashable, Sendable {
    /// reactor 8 | connection slot 24 | serial 32
    package let bits: UInt64

    /// The ticket of which `bits` were kept.
    package init(bits: UInt64) { self.bits = bits }

    init(reactor: Int, slot: UInt32, serial: UInt32) {
        bits = UInt64(reactor) << 56 | UInt64(slot) << 32 | UInt64(serial)
    }

    /// The reactor whose mailbox takes the answer.
    package var reactor: Int { Int(bits >> 56) }
    var slot: UInt32 { UInt32(truncatingIfNeeded: bits >> 32) & 0xFF_FFFF }
    var serial: UInt32 { UInt32(truncatingIfNeeded: bits) }
}
