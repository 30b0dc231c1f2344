// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
package import HTTPServer

/// Who really asks, and by which address, seen through trusted proxies.
package struct RequestOrigin: Sendable, Hashable {
    package let client: PeerAddress
    /// Whether the client speaks TLS, with a proxy.
    package let isSecure: Bool
    /// The host, with its port where it is not the scheme's own, that the client asked for; may be empty.
    package let authority: String

    /// What absolute URLs begin with; nil where the client named no host.
    package var base: String? { authority.isEmpty ? nil : "\(isSecure ? "https" : "http")://\(authority)" }

    /// Reads X-Forwarded-For, -Proto and -Host where the peer is trusted, and nothing of them where it is not.
    ///
    /// X-Forwarded-For is read from its end: each proxy appends whom it saw, so the first address from the right that is
    /// no proxy of ours is the client, whatever was written in front of it. Values that are malformed, and fields that
    /// are repeated, are not believed.
    package init(_ request: borrowing Request, trusting proxies: TrustedProxies) {
        let peer = request.client
        guard proxies.trusts(peer) else {
            client = peer
            isSecure = false
            authority = unsafe String(decoding: request.authority, as: UTF8.self)
            return
        }
        func value(_ field: KnownField, _ request: borrowing Request) -> String? {
            guard !request.head.isRepeated(field), let bytes = unsafe request.field(field) else { return nil }
            return unsafe String(decoding: bytes, as: UTF8.self)
        }
        client = Self.client(value(.forwardedFor, request), behind: peer, proxies)
        isSecure = Self.last(value(.forwardedProto, request)) == "https"
        let host = Self.last(value(.forwardedHost, request)).flatMap { Self.isAuthority($0) ? $0 : nil }
        authority = unsafe host ?? String(decoding: request.authority, as: UTF8.self)
    }

    static func client(_ list: String?, behind peer: PeerAddress, _ proxies: TrustedProxies) -> PeerAddress {
        var nearest = peer
        for part in (list ?? "").split(separator: ",").reversed() {
            guard let address = PeerAddress(parsing: trimmed(part)) else { return nearest }
            nearest = address
            if !proxies.trusts(address) { return address }
        }
        return nearest
    }

    /// The word that the nearest proxy wrote.
    private static func last(_ list: String?) -> String? {
        list?.split(separator: ",").last.map { String(trimmed($0)) }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var word = text.drop { $0 == " " }
        while word.last == " " { word = word.dropLast() }
        return word
    }

    private static func isAuthority(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 255
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5B, 0x5D, 0x5F: true
                default: false
                }
            }
    }
}
