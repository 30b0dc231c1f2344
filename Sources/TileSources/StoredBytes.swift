// SPDX-License-Identifier: Apache-2.0

import GZip
package import TileModel

/// What the bytes of a stored tile are, whatever its archive or its name says.
package enum StoredBytes {
    /// Identifies what was read, and inflates pixels that were stored compressed. Geometry stays as it is stored: it is
    /// answered with its Content-Encoding.
    ///
    /// The buffer is empty where this throws.
    ///
    /// - Parameters:
    ///   - declared: what the tileset's tiles are said to be; taken for what shows no magic number.
    ///   - path: for messages.
    package static func identify(
        _ buffer: TileBuffer,
        declared: TileFormat,
        path: String
    ) throws(SourceError) -> TileFormat {
        do throws(SourceError) {
            guard buffer.count > 0 else { throw .damaged(path: path, reason: "a tile of zero bytes") }
            if declared.isRaster, GZip.isCompressed(buffer.prefix(3)) {
                buffer.replace(with: try inflated(buffer.bytes, path: path))
            }
            guard let format = buffer.sniffedFormat else {
                guard !declared.isRaster else {
                    throw .damaged(path: path, reason: "neither JPEG, PNG, WebP nor AVIF by its first bytes")
                }
                return declared
            }
            guard buffer.isWhole(format) else {
                throw .damaged(path: path, reason: "its end is missing, or it cannot be decoded")
            }
            return format
        } catch {
            buffer.clear()
            throw error
        }
    }

    /// Tile bytes without their gzip.
    package static func inflated(_ bytes: [UInt8], path: String) throws(SourceError) -> [UInt8] {
        do { return try GZip.inflate(bytes, limit: Limits.tileBytes) } catch {
            throw .damaged(path: path, reason: "\(error)")
        }
    }

    /// What a tileset's tiles are, by the first one of it.
    package struct Sample: Hashable, Sendable {
        package let format: TileFormat
        package let isCompressed: Bool
        /// Of pixels: how large a tile is.
        package let size: GridSize?
    }

    /// Looks at a tile of an archive.
    ///
    /// - Parameter declared: what the archive says; nil where it leaves that open.
    package static func sample(
        _ bytes: [UInt8],
        declared: TileFormat?,
        path: String
    ) throws(SourceError) -> Sample {
        let isCompressed = GZip.isCompressed(bytes)
        let plain = isCompressed ? try inflated(bytes, path: path) : bytes
        if let format = TileFormat(sniffing: plain) {
            guard let header = ImageHeader(plain) else {
                throw .damaged(path: path, reason: "its first tile has no readable image header")
            }
            return Sample(format: format, isCompressed: false, size: header.size)
        }
        guard let declared, !declared.isRaster else {
            let said = declared.map { "said to be \($0.fileExtensions[0])" } ?? "not said what they are"
            throw .malformed(path: path, reason: "its tiles are \(said), and the first one is no image")
        }
        return Sample(format: declared, isCompressed: isCompressed, size: nil)
    }

    /// The pyramid of a map whose first tile is known.
    package static func pyramid(
        of sample: Sample?,
        levels: ClosedRange<Int>,
        path: String
    ) throws(SourceError) -> Pyramid {
        // Vector tiles have no pixels: viewers draw them 512 pixels wide.
        let size = sample?.size ?? GridSize(width: vectorTileSize, height: vectorTileSize)
        guard size.width == size.height else {
            throw .unsupported(path: path, reason: "a map tile of \(size) pixels is not square")
        }
        guard let pyramid = Pyramid(mapTileSize: size.width, levels: levels) else {
            throw .unsupported(path: path, reason: "tiles of \(size) pixels at the levels \(levels) are too large")
        }
        return pyramid
    }

    static let vectorTileSize = 512
}
