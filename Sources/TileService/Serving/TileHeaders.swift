// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
package import TileModel
import TilePipeline

/// The header block that each tile carries in memory: from its ETag to the blank line.
///
/// The ETag comes first, at a fixed place, so that a conditional request compares 18 bytes and searches nothing.
/// What differs from answer to answer (status, Date, Cache-Status, Cache-Control) is not in it.
package struct TileHeaders: TileHeaderWriting {
    /// The fields that every tile of the service has: cross-origin rules, each line with its CR LF.
    private let common: [UInt8]

    package init(crossOrigin: CrossOriginRules?) {
        common = Array(((crossOrigin?.lines ?? "") + "X-Content-Type-Options: nosniff\r\n").utf8)
    }

    /// Where the line of the entity tag stands in the block, CR LF included, and the tag in it, quotes included.
    static let entityTagLine = 0..<26
    static let entityTag = 6..<24

    /// That line.
    static func appendEntityTagLine(_ tag: UInt64, to block: inout [UInt8]) {
        block += "ETag: ".utf8
        EntityTagText.append(tag, to: &block)
        block += "\r\n".utf8
    }

    package func appendHeaders(
        of key: TileKey,
        entityTag: UInt64,
        format: TileFormat,
        byteCount: Int,
        to block: inout [UInt8]
    ) {
        Self.appendEntityTagLine(entityTag, to: &block)
        block += "Content-Type: ".utf8
        block += format.mediaType.description.utf8
        block += "\r\nContent-Length: ".utf8
        block += String(byteCount).utf8
        block += "\r\n".utf8
        block += common
        block += "\r\n".utf8
    }
}

/// An entity tag as it stands in a field: 16 hexadecimal digits in quotes (RFC 9110, 8.8.3; strong).
enum EntityTagText {
    static func append(_ tag: UInt64, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for shift in stride(from: 60, through: 0, by: -4) { bytes.append(digit(tag >> UInt64(shift))) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Whether the value of an If-None-Match field names the tag.
    static func isListed(_ tag: UInt64, in list: [UInt8]) -> Bool {
        var text: [UInt8] = []
        append(tag, to: &text)
        return isListed(text, in: list)
    }

    /// The same for a tag in quotes.
    static func isListed(_ text: [UInt8], in list: [UInt8]) -> Bool {
        // SAFETY: both arrays are alive and unchanged for the call.
        unsafe text.withUnsafeBytes { tag in unsafe list.withUnsafeBytes { unsafe EntityTag.isListed(tag, in: $0) } }
    }

    private static func digit(_ value: UInt64) -> UInt8 {
        let nibble = UInt8(value & 0xF)
        return nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10
    }
}

/// Which pages of other origins may read answers (the Fetch standard's CORS protocol).
package struct CrossOriginRules: Sendable, Hashable {
    /// The value of Access-Control-Allow-Origin: `*` or one origin.
    package let allowedOrigin: String

    /// Nil where the text could not stand in a field.
    package init?(allowedOrigin: String) {
        guard !allowedOrigin.isEmpty, allowedOrigin.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        self.allowedOrigin = allowedOrigin
    }

    /// Any page may read.
    package static let open = CrossOriginRules(unchecked: "*")

    private init(unchecked: String) { allowedOrigin = unchecked }

    /// The fields of every answer.
    var fields: [(StaticString, String)] {
        [
            ("Access-Control-Allow-Origin", allowedOrigin),
            ("Access-Control-Expose-Headers", "Cache-Status, ETag"),
            ("Timing-Allow-Origin", allowedOrigin),
        ]
    }

    /// The same as lines.
    var lines: String { fields.map { "\($0): \($1)\r\n" }.joined() }

    /// The further lines of the answer to a preflight.
    var preflightLines: String {
        """
        Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r
        Access-Control-Allow-Headers: *\r
        Access-Control-Max-Age: 86400\r

        """
    }
}
