// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer
import TileCache

/// A tile's block as a reactor sends it: borrowed, valid while the reactor is on-line or somebody holds a reference.
@safe
struct StoredTile {
    /// The stored header block, as `TileHeaders` writes it.
    let headers: UnsafeRawBufferPointer
    let body: UnsafeRawBufferPointer
    private let block: UnsafeMutableRawPointer?

    /// All three of one block of the cache; without a block, of a tile that somebody else keeps for the call.
    init(headers: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, block: UnsafeMutableRawPointer?) {
        unsafe self.headers = unsafe headers
        unsafe self.body = unsafe body
        unsafe self.block = unsafe block
    }

    /// Keeps the block where a client takes it slowly.
    var owner: BodyOwner? {
        unsafe block.map { unsafe BodyOwner(object: $0, retain: PinnedTile.retain, release: PinnedTile.release) }
    }

    // SAFETY: here and below, every block that the service stores begins with the lines of `TileHeaders`.

    /// The tag, quotes included.
    var entityTag: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: headers[TileHeaders.entityTag])
    }

    /// The time of the tile's file as it is sent; nil for a tile that is made.
    var lastModified: UnsafeRawBufferPointer? {
        guard hasTime else { return nil }
        return unsafe UnsafeRawBufferPointer(rebasing: headers[TileHeaders.lastModified])
    }

    /// Whether the tile follows from its tileset's version alone (`OpenTileset.entityTag`): the last digit is even.
    var isOfVersion: Bool { unsafe Self.isOfVersion(headers) }

    /// The same by a stored header block alone.
    static func isOfVersion(_ headers: UnsafeRawBufferPointer) -> Bool {
        // The last byte of the tag is the closing quote.
        let digit = unsafe headers[TileHeaders.entityTag.upperBound - 2]
        // '0'...'9' and 'a'...'f': the letters' codes are odd where their values are even.
        return (digit < 0x3A ? digit : digit + 1) & 1 == 0
    }

    /// The lines of ETag, Last-Modified and Vary, each with its CR LF: what a 304 repeats.
    var validatorLines: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: headers[..<validatorByteCount])
    }

    /// What follows the line of Content-Length, the blank line included.
    var linesBehindLength: UnsafeRawBufferPointer {
        var end = validatorByteCount
        while unsafe end < headers.count && headers[end] != UInt8(ascii: "\n") { end += 1 }
        return unsafe UnsafeRawBufferPointer(rebasing: headers[min(end + 1, headers.count)...])
    }

    private var hasTime: Bool { unsafe headers[TileHeaders.lastModifiedLine.lowerBound] == UInt8(ascii: "L") }

    private var validatorByteCount: Int {
        let end = hasTime ? TileHeaders.lastModifiedLine.upperBound : TileHeaders.entityTagLine.upperBound
        // Vary or Content-Length.
        return unsafe headers[end] == UInt8(ascii: "V") ? end + TileHeaders.varyLine.utf8.count : end
    }

    /// What the conditions of a request make of the tile.
    func outcome(of conditions: Preconditions, isGet: Bool) -> ConditionalOutcome {
        unsafe conditions.outcome(tag: entityTag, lastModified: lastModified, byteCount: body.count, isGet: isGet)
    }
}
