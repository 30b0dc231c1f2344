// SPDX-License-Identifier: Apache-2.0

import HTTPServer

extension ListenAddress: CustomStringConvertible {
    /// `127.0.0.1:8080`, `localhost:0` (the same as `127.0.0.1:0`), `[::1]:8080`. Nil for anything else; a bare `::1` needs its brackets.
    init?(parsing text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let portDigits = text[text.index(after: colon)...]
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        // A name may mean several addresses; this one is known.
        if host == "localhost" { host = "127.0.0.1" }
        guard !host.isEmpty, host.utf8.count <= 255, host.utf8.allSatisfy(Self.isHostByte),
            !portDigits.isEmpty, portDigits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(portDigits)
        else { return nil }
        self.init(host, port: port)
    }

    /// Whether only this machine can reach it.
    var isLoopback: Bool { address.hasPrefix("127.") || address == "::1" }

    /// As it is written in a URL.
    package var description: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }

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
