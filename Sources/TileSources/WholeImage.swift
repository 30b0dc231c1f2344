// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TileModel

extension TileBuffer {
    /// Whether a stored tile is all there, so that no viewer is sent half of one.
    ///
    /// Looked at is the end: JPEG's end marker, PNG's last chunk, WebP's length. Some writers put bytes behind it: a
    /// JPEG or PNG whose end is not found there is decoded, which takes long, and decides.
    func isWhole(_ format: TileFormat) -> Bool {
        let tail = suffix(64)
        switch format {
        case .jpeg:
            if tail.count >= 2, zip(tail, tail.dropFirst()).contains(where: { $0 == (0xFF, 0xD9) }) { return true }
            return isPlausible && (try? JPEGDecoder().decodeRaster(bytes)) != nil
        case .png:
            if tail.count >= 8, tail.suffix(8).starts(with: Array("IEND".utf8)) { return true }
            return isPlausible && (try? PNGCodec.decode(bytes)) != nil
        case .webp:
            // "RIFF", the length of all that follows, "WEBP" (RFC 9649, 2.3 and 2.4).
            let head = prefix(12)
            guard head.count == 12 else { return false }
            return head[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) } + 8 <= count
        case .avif, .mvt, .mlt:
            // Nothing at their end tells.
            return count > 0
        }
    }

    /// Whether so few bytes can hold the pixels that they declare, before decoding takes memory for them. Of one byte
    /// deflate makes 1032 at most, and a byte of a PNG is eight pixels at most; a JPEG has fewer.
    var isPlausible: Bool { ImageHeader(prefix(1 << 20)).map { $0.size.area / (8 * 1032) <= count } ?? false }
}
