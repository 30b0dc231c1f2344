// SPDX-License-Identifier: Apache-2.0

/// How long clients and proxies may keep the tiles of a tileset: what becomes its Cache-Control (RFC 9111, RFC 5861,
/// RFC 8246).
package struct CachePolicy: Sendable, Hashable {
    /// Whether proxies that many people share may keep tiles, too.
    package var isPublic = true
    /// Whether anybody may keep them at all.
    package var isStored = true
    /// Seconds without asking; 0: ask each time.
    package var maxAge = 3600
    /// Whether tiles never change while they are fresh, also without a version in their URL.
    package var isImmutable = false
    /// Seconds beyond `maxAge` during which the old tile may be shown while the new one is fetched.
    package var staleWhileRevalidate: Int? = 86_400
    /// Seconds beyond `maxAge` during which the old tile may be shown where the server cannot be asked.
    package var staleIfError: Int?

    package init() {}

    /// A year, the longest that is of use.
    private static let forEver = 31_536_000

    /// The value of Cache-Control. `isVersioned`: the URL names the tileset's version, so its tiles never change.
    func directives(isVersioned: Bool) -> String {
        guard isStored else { return "no-store" }
        let scope = isPublic ? "public" : "private"
        if isVersioned { return "\(scope), max-age=\(Self.forEver), immutable" }
        var text = maxAge > 0 ? "\(scope), max-age=\(maxAge)" : isPublic ? "no-cache" : "private, no-cache"
        if isImmutable && maxAge > 0 { text += ", immutable" }
        if let staleWhileRevalidate, maxAge > 0 { text += ", stale-while-revalidate=\(staleWhileRevalidate)" }
        if let staleIfError { text += ", stale-if-error=\(staleIfError)" }
        return text
    }
}

/// The cache policies of all tilesets.
package struct CachePolicies: Sendable, Hashable {
    /// Of tilesets that have none of their own.
    package var standard = CachePolicy()
    /// By the tilesets' ids. An id that is not served is harmless: it may come with the next reload.
    package var byTileset: [String: CachePolicy] = [:]

    package init() {}

    subscript(tileset: String) -> CachePolicy { byTileset[tileset] ?? standard }
}
