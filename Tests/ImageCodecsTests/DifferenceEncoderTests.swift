// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import ImageCodecs

@Suite("Encoding differences")
struct DifferenceEncoderTests {
    /// Differences around 128: weak ones everywhere, strong ones along edges.
    private func differences(_ width: Int, _ height: Int, _ generator: inout SeededGenerator) -> Plane {
        let plane = Plane(width: width, height: height)
        for y in 0..<height {
            for x in 0..<width {
                let isEdge = (x + y / 3) % 23 < 2 || (x * 2 + y) % 31 == 0
                let reach = isEdge ? 60 : 8
                plane[x, y] = UInt8(128 + Int.random(in: -reach...reach, using: &generator))
            }
        }
        return plane
    }

    private func encode(_ planes: [Plane], step: Int) -> [[UInt8]] {
        let encoder = DifferenceEncoder()
        encoder.begin(step: step)
        for plane in planes { encoder.add(plane) }
        return encoder.finish()
    }

    private func meanSquare(_ first: [UInt8], _ second: [UInt8]) -> Double {
        let sum = zip(first, second).reduce(0) { $0 + (Int($1.0) - Int($1.1)) * (Int($1.0) - Int($1.1)) }
        return Double(sum) / Double(first.count)
    }

    @Test("every size comes back, the closer the smaller the step")
    func sizes() throws {
        let seed = Seed.ofThisRun
        print("differences: \(seed)")
        var generator = seed.generator()
        for (width, height) in [(1, 1), (2, 1), (7, 9), (8, 8), (9, 8), (17, 3), (64, 40), (255, 129)] {
            let plane = differences(width, height, &generator)
            var before = 0.0
            for step in [1, 6, 24, 255] {
                let jpeg = try #require(encode([plane], step: step).first)
                let image = try JPEGDecoder().decodeRaster(jpeg)
                #expect(image.width == width && image.height == height && image.channels == 1)
                let error = meanSquare(image.pixels, plane.samples)
                // A level of a coefficient stands for at most half a step more or less, or nearly a whole one where that
                // costs less; the squares of errors are the same before and after the transform.
                #expect(error <= Double(step * step) * 0.6 + 1, "\(width)x\(height), step \(step)")
                #expect(error >= before * 0.5, "\(width)x\(height), step \(step)")
                before = error
            }
        }
    }

    @Test("extreme differences saturate nothing but what a JPEG cannot hold")
    func extremes() throws {
        let plane = Plane(width: 24, height: 16)
        for y in 0..<16 {
            for x in 0..<24 { plane[x, y] = (x / 3 + y / 2) % 2 == 0 ? 0 : 255 }
        }
        let image = try JPEGDecoder().decodeRaster(try #require(encode([plane], step: 1).first))
        #expect(meanSquare(image.pixels, plane.samples) < 2)
        for value in [0, 127, 128, 255] as [UInt8] {
            plane.fill(value)
            let jpeg = try #require(encode([plane], step: 1).first)
            let flat = try JPEGDecoder().decodeRaster(jpeg)
            #expect(flat.pixels.allSatisfy { $0 == value }, "\(value)")
            #expect(jpeg.count < 200)
        }
    }

    @Test("pictures of a group share their tables and come back in their order")
    func groups() throws {
        var generator = Seed(7).generator()
        let planes = [(40, 30), (8, 8), (3, 50)].map { differences($0.0, $0.1, &generator) }
        let jpegs = encode(planes, step: 9)
        #expect(jpegs.count == 3)
        // Up to the frame header, which has the size, all is the same.
        let heads = jpegs.map { $0[..<frameHeader($0)] }
        #expect(heads[0] == heads[1] && heads[1] == heads[2] && heads[0].count > 100)
        for (plane, jpeg) in zip(planes, jpegs) {
            let image = try JPEGDecoder().decodeRaster(jpeg)
            #expect(image.width == plane.width && image.height == plane.height)
            #expect(meanSquare(image.pixels, plane.samples) < 60)
        }
        #expect(encode([], step: 9).isEmpty)
    }

    private func frameHeader(_ jpeg: [UInt8]) -> Int {
        (0..<(jpeg.count - 1)).first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 } ?? 0
    }

