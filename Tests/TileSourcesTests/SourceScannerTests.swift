// SPDX-License-Identifier: Apache-2.0

import Foundation
import Telemetry
import TestSupport
import Testing

@testable import TileSources

@Suite("Scanning for tilesets")
struct SourceScannerTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func makePyramid(_ name: String) throws {
        let text = "<Image TileSize='256' Overlap='0' Format='jpg'><Size Width='5' Height='5'/></Image>"
        try directory.write("\(name).dzi", text.utf8)
        try directory.makeFolder("\(name)_files")
    }

    private func scan(_ names: String...) -> [SourceScanner.Found] {
        SourceScanner(logger: .silent).scan(names.map { $0.isEmpty ? directory.path : directory.path($0) })
    }

    private func isOpen(_ found: SourceScanner.Found) -> Bool {
        if case .success = found.result { true } else { false }
    }

    @Test("three folders deep and no deeper")
    func depth() throws {
        try makePyramid("a")
        try makePyramid("1/b")
        try makePyramid("1/2/c")
        try makePyramid("1/2/3/d")
        try makePyramid("1/2/3/4/e")
        #expect(Set(scan("").map(\.id)) == ["a", "b", "c", "d"])
        #expect(scan("").allSatisfy(isOpen))
    }

    @Test("never inside a tileset, nor in the tiles beside a description, nor in hidden folders")
    func insideTilesets() throws {
        try makePyramid("slide/baseline_pyramid")
        try makePyramid("slide/nested")
        try makePyramid("plain")
        try makePyramid("plain_files/inner")
        try makePyramid(".hidden/x")
        #expect(scan("").map(\.id) == ["plain", "slide"])
    }

    @Test("one broken tileset is reported in its place and the others are served")
    func brokenOnes() throws {
        try makePyramid("a")
        try directory.write("b.dzi", "broken".utf8)
        try makePyramid("c")
        let found = scan("")
        #expect(found.map(\.id) == ["a", "b", "c"])
        #expect(found.map(isOpen) == [true, false, true])
        guard case .failure(let error) = found[1].result else { return }
        #expect(error.description.contains("b.dzi"))
    }

    @Test("a second tileset of a name gets -2, a third -3")
    func duplicates() throws {
        try makePyramid("x/same")
        try makePyramid("y/same")
        try makePyramid("z/same")
        #expect(scan("").map(\.id) == ["same", "same-2", "same-3"])
        #expect(scan("y", "x").map(\.id) == ["same", "same-2"])
    }

    @Test("links are followed once, and a ring of links ends")
    func links() throws {
        let manager = FileManager.default
        try makePyramid("real/one")
        try makePyramid("far/away/two")
        try directory.makeFolder("root")
        func link(_ name: String, to target: String) throws {
            try manager.createSymbolicLink(atPath: directory.path(name), withDestinationPath: directory.path(target))
        }
        try link("root/a", to: "real")
        try link("real/b", to: "far")
        #expect(scan("root").map(\.id) == ["one"], "a link inside of what a link led to is not followed")
        try link("root/c", to: "far")
        #expect(scan("root").map(\.id) == ["one", "two"])
        try link("root/ring", to: "root")
        try link("root/dangling", to: "nowhere")
        #expect(scan("root").map(\.id) == ["one", "two"])
    }

    @Test("paths may be given twice, with slashes, as a slide's folder or its description")
    func paths() throws {
        try makePyramid("slide/baseline_pyramid")
        try makePyramid("a")
        #expect(scan("slide///", "slide").map(\.id) == ["slide"])
        #expect(scan("slide/baseline_pyramid.dzi").map(\.id) == ["slide"])
        #expect(scan("a.dzi", "").map(\.id) == ["a", "slide"])
    }

    @Test("what is no tileset says what was looked for; what does not exist says so")
    func nothing() throws {
        try directory.write("empty/readme.txt", "hello".utf8)
        try directory.write("photo.bmp", "BM".utf8)
        for name in ["empty", "photo.bmp"] {
            let found = scan(name)
            #expect(found.count == 1)
            guard case .failure(let error) = try #require(found.first).result else {
                Issue.record("\(name) was opened")
                return
            }
            #expect(error.description.contains("baseline_pyramid.dzi") && error.description.contains("z/x/y"))
        }
        guard case .failure(let error) = try #require(scan("absent").first).result else {
            Issue.record("what does not exist was opened")
            return
        }
        #expect(error.description.contains("no such file"))
    }

    @Test("a form that another module brings is asked, too")
    func recognizers() throws {
        try directory.write("deep/thing.mine", [1])
        let mine = SourceRecognizer(
            looksFor: "a .mine file",
            recognizes: { $0.fileExtension == "mine" },
            open: { (candidate, _) throws(SourceError) -> any TileSource in
                throw .unsupported(path: candidate.path, reason: "only a test")
            }
        )
        let scanner = SourceScanner(logger: .silent, recognizers: SourceRecognizer.core + [mine])
        let found = scanner.scan([directory.path])
        #expect(found.map(\.id) == ["thing"])
    }

    @Test("the shared data is found", .enabled(if: SharedData.isPresent, SharedData.reason))
    func sharedData() throws {
        let found = SourceScanner(logger: .silent).scan([
            try SharedData.url("slides").path, try SharedData.url("dzi").path,
        ])
        #expect(found.map(\.id) == ["he-odd-size", "he-q90-r32", "tall", "testpattern"])
        #expect(found.allSatisfy(isOpen))
    }

    @Test("the committed sample is found")
    func sample() throws {
        let path = SharedData.packageRoot.appending(path: "tiles-sample").path
        let found = SourceScanner(logger: .silent).scan([path])
        #expect(found.map(\.id) == ["small-tissue", "tissue", "world"])
        #expect(found.allSatisfy(isOpen))
    }
}
