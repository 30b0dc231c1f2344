// SPDX-License-Identifier: Apache-2.0

/// Where a server is: what `http://host:port/prefix` says.
package struct WarmEndpoint: Equatable, Sendable, CustomStringConvertible {
    /// Without brackets.
    package let host: String
    package let port: UInt16
    /// Empty, or a path that begins with a slash and does not end in one.
    package let prefix: String

    /// - Throws: `PrewarmError.url` with what is accepted.
    package init(_ text: String) throws(PrewarmError) {
        func refusal(_ reason: String) -> PrewarmError { .url(text: text, reason: reason) }
        let lower = text.lowercased()
        guard !lower.hasPrefix("https://") else {
            throw refusal(
                """
                https is not spoken here; ask the server itself, on the machine where it runs \
                (http://127.0.0.1:8080), or a proxy that speaks plain HTTP to it
                """
            )
        }
        guard lower.hasPrefix("http://") else {
            throw refusal("expected http://HOST:PORT, such as http://127.0.0.1:8080")
        }
        let rest = text.dropFirst("http://".count)
        guard rest.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !rest.contains("?"), !rest.contains("#") else {
            throw refusal("expected host, port and perhaps a path, in plain ASCII and without a query")
        }
        let authority = rest.prefix { $0 != "/" }
        guard !authority.contains("@") else { throw refusal("a user name or a password in it is not supported") }
        guard let (host, port) = Self.split(authority) else {
            throw refusal("expected http://HOST:PORT, such as http://127.0.0.1:8080 or http://[::1]:8080")
        }
        self.host = host
        self.port = port
        var path = String(rest.dropFirst(authority.count))
        while path.hasSuffix("/") { path.removeLast() }
        prefix = path
    }

    /// `host:port` as the Host header has it.
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == 80 ? name : "\(name):\(port)"
    }

    /// As a URL.
    package var description: String { "http://\(authority)\(prefix)" }

    /// The request target of a path of the server: below the prefix, unless the server knows of it and wrote it.
    package func target(of path: String) -> String {
        path == prefix || path.hasPrefix(prefix + "/") ? path : prefix + path
    }

    private static func split(_ authority: Substring) -> (host: String, port: UInt16)? {
        var host = authority
        var port: UInt16 = 80
        let bracket = authority.lastIndex(of: "]")
        if let colon = authority.lastIndex(of: ":"), bracket.map({ $0 < colon }) ?? true {
            let digits = authority[authority.index(after: colon)...]
            guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let number = UInt16(digits), number > 0
            else { return nil }
            port = number
            host = authority[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." || $0 == "%" }) else {
                return nil
            }
        } else if host.contains(":") || host.contains("[") {
            return nil
        }
        return host.isEmpty || host.utf8.count > 255 ? nil : (String(host), port)
    }
}
