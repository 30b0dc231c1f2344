// SPDX-License-Identifier: Apache-2.0

import TileModel

/// The field lines of a tile's answer that are not stored with the tile: where it came from, and how long it may be
/// kept. Written once for all combinations of one tileset, side by side in one array.
///
/// Cache-Status as in RFC 9211, Cache-Control as in RFC 9111, Server-Timing as in W3C Server Timing.
struct AnswerLines: Sendable {
    private let text: [UInt8]
    private let ranges: [Range<Int>]

    init(_ policy: CachePolicy) {
        var text: [UInt8] = []
        var ranges: [Range<Int>] = []
        for tier in TileTier.allCases {
            for isVersioned in [false, true] {
                let start = text.count
                text += "Cache-Status: \(Self.cacheStatus(tier))\r\n".utf8
                text += "Cache-Control: \(policy.directives(isVersioned: isVersioned))\r\n".utf8
                // What is not in memory takes a time that is worth telling: that line is written with the answer.
                if tier.rawValue <= TileTier.warm.rawValue {
                    text += "Server-Timing: tile;desc=\(tier.label);dur=0\r\n".utf8
                }
                ranges.append(start..<text.count)
            }
        }
        self.text = text
        self.ranges = ranges
    }

    /// Gives the lines of an answer from a tier to `body`, borrowed; `isVersioned` where the URL names the version.
    @inline(__always)
    func with(_ tier: TileTier, isVersioned: Bool, _ body: (UnsafeRawBufferPointer) -> Void) {
        let range = ranges[Int(tier.rawValue) * 2 + (isVersioned ? 1 : 0)]
        // SAFETY: the array's own bytes, for the length of the call; the range was made of its count.
        unsafe text.withUnsafeBytes { unsafe body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    private static func cacheStatus(_ tier: TileTier) -> String {
        switch tier {
        case .hot, .warm, .disk, .shared: "orizuru; hit; detail=\(tier.label)"
        case .render: "orizuru; fwd=miss; detail=render"
        case .none: "orizuru; fwd=bypass"
        }
    }
}
