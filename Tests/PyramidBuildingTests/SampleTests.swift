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
        // Another libjpeg or zlib may write other bytes; a picture that changed shows in most files.
        guard try Self.sameLibraries() else { return }
        #expect(different.isEmpty, "write it anew with `orizuru sample --replace tiles-sample`: \(different.prefix(5))")
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

    /// Whether this machine's libraries write the bytes of those that wrote the sample: one tile of each is asked.
    private static func sameLibraries() throws -> Bool {
        let directory = try written.get()
        for name in ["small-tissue_files/0/0_0.jpg", "world/0/0/0.png"] {
            let stored = try Data(contentsOf: committed.appending(path: name))
            let now = try Data(contentsOf: directory.url.appending(path: "sample/\(name)"))
            if stored != now {
                print("sample: \(name) differs: other libraries, the bytes are not compared")
                return false
            }
        }
        return true
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
