// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TileModel

extension JPEGEncoder {
    /// The JPEG of a tile that is stored as such.
    func encode(_ image: RasterImage, as tile: TileCoordinate, quality: BuildQuality) throws(BuildError) -> [UInt8] {
        do {
            return try encodeRaster(image, quality: quality.tiles, subsampling: quality.subsampling)
        } catch {
            throw .notEncoded(tile, reason: error.description)
        }
    }
}
