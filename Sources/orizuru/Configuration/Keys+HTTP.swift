// SPDX-License-Identifier: Apache-2.0

import JSONText

/// What clients are told, and how long they may take.
extension ServeConfiguration.Keys {
    static let maxAge = ConfigurationKey(
        "http.maxAge",
        .duration(.zero...(.seconds(365 * 86_400))),
        standard: .string("1h"),
        group: http,
        help: """
            How long browsers and proxies may keep a tile without asking again (Cache-Control: max-age). URLs that \
            carry the version of their tileset may be kept for ever, whatever stands here.
            """
    )
    static let staleWhileRevalidate = ConfigurationKey(
        "http.staleWhileRevalidate",
        SettingKind.duration(.seconds(1)...(.seconds(365 * 86_400))).orNone("off"),
        standard: .string("1d"),
        group: http,
        help: "How long after maxAge browsers may show the old tile while they fetch the new one."
    )
    static let staleIfError = ConfigurationKey(
        "http.staleIfError",
        SettingKind.duration(.seconds(1)...(.seconds(365 * 86_400))).orNone("off"),
        standard: .string("off"),
        group: http,
        help: "How long after maxAge browsers and proxies may show the old tile while this server cannot be asked."
    )
    static let cacheControl = ConfigurationKey(
        "http.cacheControl",
        SettingKind.cacheRules.orNone("off"),
        standard: .string("off"),
        group: http,
        help: "Cache-Control of single tilesets, by id, in place of the three keys above."
    )
    static let corsOrigin = ConfigurationKey(
        "http.corsOrigin",
        SettingKind.origins.orNone("off"),
        standard: .string("*"),
        group: http,
        help: """
            Which web pages of other origins may read tiles (Access-Control-Allow-Origin). Of several, each is told \
            its own name, and answers vary by Origin. off: none.
            """
    )
    static let trustedProxies = ConfigurationKey(
        "http.trustedProxies",
        SettingKind.trustedProxies.orNone("off"),
        standard: .string("off"),
        group: http,
        help: """
            Whose X-Forwarded-For, -Proto and -Host are believed, for the access log and for URLs in documents. \
            Name your own proxies only.
            """
    )
    static let headerBytes = ConfigurationKey(
        "http.headerBytes",
        .bytes(.kibibytes(1)...(.kibibytes(63))),
        standard: .string("16KiB"),
        group: http,
        help: "The longest request line and headers together that are read; beyond it, 431."
    )
    static let targetBytes = ConfigurationKey(
        "http.targetBytes",
        .bytes(.kibibytes(1)...(.kibibytes(62))),
        standard: .string("8KiB"),
        group: http,
        help: "The longest path and query of a request that are read; beyond it, 414."
    )
    static let connections = ConfigurationKey(
        "http.connections",
        .count(1...1_000_000, of: "connections"),
        standard: .integer(10_000),
        group: http,
        help: "How many connections may be open; more are refused. Mind the limit of open files (ulimit -n)."
    )
    static let connectionsPerAddress = ConfigurationKey(
        "http.connectionsPerAddress",
        SettingKind.count(1...1_000_000, of: "connections").orNone("off"),
        standard: .string("off"),
        group: http,
        help: """
            How many of them one address may hold. off: no limit, which suits a server behind a proxy or a class \
            behind one router.
            """
    )
    static let requestsPerConnection = ConfigurationKey(
        "http.requestsPerConnection",
        SettingKind.count(1...1_000_000_000, of: "requests").orNone("off"),
        standard: .integer(100_000),
        group: http,
        help: "After how many requests a connection is closed. off: never."
    )
    static let headerTimeout = ConfigurationKey(
        "http.headerTimeout",
        .duration(.milliseconds(100)...(.seconds(600))),
        standard: .string("10s"),
        group: http,
        help: "How long a request may take to arrive, from its first byte to the end of its headers."
    )
    static let idleTimeout = ConfigurationKey(
        "http.idleTimeout",
        .duration(.milliseconds(100)...(.seconds(86_400))),
        standard: .string("75s"),
        group: http,
        help:
            "How long a connection may rest between requests. People dwell: more than a minute saves new connections."
    )
    static let writeRate = ConfigurationKey(
        "http.writeRate",
        .bytes(.kibibytes(0)...(.gibibytes(1))),
        standard: .string("1KiB"),
        group: http,
        help: "The slowest reading, in bytes per second, that a client may show before it is cut off. 0: no limit."
    )
    static let drainTimeout = ConfigurationKey(
        "http.drainTimeout",
        .duration(.zero...(.seconds(3600))),
        standard: .string("10s"),
        group: http,
        help: "On SIGTERM: how long requests that have begun may take to finish."
    )
}
