// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TestSupport
import Testing

@Suite("PNG")
struct PNGTests {
    @Test("every kind of picture survives every kind of content")
    func roundTrip() throws {
        var generator = Seed(5).generator()
        for channels in [1, 3, 4] {
            for (width, height) in [(1, 1), (3, 2), (17, 5), (64, 40)] {
                let image = RasterImage.structured(width: width, height: height, channels: channels, &generator)
                for content in [PNGCodec.Content.automatic, .flat, .photographic] {
                    let isRight = try PNGCodec.decode(PNGCodec.encode(image, content: content)) == image
                    #expect(isRight)
                }
            }
        }
    }

    @Test("pictures of up to 256 colours become palettes of 1, 2, 4 and 8 bits", arguments: [1, 2, 3, 5, 16, 17, 256])
    func palettes(colours: Int) throws {
        var pixels: [UInt8] = []
        for pixel in 0..<(32 * 16) {
            let colour = pixel % colours
            pixels += [UInt8(colour), UInt8(255 - colour), UInt8(colour * 7 % 256), colour % 3 == 1 ? 128 : 255]
        }
        let image = RasterImage(width: 32, height: 16, channels: 4, pixels: pixels)
        let encoded = try PNGCodec.encode(image)
        #expect(encoded[25] == 3, "a palette")
        #expect(Int(encoded[24]) == (colours <= 2 ? 1 : colours <= 4 ? 2 : colours <= 16 ? 4 : 8))
        expectBytes(try PNGCodec.decode(encoded).withAlpha().pixels, equal: image.pixels)
    }

    @Test("one colour more than 256 is no palette")
    func tooManyColours() throws {
        let pixels: [UInt8] = (0..<257).flatMap { (index: Int) -> [UInt8] in
            [UInt8(index % 256), UInt8(index / 256), 9]
        }
        let image = RasterImage(width: 257, height: 1, channels: 3, pixels: pixels)
        let encoded = try PNGCodec.encode(image)
        #expect(encoded[25] == 2)
        expectBytes(try PNGCodec.decode(encoded).pixels, equal: image.pixels)
    }

    @Test("all colour types, depths and interlacing that the format has are decoded")
    func everyKind() throws {
        for kind in HandmadePNG.Kind.all {
            for interlaced in [false, true] {
                let (bytes, expected) = HandmadePNG.picture(kind, width: 11, height: 9, interlaced: interlaced)
                let isRight = try PNGCodec.decode(bytes) == expected
                #expect(isRight, "\(kind) interlaced \(interlaced)")
            }
        }
    }

    @Test("a declared size beyond the limits is refused before anything is allocated for it")
    func hugeSize() {
        let bytes = HandmadePNG.file(width: 0x7FFF_FFFF, height: 0x7FFF_FFFF, depth: 8, colourType: 6, rows: [0])
        #expect(throws: CodecError.tooLarge(.png, width: 0x7FFF_FFFF, height: 0x7FFF_FFFF, limits: .tile)) {
            try PNGCodec.decode(bytes)
        }
        let wide = HandmadePNG.file(width: 3000, height: 2, depth: 8, colourType: 0, rows: [0])
        #expect(throws: CodecError.self) { try PNGCodec.decode(wide, limits: ImageLimits(maxPixels: 5999)) }
        let none = HandmadePNG.file(width: 0, height: 2, depth: 8, colourType: 0, rows: [0])
        #expect(throws: CodecError.self) { try PNGCodec.decode(none) }
    }

    @Test("every truncation is an error")
    func truncation() throws {
        var generator = Seed(6).generator()
        let image = RasterImage.structured(width: 20, height: 12, channels: 3, &generator)
        let bytes = try PNGCodec.encode(image, content: .photographic)
        for count in 0..<bytes.count {
            #expect(throws: CodecError.self, "cut at \(count) of \(bytes.count)") {
                try PNGCodec.decode(Array(bytes[..<count]))
            }
        }
    }

    @Test("flipped bits give an error or a picture, never a trap")
    func bitFlips() throws {
        let seed = Seed.ofThisRun
        print("PNG bit flips: \(seed)")
        let limits = ImageLimits(maxPixels: 1 << 16)
        for kind in HandmadePNG.Kind.all {
            for interlaced in [false, true] {
                let bytes = HandmadePNG.picture(kind, width: 13, height: 7, interlaced: interlaced).bytes
                for round in 0..<60 {
                    var generator = seed.generator(stream: round)
                    var damaged = bytes
                    for _ in 0..<Int.random(in: 1...4, using: &generator) {
                        damaged[Int.random(in: 8..<damaged.count, using: &generator)] ^=
                            1 << UInt8.random(in: 0..<8, using: &generator)
                    }
                    // With right checksums the damage reaches the code behind them.
                    if round % 2 == 0 { damaged = HandmadePNG.withChecksums(damaged) }
                    _ = try? PNGCodec.decode(damaged, limits: limits)
                }
            }
        }
    }

    @Test("drawings and photographs are told apart")
    func contentIsFound() throws {
        var generator = Seed(7).generator()
        let photograph = RasterImage.structured(width: 64, height: 64, channels: 3, &generator)
        var drawing: [UInt8] = []
        for y in 0..<64 {
            for x in 0..<64 { drawing += [UInt8(x / 8 * 20), UInt8(y * 4), UInt8(x / 8 * 3)] }
        }
        let flat = RasterImage(width: 64, height: 64, channels: 3, pixels: drawing)
        expectBytes(try PNGCodec.encode(photograph), equal: try PNGCodec.encode(photograph, content: .photographic))
        expectBytes(try PNGCodec.encode(flat), equal: try PNGCodec.encode(flat, content: .flat))
    }
}
