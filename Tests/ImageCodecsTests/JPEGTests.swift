// SPDX-License-Identifier: Apache-2.0

import CTurboJPEG
import ImageCodecs
import TestSupport
import Testing

@Suite("JPEG")
struct JPEGTests {
    private func header(_ bytes: [UInt8], limits: ImageLimits = .tile) throws -> JPEGHeader {
        try unsafe bytes.withUnsafeBytes { try unsafe JPEGDecoder().header(of: $0, limits: limits) }
    }

    private func jpeg(
        _ width: Int,
        _ height: Int,
        channels: Int = 3,
        quality: Int = 90,
        _ subsampling: ChromaSubsampling = .quarter
    ) throws -> [UInt8] {
        var generator = Seed(3).generator()
        let image = RasterImage.structured(width: width, height: height, channels: channels, &generator)
        return try JPEGEncoder().encodeRaster(image, quality: quality, subsampling: subsampling)
    }

    @Test("header and pixels of every subsampling and odd size come back", arguments: ChromaSubsampling.allCases)
    func roundTrip(subsampling: ChromaSubsampling) throws {
        var generator = Seed(4).generator()
        for (width, height) in [(1, 1), (2, 1), (1, 3), (7, 5), (16, 16), (17, 33), (40, 31)] {
            let channels = subsampling == .gray ? 1 : 3
            let flat = RasterImage(width: width, height: height, filledWith: [UInt8](repeating: 90, count: channels))
            let encoded = try JPEGEncoder().encodeRaster(flat, quality: 95, subsampling: subsampling)
            let found = try header(encoded)
            #expect(found.width == width && found.height == height && found.subsampling == subsampling)
            let decoded = try JPEGDecoder().decodeRaster(encoded)
            #expect(decoded.channels == channels)
            #expect(decoded.pixels.allSatisfy { abs(Int($0) - 90) <= 1 })
            // Planes, into windows at odd places: nothing outside of the library's own plane sizes is written.
            let lumaSize = subsampling.lumaPlaneSize(width: width, height: height)
            let chromaSize = subsampling.chromaPlaneSize(width: width, height: height)
            let luma = Plane.framed(width: lumaSize.width, height: lumaSize.height, &generator)
            let blue = Plane.framed(width: chromaSize.width, height: chromaSize.height, &generator)
            let red = Plane.framed(width: chromaSize.width, height: chromaSize.height, &generator)
            try unsafe encoded.withUnsafeBytes {
                try unsafe JPEGDecoder().decodePlanes(
                    $0,
                    header: found,
                    luma: luma.window,
                    blue: blue.window,
                    red: red.window
                )
            }
            #expect(abs(Int(luma.window[0, 0]) - 90) <= 1)
            if subsampling != .gray { #expect(abs(Int(blue.window[0, 0]) - 128) <= 1) }
            for plane in [luma, blue, red] { #expect(Plane.isFrameIntact(plane.frame, around: plane.window)) }
        }
    }

    @Test("planes survive encoding at quality 100, from windows of larger planes")
    func planesRoundTrip() throws {
        for subsampling in ChromaSubsampling.allCases {
            let (width, height) = (37, 21)
            let lumaSize = subsampling.lumaPlaneSize(width: width, height: height)
            let chromaSize = subsampling.chromaPlaneSize(width: width, height: height)
            func gradient(_ size: (width: Int, height: Int)) -> Plane {
                let plane = Plane(width: size.width + 5, height: size.height + 5)
                let window = plane.window(x: 3, y: 2, width: size.width, height: size.height)
                for y in 0..<size.height {
                    for x in 0..<size.width { window[x, y] = UInt8(60 + 2 * x + y) }
                }
                return window
            }
            let (luma, blue, red) = (gradient(lumaSize), gradient(chromaSize), gradient(chromaSize))
            let encoder = JPEGEncoder()
            let bytes = unsafe [UInt8](
                try unsafe encoder.encodePlanes(
                    width: width,
                    height: height,
                    subsampling: subsampling,
                    quality: 100,
                    luma: luma,
                    blue: blue,
                    red: red
                )
            )
            let decoded = Plane(width: lumaSize.width, height: lumaSize.height)
            let decodedBlue = Plane(width: chromaSize.width, height: chromaSize.height)
            let decodedRed = Plane(width: chromaSize.width, height: chromaSize.height)
            let found = try header(bytes)
            try unsafe bytes.withUnsafeBytes {
                try unsafe JPEGDecoder().decodePlanes(
                    $0,
                    header: found,
                    luma: decoded,
                    blue: decodedBlue,
                    red: decodedRed
                )
            }
            for (a, b) in [(luma, decoded), (blue, decodedBlue), (red, decodedRed)] {
                #expect(zip(a.samples, b.samples).allSatisfy { abs(Int($0) - Int($1)) <= 3 }, "\(subsampling)")
            }
        }
    }

    @Test("luma alone equals the luma plane, for gray and for colour")
    func lumaAlone() throws {
        for subsampling in ChromaSubsampling.allCases {
            let bytes = try jpeg(33, 18, channels: subsampling == .gray ? 1 : 3, subsampling)
            let found = try header(bytes)
            let size = subsampling.lumaPlaneSize(width: 33, height: 18)
            let chroma = subsampling.chromaPlaneSize(width: 33, height: 18)
            let plane = Plane(width: size.width, height: size.height)
            let alone = Plane(width: 33, height: 18)
            try unsafe bytes.withUnsafeBytes { raw in
                let decoder = JPEGDecoder()
                try unsafe decoder.decodePlanes(
                    raw,
                    header: found,
                    luma: plane,
                    blue: Plane(width: chroma.width, height: chroma.height),
                    red: Plane(width: chroma.width, height: chroma.height)
                )
                try unsafe decoder.decodeLuma(raw, header: found, into: alone)
            }
            expectBytes(alone.samples, equal: plane.window(x: 0, y: 0, width: 33, height: 18).samples)
        }
    }

    @Test("a declared size beyond the limits is refused before anything is allocated for it")
    func hugeSize() throws {
        var bytes = try jpeg(16, 16)
        let start = try #require(bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
        for (offset, byte) in zip(start + 5..<start + 9, [0xFF, 0xDC, 0xFF, 0xDC] as [UInt8]) { bytes[offset] = byte }
        #expect(throws: CodecError.tooLarge(.jpeg, width: 65500, height: 65500, limits: .tile)) {
            try JPEGDecoder().decodeRaster(bytes)
        }
        for (offset, byte) in zip(start + 5..<start + 9, [0, 0, 0, 16] as [UInt8]) { bytes[offset] = byte }
        #expect(throws: CodecError.self) { try JPEGDecoder().decodeRaster(bytes) }
    }

    @Test("CMYK is refused by name")
    func cmyk() throws {
        guard let handle = unsafe tjInitCompress() else { return }
        defer { unsafe _ = tjDestroy(handle) }
        let pixels = [UInt8](repeating: 100, count: 16 * 16 * 4)
        var target: UnsafeMutablePointer<UInt8>?
        var count: UInt = 0
        let status = unsafe tjCompress2(
            handle,
            pixels,
            16,
            64,
            16,
            Int32(TJPF_CMYK.rawValue),
            &target,
            &count,
            Int32(TJSAMP_444.rawValue),
            90,
            0
        )
        #expect(status == 0)
        defer { unsafe tjFree(target) }
        let bytes = unsafe [UInt8](UnsafeBufferPointer(start: target, count: Int(count)))
        #expect(throws: CodecError.unsupported(.jpeg, what: "the CMYK colour space")) { try header(bytes) }
    }

    @Test("every truncation is an error, and a tolerant reader shows what is there")
    func truncation() throws {
        let bytes = try jpeg(48, 32)
        let decoder = JPEGDecoder()
        for count in 0..<(bytes.count - 2) {
            #expect(throws: CodecError.self, "cut at \(count) of \(bytes.count)") {
                try decoder.decodeRaster(Array(bytes[..<count]))
            }
        }
        let half = Array(bytes[..<(bytes.count * 3 / 4)])
        #expect(try decoder.decodeRaster(half, toleratingWarnings: true).width == 48)
    }

