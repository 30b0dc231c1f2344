// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// The size of an image by its header alone: what a folder of tiles is asked for its tile size.
///
/// Pure, bounds-checked, linear in the bytes given; 64 KiB of a file's beginning are enough unless a JPEG carries
/// more than that in front of its frame header. Sources: PNG (RFC 2083, 4.1.1), JPEG (ITU-T T.81, B.2.2),
/// WebP (RFC 9649, 2.5 to 2.7), AVIF (ISO/IEC 23008-12, 6.5.3: the property `ispe`).
package struct ImageHeader: Hashable, Sendable {
    package let format: TileFormat
    package let size: GridSize

    /// Nil where the bytes are none of ours, are cut short, or declare a size of zero.
    package init?(_ bytes: some RandomAccessCollection<UInt8>) {
        guard let format = TileFormat(sniffing: bytes) else { return nil }
        let reader = ByteReader(Array(bytes.prefix(1 << 20)))
        let size: GridSize? =
            switch format {
            case .png: Self.pngSize(reader)
            case .jpeg: Self.jpegSize(reader)
            case .webp: Self.webpSize(reader)
            case .avif: Self.avifSize(reader)
            case .mvt, .mlt: nil
            }
        guard let size, size.width > 0, size.height > 0 else { return nil }
        self.format = format
        self.size = size
    }

    private static func pngSize(_ reader: ByteReader) -> GridSize? {
        guard reader.matches("IHDR", at: 12), let width = reader.big32(16), let height = reader.big32(20) else {
            return nil
        }
        return GridSize(width: width, height: height)
    }

    private static func jpegSize(_ reader: ByteReader) -> GridSize? {
        var position = 2
        while let marker = reader[position + 1], reader[position] == 0xFF {
            if marker == 0xFF {  // A fill byte.
                position += 1
                continue
            }
            let isFrame = (0xC0...0xCF).contains(marker) && ![0xC4, 0xC8, 0xCC].contains(marker)
            if isFrame {
                guard let height = reader.big16(position + 5), let width = reader.big16(position + 7) else {
                    return nil
                }
                return GridSize(width: width, height: height)
            }
            guard marker != 0xD9, marker != 0xDA, let length = reader.big16(position + 2), length >= 2 else {
                return nil
            }
            position += 2 + length
        }
        return nil
    }

    private static func webpSize(_ reader: ByteReader) -> GridSize? {
        if reader.matches("VP8 ", at: 12), let width = reader.little16(26), let height = reader.little16(28) {
            return GridSize(width: width & 0x3FFF, height: height & 0x3FFF)
        }
        if reader.matches("VP8L", at: 12), reader[20] == 0x2F, let low = reader.little16(21),
            let high = reader.little16(23)
        {
            let bits = low | high << 16
            return GridSize(width: (bits & 0x3FFF) + 1, height: (bits >> 14 & 0x3FFF) + 1)
        }
        if reader.matches("VP8X", at: 12), let width = reader.little24(24), let height = reader.little24(27) {
            return GridSize(width: width + 1, height: height + 1)
        }
        return nil
    }

    /// The first spatial extent: of a picture in one piece, its size; of one in a grid, the grid's, which is written
    /// first by the encoders there are.
    private static func avifSize(_ reader: ByteReader) -> GridSize? {
        guard let place = reader.firstIndex(of: "ispe", before: 1 << 12), let width = reader.big32(place + 8),
            let height = reader.big32(place + 12)
        else { return nil }
        return GridSize(width: width, height: height)
    }
}

/// Bytes that answer nil outside their bounds.
private struct ByteReader {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    subscript(index: Int) -> UInt8? { bytes.indices.contains(index) ? bytes[index] : nil }

    func big16(_ index: Int) -> Int? {
        guard let high = self[index], let low = self[index + 1] else { return nil }
        return Int(high) << 8 | Int(low)
    }

    func big32(_ index: Int) -> Int? {
        guard let high = big16(index), let low = big16(index + 2) else { return nil }
        return high << 16 | low
    }

    func little16(_ index: Int) -> Int? { big16(index).map { ($0 & 0xFF) << 8 | $0 >> 8 } }

    func little24(_ index: Int) -> Int? {
        guard let low = little16(index), let high = self[index + 2] else { return nil }
        return low | Int(high) << 16
    }

    /// Where `text` stands first.
    func firstIndex(of text: StaticString, before end: Int) -> Int? {
        (0..<min(end, bytes.count)).first { matches(text, at: $0) }
    }

    func matches(_ text: StaticString, at index: Int) -> Bool {
        guard index + text.utf8CodeUnitCount <= bytes.count else { return false }
        return bytes[index..<index + text.utf8CodeUnitCount].elementsEqual(text.description.utf8)
    }
}
