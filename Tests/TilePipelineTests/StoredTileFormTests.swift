// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import Testing
import TileModel

@testable import TilePipeline

@Suite("The XYZ form of stored tiles")
struct StoredTileFormTests {
    private static let pictureSize = GridSize(width: 40, height: 35)
    private static let tileSize = 16
    private static let quality = 95

    /// A pixel of a known picture.
    private typealias Pixel = (_ x: Int, _ y: Int) -> [UInt8]

    /// Red tells the column, green the row.
    private static func coloured(_ x: Int, _ y: Int) -> [UInt8] { [UInt8(20 + 5 * x), UInt8(20 + 6 * y), 120] }

    /// Gray that tells the column, so steeply that a place missed by one pixel shows in a JPEG too, or the row.
    private static func columns(_ x: Int, _ y: Int) -> [UInt8] { [UInt8](repeating: UInt8(20 + 5 * x), count: 3) }
    private static func rows(_ x: Int, _ y: Int) -> [UInt8] { [UInt8](repeating: UInt8(20 + 5 * y), count: 3) }

    private static func picture(_ rect: PixelRect, _ pixel: Pixel = coloured) -> RasterImage {
        var pixels: [UInt8] = []
        for y in rect.y..<rect.y + rect.height {
            for x in rect.x..<rect.x + rect.width { pixels += pixel(x, y) }
        }
        return RasterImage(width: rect.width, height: rect.height, channels: 3, pixels: pixels)
    }

    private static func pyramid(overlap: Int) throws -> Pyramid {
        try #require(Pyramid(deepZoom: pictureSize, tileSize: tileSize, overlap: overlap))
    }

    /// The tiles of the finest level, which shows the picture itself.
    private static func tiles(of pyramid: Pyramid) -> [TileCoordinate] {
        let grid = pyramid.grid(ofLevel: pyramid.maxLevel)
        return (0..<grid.height).flatMap { y in
            (0..<grid.width).map { x in TileCoordinate(level: pyramid.maxLevel, x: x, y: y) }
        }
    }

    private static func encodedPNG(_ image: RasterImage) throws -> [UInt8] { try PNGCodec.encode(image) }

    private static func encodedJPEG(_ image: RasterImage) throws -> [UInt8] {
        try JPEGEncoder().encodeRaster(image, quality: quality, subsampling: .full)
    }

    private static func padded(
        _ stored: [UInt8],
        _ format: TileFormat,
        _ tile: TileCoordinate,
        _ pyramid: Pyramid
    ) throws(PipelineError) -> [UInt8] {
        try StoredTileForm().padded(stored, format: format, tile: tile, pyramid: pyramid, quality: quality)
    }

    private static func made(
        _ stored: [UInt8],
        _ format: TileFormat,
        as target: TileFormat,
        padded: Bool,
        _ tile: TileCoordinate,
        _ pyramid: Pyramid
    ) throws(PipelineError) -> [UInt8] {
        try StoredTileForm().made(
            stored,
            format: format,
            as: target,
            padded: padded,
            tile: tile,
            pyramid: pyramid,
            quality: quality
        )
    }

    @Test("a tile that is asked for as what it is stored as is untouched")
    func untouched() throws {
        let pyramid = try Self.pyramid(overlap: 0)
        let tile = Self.tiles(of: pyramid)[8]
        let picture = Self.picture(pyramid.rect(of: tile))
        for (format, stored) in [
            (TileFormat.jpeg, try Self.encodedJPEG(picture)), (.png, try Self.encodedPNG(picture)),
        ] {
            #expect(try Self.made(stored, format, as: format, padded: false, tile, pyramid) == stored)
        }
        #expect(try Self.made([1, 2, 3], .webp, as: .webp, padded: false, tile, pyramid) == [1, 2, 3])
    }

