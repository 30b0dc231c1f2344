// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageCodecs
import TestSupport
import Testing
import TileModel

@testable import PyramidBuilding

@Suite("The sample tilesets")
struct SampleTests {
    /// The one that is committed, written once for all tests that read it.
    private static let written: Result<TemporaryDirectory, any Error> = Result {
        let directory = try TemporaryDirectory()
        try writeSample(to: directory.path("sample"))
        return directory
    }

    private static let committed = SharedData.packageRoot.appending(path: "tiles-sample")

    @Test("the committed sample is what the program writes, byte for byte with the same libraries")
    func sameBytes() throws {
        let directory = try Self.written.get()
        let now = try files(under: directory.url.appending(path: "sample"))
        if let target = ProcessInfo.processInfo.environment["ORIZURU_WRITE_SAMPLE"] {
            try writeSample(to: target, replaces: true)
        }
        let stored = try files(under: Self.committed)
        #expect(now.keys.sorted() == stored.keys.sorted())
        let different = now.keys.filter { now[$0] != stored[$0] }.sorted()
        let advice: Comment = "write it anew with `orizuru sample --replace tiles-sample`: \(different.prefix(5))"
        if try Self.librariesThatWroteIt.allSatisfy({ try $0.isThisOne() }) {
            #expect(different.isEmpty, advice)
            return
        }
        print("sample: other libraries than those that wrote it, pixels are compared in place of bytes")
        let isEncoded = { (name: String) in [".jpg", ".png", ".pack"].contains(where: name.hasSuffix) }
        #expect(different.allSatisfy(isEncoded), advice)
        // Packs hold residuals of the tiles that are compared; they differ where any library does.
        for name in different where !name.hasSuffix(".pack") && isEncoded(name) {
            let (before, after) = (try Self.decoded(name, stored[name]), try Self.decoded(name, now[name]))
            let isSameSize = before.width == after.width && before.height == after.height
            #expect(isSameSize && before.channels == after.channels, "\(name): \(advice)")
            let distance = zip(before.pixels, after.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
            #expect(distance <= before.pixels.count, "\(name) differs by more than rounding: \(advice)")
        }
    }

    @Test("writing it twice gives the same bytes")
    func deterministic() throws {
        let directory = try TemporaryDirectory()
        let size = GridSize(width: 1100, height: 530)
        try writeSample(to: directory.path("a"), size: size, mapLevels: 0...1)
        try writeSample(to: directory.path("b"), size: size, mapLevels: 0...1)
        let first = try files(under: directory.url.appending(path: "a"))
        let second = try files(under: directory.url.appending(path: "b"))
        #expect(first == second)
        #expect(first.keys.contains("tissue/residual_packs/1_0.pack"))
    }

    @Test("all of it stays under 6 MB")
    func small() throws {
        let directory = try Self.written.get()
        let sizes = try files(under: directory.url.appending(path: "sample")).mapValues(\.count)
        let total = sizes.values.reduce(0, +)
        for (part, bytes) in Dictionary(grouping: sizes, by: { $0.key.split(separator: "/")[0] }) {
            print("sample: \(part): \(bytes.reduce(0) { $0 + $1.value }) bytes in \(bytes.count) files")
        }
        #expect(total < 6_000_000)
    }

    @Test("a slide below three pixels is refused with its size, and an existing folder is left alone")
    func refusals() throws {
        let directory = try TemporaryDirectory()
        #expect(throws: BuildError.self) {
            try writeSample(to: directory.path("tiny"), size: GridSize(width: 2, height: 2))
        }
        try directory.write("there/precious.txt", Array("keep".utf8))
        #expect(throws: BuildError.exists(path: directory.path("there"))) {
            try writeSample(to: directory.path("there"), size: GridSize(width: 40, height: 30))
        }
        #expect(try files(under: directory.url) == ["there/precious.txt": Array("keep".utf8)])
    }

    /// A way in which tiles of the sample are encoded, and the hash of what it makes of a fixed buffer with the libraries
    /// that wrote the committed sample: it depends on no picture, so a picture that changed is never taken for a library
    /// that did.
    private struct KnownEncoding: Sendable {
        let name: String
        let hash: UInt64
        let encode: @Sendable (RasterImage) throws -> [UInt8]

        /// Whether the library that this test runs with writes the same bytes.
        func isThisOne() throws -> Bool {
            var random = Seed(1).generator()
            var pixels: [UInt8] = []
            for index in 0..<(64 * 48 * 3) {
                // Flat parts, gradients and noise, so that every stage of a library has something to do.
                let gradient = index % 192 / 3 + index / 192
                pixels.append(UInt8(gradient & 0xF0) | (index < 4096 ? 0 : UInt8(random.next() & 7)))
            }
            let image = RasterImage(width: 64, height: 48, channels: 3, pixels: pixels)
            var found = StableHash()
            found.combine(try encode(image))
            if found.value != hash { print("sample: \(name) hashes to 0x\(hexadecimal(found.value))") }
            return found.value == hash
        }
    }

    private static let librariesThatWroteIt = [
        KnownEncoding(name: "JPEG", hash: 0x5CB5_1B8E_A448_0D44) {
            try JPEGEncoder().encodeRaster($0, quality: 95, subsampling: .full)
        },
        KnownEncoding(name: "PNG", hash: 0xFAEA_E252_2E30_3635) { try PNGCodec.encode($0, content: .flat) },
    ]

    private static func decoded(_ name: String, _ bytes: [UInt8]?) throws -> RasterImage {
        let bytes = try #require(bytes)
        return name.hasSuffix(".png")
            ? try PNGCodec.decode(bytes, limits: .tile) : try JPEGDecoder().decodeRaster(bytes, limits: .tile)
    }
}

/// The bytes of all files below a folder, by path.
func files(under folder: URL) throws -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    let manager = FileManager.default
    for case let name as String in manager.enumerator(atPath: folder.path) ?? .init() {
        let url = folder.appending(path: name)
        if try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true {
            found[name] = [UInt8](try Data(contentsOf: url))
        }
    }
    return found
}
