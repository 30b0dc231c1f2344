// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TileModel

/// A stored tile in another form than the one it is stored in: in the XYZ form, where the overlap that it shares with its
/// neighbours is cut off and what lies beyond the image's edge is filled, white in JPEG, transparent in PNG; and as another
/// format. Decodes and encodes again; only for tiles that need it.
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

    /// The formats that a tile stored in one can be asked for in: those that can be decoded here become any that can be
    /// encoded here, the others stay what they are.
    static func canMake(_ target: TileFormat, from stored: TileFormat) -> Bool {
        let known: [TileFormat] = [.jpeg, .png]
        return target == stored || (known.contains(target) && known.contains(stored))
    }

    /// The bytes of `stored`, a tile of the Deep Zoom form, as `target`; `padded`: in the XYZ form.
    ///
    /// What is laid over white in a JPEG is what is translucent in a PNG. Throws where the stored tile is not as large as the
    /// pyramid says and would have to be cut, and where its format cannot be decoded.
    func made(
        _ stored: [UInt8],
        format: TileFormat,
        as target: TileFormat,
        padded isPadded: Bool,
        tile: TileCoordinate,
        pyramid: Pyramid,
        quality: Int
    ) throws(PipelineError) -> [UInt8] {
        if target == format {
            guard isPadded else { return stored }
            return try padded(stored, format: format, tile: tile, pyramid: pyramid, quality: quality)
        }
        guard Self.canMake(target, from: format) else { throw .cannotDecode(tile, format) }
        let size = pyramid.rect(of: tile).size
        let limits = ImageLimits(maxWidth: size.width, maxHeight: size.height, maxPixels: size.area)
        var image = try Self.checked { () throws(CodecError) in
            format == .png
                ? try PNGCodec.decode(stored, limits: limits) : try decoder.decodeRaster(stored, limits: limits)
        }
        if isPadded {
            image = try Self.full(image, target == .png ? .transparent : .white, tile: tile, pyramid: pyramid)
        }
        let picture = image
        return try Self.checked { () throws(CodecError) in
            target == .png
                ? try PNGCodec.encode(picture, content: .photographic)
                : try encoder.encodeRaster(picture, quality: quality, subsampling: .quarter)
        }
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
        case .webp, .avif, .mvt, .mlt:
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
