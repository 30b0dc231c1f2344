// SPDX-License-Identifier: Apache-2.0

/// Where a server listens: a host name or address, and a port (0: the system picks a free one).
struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// Without brackets: `127.0.0.1`, `::1`, `localhost`.
    let host: String
    let port: UInt16

    /// `127.0.0.1:8080`, `localhost:0`, `[::1]:8080`. Nil for anything else; a bare `::1` needs its brackets.
    init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let portDigits = text[text.index(after: colon)...]
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.utf8.count <= 255, host.utf8.allSatisfy(Self.isHostByte),
            !portDigits.isEmpty, portDigits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(portDigits)
        else { return nil }
        self.host = host
        self.port = port
    }

    /// As it is written in a URL.
    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Letters, digits, and `. : % - _` (a zone stands behind a percent sign).
    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "%"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
