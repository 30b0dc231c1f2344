// SPDX-License-Identifier: Apache-2.0

/// One server's address.
package enum RedisPlace: Hashable, Sendable, CustomStringConvertible {
    case tcp(host: String, port: UInt16)
    case unix(path: String)

    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// Why a location cannot be used: one sentence that never repeats a password.
package struct RedisLocationError: Error, Hashable, CustomStringConvertible {
    package let description: String
}

/// Where the shared tier is and how to get in, as one URL says it.
///
///     redis://[USER:PASSWORD@]HOST[:6379][/DATABASE]
///     unix:/PATH[?db=DATABASE]             also unix://[USER:PASSWORD@]/PATH[?db=DATABASE]
///     redis-cluster://[USER:PASSWORD@]HOST[:6379][,HOST[:6379]...]
///
/// `redis://:PASSWORD@HOST` has no user. User and password are percent-decoded. The text of a location (its
/// description) has no password.
package struct RedisLocation: Hashable, Sendable {
    /// One server, or some of the nodes of a cluster, which tell of the others.
    package let places: [RedisPlace]
    package let isCluster: Bool
    package let user: String?
    package let password: String?
    package let database: Int

    package static let standardPort: UInt16 = 6379
    /// Databases are numbered by the server's configuration; none has more.
    package static let maxDatabase = 65_535

    /// Reads a URL. Nothing is resolved or connected.
    package init(parsing text: String) throws(RedisLocationError) {
        func failure(_ reason: String) -> RedisLocationError {
            RedisLocationError(
                description: "\(reason); expected redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], unix:/PATH or "
                    + "redis-cluster://HOST:PORT,HOST:PORT"
            )
        }
        guard let colon = text.firstIndex(of: ":") else { throw failure("no scheme") }
        let scheme = text[..<colon]
        var rest = text[text.index(after: colon)...]
        switch scheme {
        case "redis", "redis-cluster", "unix": break
        case "rediss": throw failure("rediss (TLS) is not spoken; put a TLS proxy such as stunnel in between")
        default: throw failure("the scheme '\(scheme.prefix(32))' is none of redis, redis-cluster and unix")
        }
        let hasAuthority = rest.hasPrefix("//")
        if hasAuthority { rest = rest.dropFirst(2) }
        guard hasAuthority || scheme == "unix" else { throw failure("'//' is missing behind the scheme") }

        var user: String?
        var password: String?
        // A password may hold an unescaped '@': the last one in front of a path ends the credentials.
        let authorityEnd = scheme == "unix" ? rest.firstIndex(of: "/") ?? rest.endIndex : rest.endIndex
        if hasAuthority, let at = rest[..<authorityEnd].lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = Self.percentDecoded(parts[0]),
                let second = Self.percentDecoded(parts.count > 1 ? parts[1] : "")
            else { throw failure("user or password have a bad percent escape") }
            user = first.isEmpty ? nil : first
            password = second
            rest = rest[rest.index(after: at)...]
        }
        self.user = user
        self.password = password

        if scheme == "unix" {
            let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            guard let path = Self.percentDecoded(parts[0]), path.hasPrefix("/"), path.utf8.count < 108,
                !path.utf8.contains(0)
            else { throw failure("a socket's path begins with / and has at most 107 bytes") }
            places = [.unix(path: path)]
            isCluster = false
            if parts.count == 1 {
                database = 0
            } else if parts[1].hasPrefix("db="), let number = Self.database(parts[1].dropFirst(3)) {
                database = number
            } else {
                throw failure("behind '?' stands db= and the number of a database")
            }
            return
        }
        var hosts = rest
        var database = 0
        if let slash = rest.firstIndex(of: "/") {
            hosts = rest[..<slash]
            let text = rest[rest.index(after: slash)...]
            guard let number = text.isEmpty ? 0 : Self.database(text) else {
                throw failure("a database is a number from 0 to \(Self.maxDatabase)")
            }
            database = number
        }
        isCluster = scheme == "redis-cluster"
        if isCluster, database != 0 { throw failure("a cluster has database 0 alone") }
        let texts = isCluster ? hosts.split(separator: ",", omittingEmptySubsequences: false) : [hosts]
        var places: [RedisPlace] = []
        for text in texts {
            guard let place = Self.place(text) else { throw failure("'\(text.prefix(80))' is no host and port") }
            places.append(place)
        }
        self.places = places
        self.database = database
    }

    /// `HOST`, `HOST:PORT`, `[IPV6]:PORT`.
    package static func place(_ text: Substring) -> RedisPlace? {
        var host = text
        var port: UInt16? = standardPort
        if text.hasPrefix("["), let close = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<close]
            let behind = text[text.index(after: close)...]
            if behind.hasPrefix(":") { port = UInt16(behind.dropFirst()) } else if !behind.isEmpty { return nil }
            guard host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." || $0 == "%" }) else { return nil }
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            port = UInt16(text[text.index(after: colon)...])
            guard !host.contains(":") else { return nil }
        }
        let isName = host.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"/?#@,\"\\".utf8.contains($0) }
        guard let port, port > 0, !host.isEmpty, host.utf8.count <= 255, isName else { return nil }
        return .tcp(host: String(host), port: port)
    }

    private static func database(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text), number <= maxDatabase else {
            return nil
        }
        return number
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let pair = String(rest.prefix(2)), let value = UInt8(pair, radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension RedisLocation: CustomStringConvertible {
    /// Without user and password.
    package var description: String {
        let list = places.map(\.description).joined(separator: ",")
        if isCluster { return "redis-cluster://\(list)" }
        if case .unix = places[0] { return database == 0 ? list : "\(list)?db=\(database)" }
        return database == 0 ? "redis://\(list)" : "redis://\(list)/\(database)"
    }
}