    @Test("for no more bytes than the library's encoder, with the standard's tables made optimal, the error is less")
    func beatsTheLibrary() throws {
        var generator = Seed(8).generator()
        let plane = differences(256, 256, &generator)
        for quality in [30, 60, 85] {
            let theirs = try JPEGEncoder().encodeRaster(
                RasterImage(width: 256, height: 256, channels: 1, pixels: plane.samples),
                quality: quality
            )
            // What optimal tables save is given to them: some 15 %.
            let (bytes, image) = (theirs.count * 85 / 100, try JPEGDecoder().decodeRaster(theirs))
            // The smallest step that is no larger.
            var steps = 1...255
            while steps.count > 1 {
                let middle = (steps.lowerBound + steps.upperBound) / 2
                let fits = encode([plane], step: middle)[0].count <= bytes
                steps = fits ? steps.lowerBound...middle : (middle + 1)...steps.upperBound
            }
            let ours = encode([plane], step: steps.lowerBound)[0]
            #expect(ours.count <= bytes)
            let (our, their) = (
                meanSquare(try JPEGDecoder().decodeRaster(ours).pixels, plane.samples),
                meanSquare(image.pixels, plane.samples)
            )
            print("differences at q\(quality): \(bytes) bytes, squares \(their); ours \(ours.count) bytes, \(our)")
            #expect(our < their)
        }
    }

    @Test("a Huffman code is a prefix code of at most 16 bits, none of ones alone, no longer than any other")
    func huffman() throws {
        let seed = Seed.ofThisRun
        print("Huffman codes: \(seed)")
        var fibonacci = [Int](repeating: 0, count: 256)
        (fibonacci[3], fibonacci[4]) = (1, 1)
        for index in 5..<60 { fibonacci[index] = fibonacci[index - 1] + fibonacci[index - 2] }
        var cases = [fibonacci, [Int](repeating: 1, count: 256)]
        for round in 0..<30 {
            var generator = seed.generator(stream: round)
            var frequencies = [Int](repeating: 0, count: 256)
            for _ in 0..<Int.random(in: 1...200, using: &generator) {
                frequencies[.random(in: 0...255, using: &generator)] = .random(in: 1...5000, using: &generator)
            }
            cases.append(frequencies)
        }
        for frequencies in cases {
            let code = HuffmanCode(frequencies: frequencies)
            let present = (0..<256).filter { frequencies[$0] > 0 }
            #expect(code.symbols.map(Int.init).sorted() == present)
            #expect(code.counts.reduce(0) { $0 + Int($1) } == present.count)
            let lengths = present.map { Int(code.codes[$0] >> 16) }
            #expect(lengths.allSatisfy { (1...16).contains($0) })
            #expect(lengths.reduce(0) { $0 + 1 << (16 - $1) } < 1 << 16, "the code of ones alone stays free")
            let texts = present.map { symbol in
                let digits = String(code.codes[symbol] & 0xFFFF, radix: 2)
                return String(repeating: "0", count: Int(code.codes[symbol] >> 16) - digits.count) + digits
            }.sorted()
            for (first, second) in zip(texts, texts.dropFirst()) { #expect(!second.hasPrefix(first)) }
            // Within a bit a symbol of what no code can go below, where no length was limited.
            guard lengths.max() ?? 16 < 16 else { continue }
            let total = Double(frequencies.reduce(0, +))
            let entropy = present.reduce(0.0) { $0 - Double(frequencies[$1]) * log2(Double(frequencies[$1]) / total) }
            let bits = zip(present, lengths).reduce(0) { $0 + frequencies[$1.0] * $1.1 }
            #expect(Double(bits) <= entropy + total)
        }
    }
}
