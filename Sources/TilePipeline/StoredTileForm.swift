// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TileModel

/// The XYZ form of a stored tile: the overlap that it shares with its neighbours cut off, and what lies beyond the
/// image's edge filled, white in JPEG, transparent in PNG. Decodes and encodes again; only for tiles that need it.
///
/// One worker's: it keeps a decoder and an encoder.
final class StoredTileForm {
    private let decoder: JPEGDecoder
    private let encoder: JPEGEncoder
    private let padding: JPEGPadding

    init() {
        decoder = JPEGDecoder()
        encoder = JPEGEncoder()
        padding = JPEGPadding(decoder: decoder, encoder: encoder)
    }

    /// The bytes of `stored`, a tile of the Deep Zoom form, as a full-size tile of the same format.
    ///
    /// Throws where the stored tile is not as large as the pyramid says: cutting it would show the wrong place.
    func padded(
        _ stored: [UInt8],
        format: TileFormat,
        tile: TileCoordinate,
        pyramid: Pyramid,
        quality: Int
    ) throws(PipelineError) -> [UInt8] {
        // A tile that declares more than it should be is refused before it is given memory.
        let size = pyramid.rect(of: tile).size
        let limits = ImageLimits(maxWidth: size.width, maxHeight: size.height, maxPixels: size.area)
        switch format {
        case .jpeg where pyramid.overlap == 0:
            return try padInPlanes(stored, tile: tile, pyramid: pyramid, quality: quality)
        case .jpeg:
            let image = try Self.checked { () throws(CodecError) in try decoder.decodeRaster(stored, limits: limits) }
            let full = try Self.full(image, .white, tile: tile, pyramid: pyramid)
            return try Self.checked { () throws(CodecError) in
                try encoder.encodeRaster(full, quality: quality, subsampling: .quarter)
            }
        case .png:
            let image = try Self.checked { () throws(CodecError) in try PNGCodec.decode(stored, limits: limits) }
            let full = try Self.full(image.withAlpha(), .transparent, tile: tile, pyramid: pyramid)
            return try Self.checked { () throws(CodecError) in try PNGCodec.encode(full) }
        case .webp:
            throw .cannotDecode(tile, format)
        }
    }

    /// Without an overlap nothing is cut, so the tile need not become RGB.
    private func padInPlanes(
        _ stored: [UInt8],
        tile: TileCoordinate,
        pyramid: Pyramid,
        quality: Int
    ) throws(PipelineError) -> [UInt8] {
        // SAFETY: the array is alive and unchanged for the call; what comes back is copied before the encoder's next use.
        let result: Result<[UInt8], PipelineError> = unsafe stored.withUnsafeBytes { bytes in
            do throws(PipelineError) {
                let header = try Self.checked { () throws(CodecError) in try unsafe decoder.header(of: bytes) }
                let found = GridSize(width: header.width, height: header.height)
                let expected = pyramid.rect(of: tile).size
                guard found == expected else { throw .wrongSize(tile, found: found, expected: expected) }
                let side = pyramid.tileSize
                let padded = try Self.checked { () throws(CodecError) in
                    unsafe Array(try unsafe padding.pad(bytes, toWidth: side, height: side, quality: quality))
                }
                return .success(padded)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func full(
        _ stored: RasterImage,
        _ padding: RasterImage.Padding,
        tile: TileCoordinate,
        pyramid: Pyramid
    ) throws(PipelineError) -> RasterImage {
        let outer = pyramid.rect(of: tile)
        let inner = pyramid.rect(of: tile, overlapping: false)
        let found = GridSize(width: stored.width, height: stored.height)
        guard found == outer.size else { throw .wrongSize(tile, found: found, expected: outer.size) }
        return
            stored
            .cropped(x: inner.x - outer.x, y: inner.y - outer.y, width: inner.width, height: inner.height)
            .padded(toWidth: pyramid.tileSize, height: pyramid.tileSize, with: padding)
    }

    private static func checked<Result>(_ body: () throws(CodecError) -> Result) throws(PipelineError) -> Result {
        do {
            return try body()
        } catch {
            throw .codec(error)
        }
    }
}
