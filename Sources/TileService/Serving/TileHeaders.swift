// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
package import TileModel
import TilePipeline

/// The header block that each tile carries in memory: from its ETag to the blank line.
///
/// The lines that other answers of the same tile need differently stand first and at places that can be told without a
/// search: ETag (26 bytes), Last-Modified where the tile lies in a file of its own (46 bytes), Vary where its body has a
/// coding, or had one (23 bytes), Content-Length. So a
/// conditional request compares 18 bytes, a 304 sends the first lines, and a part replaces the third.
/// What differs from answer to answer (status, Date, Cache-Status, Cache-Control) is not in it.
package struct TileHeaders: TileHeaderWriting {
    /// The fields that every tile of the service has: cross-origin rules, each line with its CR LF.
    private let common: [UInt8]

    package init(crossOrigin: CrossOriginRules?) {
        common = Array(
            ("Accept-Ranges: bytes\r\n" + (crossOrigin?.commonLines ?? "") + "X-Content-Type-Options: nosniff\r\n").utf8
        )
    }

    /// Where the line of the entity tag stands in the block, CR LF included, and the tag in it, quotes included.
    static let entityTagLine = 0..<26
    static let entityTag = 6..<24
    /// Where the line of the time stands, if it is there, and the time in it.
    static let lastModifiedLine = 26..<72
    static let lastModified = 41..<70

    /// The line that a body which is sent compressed to some and inflated to others has behind its validators.
    static let varyLine = "Vary: Accept-Encoding\r\n"

    /// The line of the tag.
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
        modified: Int?,
        isGzip: Bool,
        to block: inout [UInt8]
    ) {
        Self.appendEntityTagLine(entityTag, to: &block)
        if let modified { block += "Last-Modified: \(HTTPDate.text(modified))\r\n".utf8 }
        // Both forms of what is sent compressed to some and inflated to others, and nothing else.
        if isGzip || key.variant?.isInflated == true { block += Self.varyLine.utf8 }
        block += "Content-Length: ".utf8
        block += String(byteCount).utf8
        block += "\r\nContent-Type: ".utf8
        block += format.mediaType.description.utf8
        block += "\r\n".utf8
        if isGzip { block += "Content-Encoding: gzip\r\n".utf8 }
        block += common
        block += "\r\n".utf8
    }
}
