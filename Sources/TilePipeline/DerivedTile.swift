// SPDX-License-Identifier: Apache-2.0

import GZip
import ImageCodecs
import TileModel
import TileSources

/// Tiles that no source stores and no family renders: cut out of an ancestor below the last level, put together of four
/// finer ones (`@2x`), or inflated for a client that refuses gzip. Decodes and encodes anew; for cold paths.
///
/// One worker's: it keeps a decoder and an encoder.
final class DerivedTile {
    private let decoder = JPEGDecoder()
    private let encoder = JPEGEncoder()

    /// The picture that a tile's bytes show; they must have the size that the pyramid says.
    func decode(
        _ bytes: [UInt8],
        format: TileFormat,
        tile: TileCoordinate,
        expected: GridSize
    ) throws(PipelineError) -> RasterImage {
        let limits = ImageLimits(maxWidth: expected.width, maxHeight: expected.height, maxPixels: expected.area)
        let image: RasterImage
        do {
            switch format {
            case .jpeg: image = try decoder.decodeRaster(bytes, limits: limits)
            case .png: image = try PNGCodec.decode(bytes, limits: limits)
            case .webp, .avif, .mvt, .mlt: throw PipelineError.cannotDecode(tile, format)
            }
        } catch let error as CodecError {
            throw .codec(error)
        } catch {
            throw .cannotDecode(tile, format)
        }
        let found = GridSize(width: image.width, height: image.height)
        guard found == expected else { throw .wrongSize(tile, found: found, expected: expected) }
        return image
    }

    /// A picture as bytes of a format.
    func encode(
        _ image: RasterImage,
        as format: TileFormat,
        tile: TileCoordinate,
        quality: Int
    ) throws(PipelineError) -> [UInt8] {
        do {
            switch format {
            case .jpeg:
                return try encoder.encodeRaster(image.flattenedOverWhite(), quality: quality, subsampling: .quarter)
            case .png: return try PNGCodec.encode(image)
            case .webp, .avif, .mvt, .mlt: throw PipelineError.cannotDecode(tile, format)
            }
        } catch let error as CodecError {
            throw .codec(error)
        } catch {
            throw .cannotDecode(tile, format)
        }
    }

    /// The part of an ancestor, `steps` levels above, that covers `tile`, at the ancestor's size. The ancestor is square.
    static func cut(_ ancestor: RasterImage, for tile: TileCoordinate, steps: Int) -> RasterImage {
        let side = ancestor.width >> steps
        let mask = (1 << steps) - 1
        return ancestor.enlarged(x: (tile.x & mask) * side, y: (tile.y & mask) * side, side: side, steps: steps)
    }

    /// A tile at twice its pixels, of the four of the next level; those that are missing stay empty.
    static func joined(
        _ quarters: [(image: RasterImage, x: Int, y: Int)],
        size: GridSize,
        format: TileFormat
    ) -> RasterImage {
        // Of different channels (a gray tile beside a coloured one), all become RGBA; a JPEG is flattened when encoded.
        var result = RasterImage(
            width: size.width,
            height: size.height,
            filledWith: format == .jpeg ? [255, 255, 255, 255] : [0, 0, 0, 0]
        )
        for quarter in quarters { result.paste(quarter.image.withAlpha(), x: quarter.x, y: quarter.y) }
        return result
    }
}
