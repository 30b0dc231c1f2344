// SPDX-License-Identifier: Apache-2.0

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
