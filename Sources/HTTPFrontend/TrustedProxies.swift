// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
package import HTTPServer

/// The addresses whose X-Forwarded-* fields are believed: those of one's own proxies, and nobody else's.
package struct TrustedProxies: Sendable, Hashable {
    /// Addresses that share their first `prefix` bits, IPv4 ones mapped into IPv6.
    private struct Block: Sendable, Hashable {
        let high: UInt64
        let low: UInt64
        let prefix: Int

        func contains(_ address: PeerAddress) -> Bool {
            let highMask: UInt64 = prefix >= 64 ? .max : prefix == 0 ? 0 : ~(UInt64.max >> UInt64(prefix))
            let lowMask: UInt64 = prefix <= 64 ? 0 : prefix == 128 ? .max : ~(UInt64.max >> UInt64(prefix - 64))
            return (address.high ^ high) & highMask == 0 && (address.low ^ low) & lowMask == 0
        }
    }

    private var blocks: [Block] = []
    /// Whether clients of Unix sockets are trusted: they are local, and the socket's file says who may connect.
    private var trustsUnix = false

    /// Nobody.
    package init() {}

    /// `10.0.0.0/8, 2001:db8::/32, 192.0.2.7, unix`; nil for anything else.
    package init?(parsing text: some StringProtocol) {
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            var word = part.drop { $0 == " " }
            while word.last == " " { word = word.dropLast() }
            if word == "unix" {
                trustsUnix = true
                continue
            }
            let pieces = word.split(separator: "/", omittingEmptySubsequences: false)
            guard (1...2).contains(pieces.count), let address = PeerAddress(parsing: pieces[0]) else { return nil }
            let isOld = address.isIPv4
            guard let prefix = pieces.count == 2 ? Int(pieces[1]) : isOld ? 32 : 128,
                (0...(isOld ? 32 : 128)).contains(prefix)
            else { return nil }
            blocks.append(Block(high: address.high, low: address.low, prefix: isOld ? prefix + 96 : prefix))
        }
        guard trustsUnix || !blocks.isEmpty else { return nil }
    }

    /// Whether what this address says of others is believed.
    package func trusts(_ address: PeerAddress) -> Bool {
        if address.isLocalSocket { return trustsUnix }
        return blocks.contains { $0.contains(address) }
    }
}

extension PeerAddress {
    /// A numeric address; nil for anything else.
    package init?(parsing text: some StringProtocol) {
        var peer = platform_peer()
        guard text.utf8.count < 64, unsafe platform_parse_address(String(text), &peer) == 0 else { return nil }
        self.init(high: peer.high, low: peer.low)
    }

    /// Whether it is an IPv4 address, mapped.
    package var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// Whether the client came by a Unix socket, where nobody has an address.
    package var isLocalSocket: Bool { high == 0 && low == 0 }

    /// As people write it; `unix` for a client of a Unix socket.
    package var text: String {
        if isLocalSocket { return "unix" }
        var peer = platform_peer()
        peer.high = high
        peer.low = low
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            // SAFETY: the call writes at most 64 bytes, the last one zero.
            unsafe platform_write_address(&peer, buffer.baseAddress!, 64)
            return unsafe String(cString: buffer.baseAddress!)
        }
    }
}
