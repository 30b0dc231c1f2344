// SPDX-License-Identifier: Apache-2.0

/// What a pre-warm client and a server say to each other beyond plain HTTP: the one place for both.
package enum PrewarmProtocol {
    /// The request header that marks pre-warm traffic: served at the lowest priority, and not counted as use.
    package static let header: StaticString = "X-Orizuru-Prewarm"

    /// The first word of its value: answer a GET of a family's parent when the whole family is stored, with the parent's tile. For
    /// a tile that belongs to no rendered family it means that tile alone.
    package static let familyValue: StaticString = "family"

    /// The value of the header for a request: how many levels from the tile's own on are to be warm. Servers that know
    /// groups of stored tiles say so in their catalog (`warmLevels`); others are asked for families and single tiles.
    package static func value(levels: Int) -> String { "\(familyValue); levels=\(levels)" }

    /// Reads the header's value: `family` alone means three levels. Nil where it is neither.
    package static func levels(of value: String) -> Int? {
        let parts = value.split(separator: ";", omittingEmptySubsequences: false).map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        guard parts.first == "\(familyValue)" else { return nil }
        switch parts.count {
        case 1: return 3
        case 2:
            guard parts[1].hasPrefix("levels="), let levels = Int(parts[1].dropFirst(7)), (1...3).contains(levels)
            else { return nil }
            return levels
        default: return nil
        }
    }

    /// The answer's header that says where a tile came from (RFC 9211): `orizuru; hit; detail=hot`.
    package static let cacheStatusHeader: StaticString = "Cache-Status"
}

/// Where an answer came from, as its `Cache-Status` says.
package enum CacheOutcome: Equatable, Sendable {
    case hit
    case miss

    /// Reads `orizuru; hit; detail=hot` and `orizuru; fwd=miss`: the member of the list whose name is `orizuru`, the
    /// last one where a server stands behind another. Nil where there is none, or it says neither. (RFC 9211.)
    package init?(cacheStatus: String) {
        var found: CacheOutcome?
        for member in cacheStatus.split(separator: ",") {
            let parts = member.split(separator: ";").map { part in
                String(part.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
            }
            guard parts.first == "orizuru" || parts.first == "\"orizuru\"" else { continue }
            if parts.contains("hit") || parts.contains("hit=?1") {
                found = .hit
            } else if parts.contains(where: { $0.hasPrefix("fwd=") }) {
                found = .miss
            }
        }
        guard let found else { return nil }
        self = found
    }
}
