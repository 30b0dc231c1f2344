// SPDX-License-Identifier: Apache-2.0

import CPlatform
package import HTTPMessages

/// The address of a client: an IPv6 address, or an IPv4 one mapped into it, as two words in the order of the network.
package struct PeerAddress: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// One request, as views into the reactor's receive buffer. Valid until its answer is sent or deferred: keep copies.
@safe
package struct Request: ~Copyable {
    // SAFETY: points to the first byte of the head, in a buffer of the reactor that neither moves nor changes while the
    // handler is called; every place of `head` lies within the head.
    private let base: UnsafePointer<UInt8>
    // SAFETY: the reactor's own head, which does not change while the handler is called.
    private let parsed: UnsafePointer<RequestHead>
    private let peer: platform_peer

    init(base: UnsafePointer<UInt8>, head: UnsafePointer<RequestHead>, peer: platform_peer) {
        unsafe self.base = base
        unsafe parsed = head
        self.peer = peer
    }

    package var head: RequestHead { unsafe parsed.pointee }
    package var method: Method { unsafe parsed.pointee.method }
    /// 0 or 1.
    package var minorVersion: UInt8 { unsafe parsed.pointee.minorVersion }

    /// The path as it came: percent-encoded, starting with a slash, without query.
    package var path: UnsafeRawBufferPointer {
        let place = unsafe parsed.pointee.path
        if place.count == 0 {
            // An absolute-form target without a path means the root (RFC 9110, 4.2.3).
            let root: StaticString = "/"
            return unsafe UnsafeRawBufferPointer(start: root.utf8Start, count: 1)
        }
        return unsafe bytes(place)
    }

    /// The query without its question mark; empty where there is none.
    package var query: UnsafeRawBufferPointer { unsafe bytes(parsed.pointee.query) }

    /// The host that was asked for, with its port; may be empty.
    package var authority: UnsafeRawBufferPointer { unsafe bytes(parsed.pointee.authority) }

    /// The value of a field, the first one where it is repeated; nil where it is absent.
    package func field(_ name: KnownField) -> UnsafeRawBufferPointer? {
        guard let place = unsafe RequestHead.place(of: name, in: parsed) else { return nil }
        return unsafe bytes(place)
    }

    /// Whether at least one of the fields is there.
    package func has(anyOf fields: KnownFields) -> Bool { unsafe RequestHead.has(anyOf: fields, in: parsed) }

    /// What the request says under which conditions, and which part, it wants. Views, as everything here.
    package var preconditions: Preconditions {
        var conditions = Preconditions()
        unsafe conditions.ifMatch = unsafe field(.ifMatch)
        unsafe conditions.ifUnmodifiedSince = unsafe field(.ifUnmodifiedSince)
        unsafe conditions.ifNoneMatch = unsafe field(.ifNoneMatch)
        unsafe conditions.ifModifiedSince = unsafe field(.ifModifiedSince)
        unsafe conditions.range = unsafe field(.range)
        unsafe conditions.ifRange = unsafe field(.ifRange)
        return conditions
    }

    /// The whole head, from the first byte that was received for it to the blank line.
    package var rawHead: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: base, count: parsed.pointee.byteCount)
    }

    /// Who sent it.
    package var client: PeerAddress { PeerAddress(high: peer.high, low: peer.low) }

    private func bytes(_ place: ByteRange) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: base + Int(place.start), count: Int(place.count))
    }
}