    @Test("a JPEG becomes a PNG of just its pixels, transparent where it is padded", arguments: [0, 1])
    func jpegToPNG(overlap: Int) throws {
        let pyramid = try Self.pyramid(overlap: overlap)
        for tile in Self.tiles(of: pyramid) {
            let stored = try Self.encodedJPEG(Self.picture(pyramid.rect(of: tile)))
            let decoded = try JPEGDecoder().decodeRaster(stored)
            let plain = try PNGCodec.decode(try Self.made(stored, .jpeg, as: .png, padded: false, tile, pyramid))
            #expect(plain == decoded)
            let padded = try PNGCodec.decode(try Self.made(stored, .jpeg, as: .png, padded: true, tile, pyramid))
            #expect(padded.width == Self.tileSize && padded.height == Self.tileSize)
            let isPartial = pyramid.isPartial(tile)
            #expect(padded.channels == (isPartial ? 4 : 3))
            if isPartial { #expect(padded.pixels.last == 0) }
        }
    }

    @Test("a PNG becomes a JPEG over white", arguments: [false, true])
    func pngToJPEG(padded: Bool) throws {
        let pyramid = try Self.pyramid(overlap: 0)
        for tile in Self.tiles(of: pyramid) {
            let rect = pyramid.rect(of: tile)
            let clear = RasterImage(width: rect.width, height: rect.height, filledWith: [0, 0, 0, 0])
            let made = try Self.made(try Self.encodedPNG(clear), .png, as: .jpeg, padded: padded, tile, pyramid)
            let image = try JPEGDecoder().decodeRaster(made)
            #expect(image.width == (padded ? Self.tileSize : rect.width))
            #expect(image.pixels.allSatisfy { $0 >= 253 })
        }
    }

    @Test("what cannot be decoded here is not converted, and what is larger than its place is refused")
    func notConverted() throws {
        let pyramid = try Self.pyramid(overlap: 0)
        let tile = Self.tiles(of: pyramid)[8]
        #expect(throws: PipelineError.cannotDecode(tile, .webp)) {
            try Self.made([1], .webp, as: .png, padded: false, tile, pyramid)
        }
        let large = try Self.encodedPNG(Self.picture(PixelRect(x: 0, y: 0, width: 30, height: 30)))
        #expect(throws: PipelineError.self) { try Self.made(large, .png, as: .jpeg, padded: false, tile, pyramid) }
    }

    @Test(
        "a PNG shows the picture's own pixels at their place and is transparent beyond its edge",
        arguments: [0, 1, 3]
    )
    func png(overlap: Int) throws {
        let pyramid = try Self.pyramid(overlap: overlap)
        let tiles = Self.tiles(of: pyramid)
        #expect(tiles.count == 9)
        for tile in tiles {
            let stored = try Self.encodedPNG(Self.picture(pyramid.rect(of: tile)))
            let bytes = try Self.padded(stored, .png, tile, pyramid)
            let image = try PNGCodec.decode(bytes, limits: .tile).withAlpha()
            var expected: [UInt8] = []
            for y in 0..<Self.tileSize {
                for x in 0..<Self.tileSize {
                    let (column, row) = (tile.x * Self.tileSize + x, tile.y * Self.tileSize + y)
                    let isInside = column < Self.pictureSize.width && row < Self.pictureSize.height
                    expected += isInside ? Self.coloured(column, row) + [255] : [0, 0, 0, 0]
                }
            }
            #expect(image.width == Self.tileSize && image.height == Self.tileSize, "\(tile)")
            #expect(image.pixels == expected, "\(tile)")
        }
    }

    @Test("a PNG that is transparent itself stays so")
    func transparency() throws {
        let pyramid = try Self.pyramid(overlap: 0)
        let tile = TileCoordinate(level: pyramid.maxLevel, x: 2, y: 0)
        let size = pyramid.rect(of: tile).size
        let stored = RasterImage(width: size.width, height: size.height, filledWith: [10, 20, 30, 128])
        let bytes = try Self.padded(try Self.encodedPNG(stored), .png, tile, pyramid)
        let image = try PNGCodec.decode(bytes, limits: .tile)
        #expect(image == stored.padded(toWidth: Self.tileSize, height: Self.tileSize, with: .transparent))
    }

