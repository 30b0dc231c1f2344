// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TileModel

/// Valid inputs, made by the package's own writers: small, so that the fuzzer is quick.
enum Seeds {
    /// 72 x 70 pixels in tiles of 16: two by two families, those at the edges partial.
    static let pyramid: Pyramid = {
        guard let pyramid = Pyramid(deepZoom: GridSize(width: 72, height: 70), tileSize: 16, overlap: 0) else {
            preconditionFailure("the pyramid of the seeds")
        }
        return pyramid
    }()

    private static let parentLevel = pyramid.maxLevel - 2
    static let wholeFamily = Family(parent: TileCoordinate(level: parentLevel, x: 0, y: 0), in: pyramid)
    static let cornerFamily = Family(parent: TileCoordinate(level: parentLevel, x: 1, y: 1), in: pyramid)

    static func picture(_ size: GridSize, channels: Int = 3) -> RasterImage {
        var pixels: [UInt8] = []
        for y in 0..<size.height {
            for x in 0..<size.width {
                for channel in 0..<channels { pixels.append(UInt8((x * 7 + y * 3 + channel * 60 + x * y / 9) & 0xFF)) }
            }
        }
        return RasterImage(width: size.width, height: size.height, channels: channels, pixels: pixels)
    }

    static func jpeg(_ subsampling: ChromaSubsampling) -> [UInt8] {
        encoded(picture(GridSize(width: 17, height: 13)), subsampling)
    }

    static var grayJPEG: [UInt8] { encoded(picture(GridSize(width: 16, height: 16), channels: 1), .gray) }

    static var png: [UInt8] { (try? PNGCodec.encode(picture(GridSize(width: 19, height: 11), channels: 4))) ?? [] }

    static var palettePNG: [UInt8] {
        let flat = RasterImage(width: 9, height: 9, filledWith: [200, 180, 90])
        return (try? PNGCodec.encode(flat, content: .flat)) ?? []
    }

    private static func encoded(_ image: RasterImage, _ subsampling: ChromaSubsampling) -> [UInt8] {
        (try? JPEGEncoder().encodeRaster(image, quality: 80, subsampling: subsampling)) ?? []
    }

    private static func residuals(of family: Family) -> (parent: [UInt8], residuals: [(member: Int, jpeg: [UInt8])]) {
        func size(_ depth: Int) -> GridSize { ResidualEncoder.size(of: family, in: pyramid, depth: depth) }
        let parent = encoded(picture(size(0)), .full)
        let residuals = try? ResidualEncoder().encode(
            family: family,
            pyramid: pyramid,
            parent: parent,
            children: picture(size(1)),
            grandchildren: picture(size(2))
        )
        return (parent, residuals?.residuals ?? [])
    }

    static func pack(of family: Family) -> [UInt8] {
        var writer = ResidualPack.Writer()
        for residual in residuals(of: family).residuals { writer.add(member: residual.member, residual: residual.jpeg) }
        return (try? writer.file()) ?? []
    }

    /// A family as one input: for each part its member (+ 32 for a plain tile), two bytes of length, the bytes. One byte
    /// of padding makes the length even for a whole family and odd for the one at the corner.
    static func parts(of family: Family) -> [UInt8] {
        let (parent, residuals) = residuals(of: family)
        var bytes = part(0, parent)
        for residual in residuals {
            bytes += residual.member == 2 ? part(2 + 32, grayJPEG) : part(residual.member, residual.jpeg)
        }
        let isEven = bytes.count & 1 == 0
        return isEven == (family == wholeFamily) ? bytes : bytes + [255]
    }

    private static func part(_ member: Int, _ bytes: [UInt8]) -> [UInt8] {
        [UInt8(member), UInt8(bytes.count >> 8 & 0xFF), UInt8(bytes.count & 0xFF)] + bytes
    }

    /// Takes such an input apart, whatever its bytes are.
    static func forEachPart(of bytes: [UInt8], _ body: (_ member: Int, _ isPlain: Bool, _ part: [UInt8]) -> Void) {
        var at = 0
        while at + 3 <= bytes.count {
            let member = Int(bytes[at] & 31)
            let isPlain = bytes[at] & 32 != 0
            let length = min(Int(bytes[at + 1]) << 8 | Int(bytes[at + 2]), bytes.count - at - 3)
            if member < Family.memberCount { body(member, isPlain, Array(bytes[(at + 3)..<(at + 3 + length)])) }
            at += 3 + length
        }
    }
}
