// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import TileModel
import TilePipeline

extension OpenTileset {
    /// What a tile is sent as to who asks without an extension: the format that the Accept field likes best of those that
    /// can be made, the tileset's own where it likes several alike, likes none, or is absent.
    func format(accepting field: UnsafeRawBufferPointer?) -> TileFormat {
        guard let field = unsafe field else { return format }
        var best = (format: format, quality: unsafe AcceptField.quality(of: format.mediaType, in: field))
        for other in TileFormat.allCases where other != format && canMake(other) {
            let quality = unsafe AcceptField.quality(of: other.mediaType, in: field)
            if quality > best.quality { best = (other, quality) }
        }
        return best.format
    }
}