    @Test(
        "a JPEG shows the picture's pixels at their place and is white beyond its edge",
        arguments: [0, 1, 3],
        [true, false]
    )
    func jpeg(overlap: Int, tellsColumns: Bool) throws {
        func pixel(_ x: Int, _ y: Int) -> [UInt8] { tellsColumns ? Self.columns(x, y) : Self.rows(x, y) }
        let pyramid = try Self.pyramid(overlap: overlap)
        for tile in Self.tiles(of: pyramid) {
            let stored = try Self.encodedJPEG(Self.picture(pyramid.rect(of: tile), pixel))
            let bytes = try Self.padded(stored, .jpeg, tile, pyramid)
            let image = try JPEGDecoder().decodeRaster(bytes, limits: .tile)
            #expect(image.width == Self.tileSize && image.height == Self.tileSize, "\(tile)")
            let inside = pyramid.rect(of: tile, overlapping: false)
            var expected: [UInt8] = []
            for y in 0..<Self.tileSize {
                for x in 0..<Self.tileSize {
                    let isInside = x < inside.width && y < inside.height
                    expected += isInside ? pixel(inside.x + x, inside.y + y) : [255, 255, 255]
                }
            }
            let differences = zip(image.pixels, expected).map { abs(Int($0.0) - Int($0.1)) }
            // A place missed by one pixel differs by 5.
            #expect(differences.allSatisfy { $0 < 5 }, "\(tile): \(differences.max() ?? 0)")
        }
    }

    @Test("a stored tile that is not of the pyramid's size is refused, larger ones before they are decoded")
    func wrongSize() throws {
        for (overlap, format) in [(0, TileFormat.jpeg), (3, .jpeg), (0, .png), (3, .png)] {
            let pyramid = try Self.pyramid(overlap: overlap)
            let tile = TileCoordinate(level: pyramid.maxLevel, x: 2, y: 1)
            let size = pyramid.rect(of: tile).size
            for (width, height) in [(size.width - 1, size.height), (size.width, size.height + 1)] {
                let image = Self.picture(PixelRect(x: 0, y: 0, width: width, height: height))
                let stored = try format == .png ? Self.encodedPNG(image) : Self.encodedJPEG(image)
                let error = #expect(throws: PipelineError.self) {
                    try Self.padded(stored, format, tile, pyramid)
                }
                switch error {
                case .wrongSize(let place, let found, let expected):
                    #expect(place == tile && found == GridSize(width: width, height: height) && expected == size)
                case .codec(.tooLarge):
                    #expect(height > size.height, "\(format) with overlap \(overlap)")
                default:
                    Issue.record("\(format) with overlap \(overlap): \(String(describing: error))")
                }
            }
        }
    }

    @Test("WebP and damaged bytes are refused")
    func undecodable() throws {
        let pyramid = try Self.pyramid(overlap: 1)
        let tile = TileCoordinate(level: pyramid.maxLevel, x: 2, y: 2)
        #expect(throws: PipelineError.cannotDecode(tile, .webp)) {
            try Self.padded(Array("RIFF".utf8), .webp, tile, pyramid)
        }
        let image = Self.picture(pyramid.rect(of: tile))
        for (format, stored) in [(TileFormat.png, try Self.encodedPNG(image)), (.jpeg, try Self.encodedJPEG(image))] {
            let error = #expect(throws: PipelineError.self) {
                try Self.padded(Array(stored.prefix(stored.count / 2)), format, tile, pyramid)
            }
            guard case .codec = error else {
                Issue.record("half a \(format): \(String(describing: error))")
                continue
            }
        }
    }
}
