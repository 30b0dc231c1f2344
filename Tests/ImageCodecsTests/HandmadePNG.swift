// SPDX-License-Identifier: Apache-2.0

import ImageCodecs

/// Writes PNG files of every kind by hand, with stored (uncompressed) deflate blocks: kinds that our encoder never
/// writes, and broken ones. Source: PNG specification, second edition, sections 4 to 10.
enum HandmadePNG {
    /// A colour type and a bit depth, with or without a transparent colour.
    struct Kind: CustomStringConvertible {
        let colourType: UInt8
        let depth: Int
        let hasTransparency: Bool

        static let all: [Kind] = {
            let depths: [(UInt8, [Int])] = [
                (0, [1, 2, 4, 8, 16]), (2, [8, 16]), (3, [1, 2, 4, 8]), (4, [8, 16]), (6, [8, 16]),
            ]
            return depths.flatMap { type, depths in
                depths.flatMap { depth in
                    (type < 4 ? [false, true] : [false]).map {
                        Kind(colourType: type, depth: depth, hasTransparency: $0)
                    }
                }
            }
        }()

        var samples: Int { [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][colourType] ?? 1 }
        var description: String { "type \(colourType), \(depth) bits\(hasTransparency ? ", transparent" : "")" }
    }

    /// A picture of a kind, and what a decoder to 8 bits must make of it.
    static func picture(
        _ kind: Kind,
        width: Int,
        height: Int,
        interlaced: Bool
    ) -> (bytes: [UInt8], expected: RasterImage) {
        let maximum = (1 << kind.depth) - 1
        func sample(_ x: Int, _ y: Int, _ channel: Int) -> Int { (x * 37 + y * 101 + channel * 53) * 257 & maximum }
        func packedRow(_ columns: [Int], _ y: Int) -> [UInt8] {
            var bits: [UInt8] = [0]
            var accumulator = 0
            var filled = 0
            for x in columns {
                for channel in 0..<kind.samples {
                    accumulator = accumulator << kind.depth | sample(x, y, channel)
                    filled += kind.depth
                    while filled >= 8 {
                        bits.append(UInt8(accumulator >> (filled - 8) & 255))
                        filled -= 8
                    }
                    accumulator &= (1 << filled) - 1
                }
            }
            if filled > 0 { bits.append(UInt8(accumulator << (8 - filled) & 255)) }
            return bits
        }
        var rows: [UInt8] = []
        let passes =
            interlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)]
        for (x, y, stepX, stepY) in passes {
            let columns = Array(stride(from: x, to: width, by: stepX))
            if columns.isEmpty { continue }
            for row in stride(from: y, to: height, by: stepY) { rows += packedRow(columns, row) }
        }
        let keyed = (0..<kind.samples).map { sample(2, 1, $0) }
        let palette: [[UInt8]] = (0...min(maximum, 255)).map { (index: Int) -> [UInt8] in
            [UInt8(index), UInt8(255 - index), UInt8(index * 3 & 255), UInt8(index * 5 & 255)]
        }
        var extra: [UInt8] = []
        if kind.colourType == 3 {
            extra += chunk("PLTE", palette.flatMap { $0[..<3] })
            if kind.hasTransparency { extra += chunk("tRNS", palette.map { $0[3] }) }
        } else if kind.hasTransparency {
            extra += chunk("tRNS", keyed.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] })
        }
        func eightBits(_ value: Int) -> UInt8 { UInt8(kind.depth == 16 ? value >> 8 : value * 255 / maximum) }
        var pixels: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                let values = (0..<kind.samples).map { sample(x, y, $0) }
                let alpha: UInt8 = kind.hasTransparency && values == keyed ? 0 : 255
                switch kind.colourType {
                case 0:
                    let value = eightBits(values[0])
                    pixels += kind.hasTransparency ? [value, value, value, alpha] : [value]
                case 2: pixels += values.map(eightBits) + (kind.hasTransparency ? [alpha] : [])
                case 3: pixels += kind.hasTransparency ? palette[values[0]] : Array(palette[values[0]][..<3])
                case 4:
                    pixels += [eightBits(values[0]), eightBits(values[0]), eightBits(values[0]), eightBits(values[1])]
                default: pixels += values.map(eightBits)
                }
            }
        }
        let bytes = file(
            width: UInt32(width),
            height: UInt32(height),
            depth: UInt8(kind.depth),
            colourType: kind.colourType,
            interlaced: interlaced,
            extra: extra,
            rows: rows
        )
        let channels = pixels.count / (width * height)
        return (bytes, RasterImage(width: width, height: height, channels: channels, pixels: pixels))
    }

    /// A file with the given header, chunks and filtered rows.
    static func file(
        width: UInt32,
        height: UInt32,
        depth: UInt8,
        colourType: UInt8,
        interlaced: Bool = false,
        extra: [UInt8] = [],
        rows: [UInt8]
    ) -> [UInt8] {
        var bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        bytes += chunk("IHDR", big(width) + big(height) + [depth, colourType, 0, 0, interlaced ? 1 : 0])
        bytes += extra
        bytes += chunk("IDAT", stored(rows))
        bytes += chunk("IEND", [])
        return bytes
    }

    /// The same file with the checksum of every chunk that can be found set right.
    static func withChecksums(_ file: [UInt8]) -> [UInt8] {
        var bytes = file
        var at = 8
        while at + 12 <= bytes.count {
            let length = bytes[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) }
            let end = at + 8 + length
            if end + 4 > bytes.count { break }
            bytes.replaceSubrange(end..<(end + 4), with: big(checksum(Array(bytes[(at + 4)..<end]))))
            at = end + 4
        }
        return bytes
    }

    private static func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
        big(UInt32(body.count)) + Array(name.utf8) + body + big(checksum(Array(name.utf8) + body))
    }

    private static func big(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }

    /// A zlib stream of stored blocks.
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        var start = 0
        repeat {
            let end = min(start + 65535, bytes.count)
            let count = end - start
            stream += [end == bytes.count ? 1 : 0, UInt8(count & 255), UInt8(count >> 8)]
            stream += [UInt8(~count & 255), UInt8(~count >> 8 & 255)]
            stream += bytes[start..<end]
            start = end
        } while start < bytes.count
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            a = (a + UInt32(byte)) % 65521
            b = (b + a) % 65521
        }
        return stream + big(b << 16 | a)
    }

    /// CRC-32 as PNG's annex D has it.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }
}
