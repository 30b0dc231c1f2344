// SPDX-License-Identifier: Apache-2.0

import TileModel

/// The field lines of a tile's answer that are not stored with the tile: where it came from, and how long it may be
/// kept. Written once for all combinations.
///
/// Cache-Status as in RFC 9211; Cache-Control as in RFC 9111 and RFC 8246.
struct AnswerLines: Sendable {
    private let lines: [[UInt8]]

    /// - Parameter maxAge: seconds that a client may use a tile without asking; versioned URLs for a year.
    init(maxAge: Int) {
        let lifetimes = [
            maxAge > 0 ? "public, max-age=\(maxAge), stale-while-revalidate=86400" : "no-cache",
            "public, max-age=31536000, immutable",
        ]
        lines = TileTier.allCases.flatMap { tier in
            lifetimes.map { lifetime in
                Array("Cache-Status: \(Self.cacheStatus(tier))\r\nCache-Control: \(lifetime)\r\n".utf8)
            }
        }
    }

    /// The lines for an answer from a tier; `isVersioned` where the URL names the tileset's version.
    subscript(tier: TileTier, isVersioned isVersioned: Bool) -> [UInt8] {
        lines[Int(tier.rawValue) * 2 + (isVersioned ? 1 : 0)]
    }

    private static func cacheStatus(_ tier: TileTier) -> String {
        switch tier {
        case .hot, .warm, .disk, .shared: "orizuru; hit; detail=\(tier.label)"
        case .render: "orizuru; fwd=miss; detail=render"
        case .none: "orizuru; fwd=bypass"
        }
    }
}