    @Test("flipped bits give an error or a picture, never a trap, and the decoder works on")
    func bitFlips() throws {
        let seed = Seed.ofThisRun
        print("JPEG bit flips: \(seed)")
        let decoder = JPEGDecoder()
        let limits = ImageLimits(maxWidth: 512, maxHeight: 512, maxPixels: 512 * 512)
        for subsampling in ChromaSubsampling.allCases {
            let bytes = try jpeg(40, 40, channels: subsampling == .gray ? 1 : 3, subsampling)
            var refused = 0
            for round in 0..<400 {
                var generator = seed.generator(stream: round)
                var damaged = bytes
                for _ in 0..<Int.random(in: 1...6, using: &generator) {
                    damaged[Int.random(in: 0..<damaged.count, using: &generator)] ^=
                        1 << UInt8.random(in: 0..<8, using: &generator)
                }
                do {
                    _ = try decoder.decodeRaster(damaged, limits: limits)
                    try decodeEveryWay(damaged, decoder, limits)
                } catch is CodecError {
                    refused += 1
                }
            }
            #expect(refused > 0)
            #expect(try decoder.decodeRaster(bytes).width == 40)
        }
    }

    @Test("a picture without tables of its own never takes those of the picture before")
    func tablesDoNotLeak() throws {
        let whole = try jpeg(24, 24)
        // The same stream without its quantisation and Huffman tables.
        var stripped = Array(whole[..<2])
        var at = 2
        while whole[at + 1] != 0xDA {
            let end = at + 2 + Int(whole[at + 2]) << 8 + Int(whole[at + 3])
            if whole[at + 1] != 0xDB, whole[at + 1] != 0xC4 { stripped += whole[at..<end] }
            at = end
        }
        stripped += whole[at...]
        let decoder = JPEGDecoder()
        let fresh = Result { try JPEGDecoder().decodeRaster(stripped) }
        _ = try decoder.decodeRaster(whole)
        let after = Result { try decoder.decodeRaster(stripped) }
        expectBytes((try? fresh.get())?.pixels ?? [], equal: (try? after.get())?.pixels ?? [])
        #expect(try decoder.decodeRaster(whole).width == 24)
        let tablesOnly: [UInt8] = [0xFF, 0xD8, 0xFF, 0xD9]
        #expect(throws: CodecError.self) { try decoder.decodeRaster(tablesOnly) }
        #expect(try decoder.decodeRaster(whole).width == 24)
    }

