// SPDX-License-Identifier: Apache-2.0

import CPlatform
package import HTTPMessages

/// The address of a client: an IPv6 address, or an IPv4 one mapped into it, as two words in the order of the network.
package struct PeerAddress: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64
}

/// One request, as views into the reactor's receive buffer. Valid until its answer is sent or deferred: keep copies.
@safe
package struct Request: ~Copyable {
    // SAFETY: points to the first byte of the head, in a buffer of the reactor that neither moves nor changes while the
    // handler is called; every place of `head` lies within the head.
    private let base: UnsafePointer<UInt8>
    package let head: RequestHead
    private let peer: platform_peer

    init(base: UnsafePointer<UInt8>, head: borrowing RequestHead, peer: platform_peer) {
        unsafe self.base = base
        self.head = copy head
        self.peer = peer
    }

    package var method: Method { head.method }
    /// 0 or 1.
    package var minorVersion: UInt8 { head.minorVersion }

    /// The path as it came: percent-encoded, starting with a slash, without query.
    package var path: UnsafeRawBufferPointer {
        if head.path.count == 0 {
            // An absolute-form target without a path means the root (RFC 9110, 4.2.3).
            let root: StaticString = "/"
            return unsafe UnsafeRawBufferPointer(start: root.utf8Start, count: 1)
        }
        return unsafe bytes(head.path)
    }

    /// The query without its question mark; empty where there is none.
    package var query: UnsafeRawBufferPointer { unsafe bytes(head.query) }

    /// The host that was asked for, with its port; may be empty.
    package var authority: UnsafeRawBufferPointer { unsafe bytes(head.authority) }

    /// The value of a field, the first one where it is repeated; nil where it is absent.
    package func field(_ name: KnownField) -> UnsafeRawBufferPointer? {
        guard let place = head.place(of: name) else { return nil }
        return unsafe bytes(place)
    }

    /// The whole head, from the first byte that was received for it to the blank line.
    package var rawHead: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: head.byteCount) }

    /// Who sent it.
    package var client: PeerAddress { PeerAddress(high: peer.high, low: peer.low) }

    private func bytes(_ place: ByteRange) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: base + Int(place.start), count: Int(place.count))
    }
}
