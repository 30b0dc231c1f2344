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
    private let block: UnsafeMutableRawPointer

    /// All three of one block of the cache.
    init(headers: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, block: UnsafeMutableRawPointer) {
        unsafe self.headers = unsafe headers
        unsafe self.body = unsafe body
        unsafe self.block = unsafe block
    }

    /// Keeps the block where a client takes it slowly.
    var owner: BodyOwner {
        unsafe BodyOwner(object: block, retain: PinnedTile.retain, release: PinnedTile.release)
    }

    /// `ETag: "..."` with its CR LF.
    var entityTagLine: UnsafeRawBufferPointer {
        // SAFETY: every block that the service stores begins with this line.
        unsafe UnsafeRawBufferPointer(rebasing: headers[TileHeaders.entityTagLine])
    }

    /// Whether the tile follows from its tileset's version alone (`OpenTileset.entityTag`): the last digit is even.
    var isOfVersion: Bool {
        // SAFETY: as above; the last byte of the tag is the closing quote.
        let digit = unsafe headers[TileHeaders.entityTag.upperBound - 2]
        // '0'...'9' and 'a'...'f': the letters' codes are odd where their values are even.
        return (digit < 0x3A ? digit : digit + 1) & 1 == 0
    }

    /// Whether the value of an If-None-Match field names the tile's tag.
    func isListed(in list: UnsafeRawBufferPointer) -> Bool {
        unsafe EntityTag.isListed(UnsafeRawBufferPointer(rebasing: headers[TileHeaders.entityTag]), in: list)
    }

    /// The same for a value that was kept.
    func isListed(in list: [UInt8]) -> Bool { unsafe list.withUnsafeBytes { unsafe isListed(in: $0) } }
}