    /// Planes and luma, as the damaged header asks for them, framed.
    private func decodeEveryWay(_ bytes: [UInt8], _ decoder: JPEGDecoder, _ limits: ImageLimits) throws {
        try unsafe bytes.withUnsafeBytes { raw in
            let found = try unsafe decoder.header(of: raw, limits: limits)
            let luma = Plane(width: found.width, height: found.height)
            try unsafe decoder.decodeLuma(raw, header: found, into: luma)
            guard found.colour != .rgb else { return }
            let size = found.subsampling.lumaPlaneSize(width: found.width, height: found.height)
            let chroma = found.subsampling.chromaPlaneSize(width: found.width, height: found.height)
            try unsafe decoder.decodePlanes(
                raw,
                header: found,
                luma: Plane(width: size.width, height: size.height),
                blue: Plane(width: chroma.width, height: chroma.height),
                red: Plane(width: chroma.width, height: chroma.height)
            )
        }
    }

    @Test("random bytes are refused")
    func randomBytes() {
        let seed = Seed.ofThisRun
        print("random JPEG bytes: \(seed)")
        var generator = seed.generator()
        let decoder = JPEGDecoder()
        for _ in 0..<300 {
            var bytes: [UInt8] = [0xFF, 0xD8, 0xFF]
            for _ in 0..<Int.random(in: 0..<200, using: &generator) {
                bytes.append(.random(in: 0...255, using: &generator))
            }
            #expect(throws: CodecError.self, "\(seed)") { try decoder.decodeRaster(bytes) }
        }
    }

    @Test("pictures beyond the format's sides are not encoded")
    func tooWide() {
        let image = RasterImage(width: 65501, height: 1, filledWith: [7])
        #expect(throws: CodecError.self) { try JPEGEncoder().encodeRaster(image, quality: 90) }
    }
}
