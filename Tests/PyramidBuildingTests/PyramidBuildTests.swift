// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import Foundation
import ImageCodecs
import Telemetry
import TestSupport
import Testing
import TileModel
import TileSources

@testable import PyramidBuilding

@Suite("Building pyramids from rows")
struct PyramidBuildTests {
    private let logger = Logger(level: .error, format: .text)
    private static let sizes: [(Int, Int)] = [
        (1, 1), (2, 1), (2, 2), (3, 5), (64, 64), (65, 64), (1, 300), (255, 129), (256, 256), (515, 390),
    ]

    private func build(
        _ rows: any RowSource,
        _ options: BuildOptions,
        to path: String,
        stopsAfter limit: Int = .max
    ) throws(BuildError) -> BuildSummary {
        try PyramidBuild.build(rows, identity: 7, options: options, to: path) { $0.done < limit }
    }

    @Test("any size down to one pixel becomes a slide that is whole and like its picture", arguments: [false, true])
    func sizes(isPlain: Bool) throws {
        let directory = try TemporaryDirectory()
        for (width, height) in Self.sizes {
            for isGray in [false, true] {
                let image = testPicture(width, height, gray: isGray)
                let path = directory.path("\(width)x\(height)-\(isGray)")
                let summary = try build(testRows(image), testOptions(plain: isPlain), to: path)
                #expect(summary.hasResiduals == (!isPlain && max(width, height) > 2))
                #expect(summary.status.done == summary.status.total)
                let slide = try OrigamiSlide(folder: path, logger: logger)
                #expect(slide.info.pyramid.size == GridSize(width: width, height: height))
                #expect(slide.info.micronsPerPixel == 0.25)
                var inspection = try TilesetInspection(slide, verifies: true)
                #expect(inspection.faults.isEmpty, "\(width)x\(height)")
                #expect(inspection.checkedFamilies == inspection.families)
                try inspection.compare(slide, with: .rows(testRows(image)), quality: 95)
                for level in inspection.levels where level.size.area > 4 {
                    let psnr = level.similarity?.lumaPSNR ?? 99
                    #expect(psnr > 26, "level \(level.level) of \(width)x\(height), gray \(isGray), plain \(isPlain)")
                }
                #expect(!FileManager.default.fileExists(atPath: "\(path).partial"))
                #expect(!FileManager.default.fileExists(atPath: "\(path)/build.journal"))
            }
        }
    }

    @Test("every pack can be read by the reference's rules: exact mode renders each member")
    func exactMode() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("slide")
        _ = try build(testRows(testPicture(515, 390)), testOptions(), to: path)
        let slide = try OrigamiSlide(folder: path, logger: logger)
        let exact = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: .exact)))
        let pyramid = slide.info.pyramid
        let material = FamilyMaterial()
        let grid = pyramid.grid(ofLevel: pyramid.maxLevel - 2)
        var members = 0
        for y in 0..<grid.height {
            for x in 0..<grid.width {
                let parent = TileCoordinate(level: pyramid.maxLevel - 2, x: x, y: y)
                let family = Family(parent: parent, in: pyramid)
                try slide.load(family, into: material)
                exact.begin(material)
                for member in family.members {
                    let jpeg = unsafe [UInt8](try exact.render(member: member))
                    let image = try JPEGDecoder().decodeRaster(jpeg)
                    #expect(image.width == pyramid.rect(of: family.coordinate(ofMember: member)).width)
                    members += 1
                }
            }
        }
        #expect(members == pyramid.levels.suffix(3).reduce(0) { $0 + pyramid.grid(ofLevel: $1).area })
    }

    @Test("a stopped build leaves nothing under the final name, goes on, and ends with the bytes of one that was not")
    func resumes() throws {
        let directory = try TemporaryDirectory()
        let image = testPicture(700, 1500)
        for isPlain in [false, true] {
            let options = testOptions(plain: isPlain)
            let (whole, broken) = (directory.path("whole-\(isPlain)"), directory.path("broken-\(isPlain)"))
            _ = try build(testRows(image), options, to: whole)
            #expect(throws: BuildError.stopped) {
                try build(testRows(image), options, to: broken, stopsAfter: 150)
            }
            #expect(!FileManager.default.fileExists(atPath: broken))
            #expect(FileManager.default.fileExists(atPath: "\(broken).partial/build.journal"))
            // Half a line, as a crash in the middle of a write leaves it.
            let journal = try #require(FileHandle(forWritingAtPath: "\(broken).partial/build.journal"))
            try journal.seekToEnd()
            try journal.write(contentsOf: Data("f1".utf8))
            try journal.close()
            let summary = try build(testRows(image), options, to: broken)
            #expect(summary.status.resumed > 0 && summary.status.done == summary.status.total)
            #expect(try filesBelow(whole) == filesBelow(broken), "plain \(isPlain)")
        }
    }

    @Test("an unfinished output of other options is refused, and thrown away where that is asked")
    func otherBuild() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("slide")
        let image = testPicture(300, 700)
        #expect(throws: BuildError.stopped) { try build(testRows(image), testOptions(), to: path, stopsAfter: 40) }
        var options = testOptions()
        options.quality.tiles = 70
        #expect(throws: BuildError.otherBuild(path: "\(path).partial")) {
            try build(testRows(image), options, to: path)
        }
        options.startsAfresh = true
        #expect(try build(testRows(image), options, to: path).status.resumed == 0)
        #expect(throws: BuildError.exists(path: path)) { try build(testRows(image), options, to: path) }
        options.replaces = true
        _ = try build(testRows(image), options, to: path)
    }

    @Test("a file that a crash left empty is written again")
    func emptyFile() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("slide")
        let image = testPicture(300, 1400)
        #expect(throws: BuildError.stopped) { try build(testRows(image), testOptions(), to: path, stopsAfter: 100) }
        let packs = "\(path).partial/residual_packs"
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: packs).min())
        try Data().write(to: URL(fileURLWithPath: "\(packs)/\(name)"))
        _ = try build(testRows(image), testOptions(), to: path)
        let slide = try OrigamiSlide(folder: path, logger: logger)
        #expect(try TilesetInspection(slide, verifies: true).faults.isEmpty)
    }

    @Test("a pyramid's own levels are taken over byte for byte, and its finest become residuals")
    func takesOver() throws {
        let directory = try TemporaryDirectory()
        var plain = testOptions(plain: true)
        plain.quality.subsampling = .full
        plain.quality.tiles = 92
        _ = try build(testRows(testPicture(515, 390)), plain, to: directory.path("plain"))
        let source = try OrigamiSlide(folder: directory.path("plain"), logger: logger)
        var options = testOptions()
        options.quality.residuals = try #require(ResidualEncoder.Qualities(children: 90, grandchildren: 90))
        #expect(PyramidBuild.canTakeOver(source, options: options))
        _ = try PyramidBuild.takeOver(
            source,
            identity: 1,
            options: options,
            to: directory.path("slide"),
            watch: { _ in true }
        )
        let slide = try OrigamiSlide(folder: directory.path("slide"), logger: logger)
        let (before, after) = (try filesBelow(directory.path("plain")), try filesBelow(directory.path("slide")))
        for level in 0...(slide.info.pyramid.maxLevel - 2) {
            for (name, data) in before where name.hasPrefix("baseline_pyramid_files/\(level)/") {
                #expect(after[name] == data, "\(name)")
            }
        }
        var inspection = try TilesetInspection(slide, verifies: true)
        #expect(inspection.faults.isEmpty)
        try inspection.compare(slide, with: .tileset(source), quality: 100)
        for level in inspection.levels.suffix(2) { #expect((level.similarity?.colourPSNR ?? 99) > 30) }
        #expect(!PyramidBuild.canTakeOver(slide, options: options), "residuals are not taken for levels")
    }

    @Test("a slide of residuals, and a pyramid with overlap, are built from as pictures")
    func fromTilesets() throws {
        let directory = try TemporaryDirectory()
        let image = testPicture(300, 210)
        _ = try build(testRows(image), testOptions(), to: directory.path("slide"))
        let slide = try OrigamiSlide(folder: directory.path("slide"), logger: logger)
        _ = try build(TilesetRows(slide), testOptions(plain: true, tileSize: 128), to: directory.path("again"))
        let again = try OrigamiSlide(folder: directory.path("again"), logger: logger)
        var inspection = try TilesetInspection(again, verifies: true)
        try inspection.compare(again, with: .rows(testRows(image)), quality: 95)
        #expect(inspection.faults.isEmpty && (inspection.levels.last?.similarity?.lumaPSNR ?? 0) > 26)
    }

    @Test("damage is found: a flipped bit in a pack, a missing tile, a tile of another size")
    func inspection() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("slide")
        _ = try build(testRows(testPicture(515, 390)), testOptions(), to: path)
        func faults(verifies: Bool = false) throws -> Int {
            try TilesetInspection(OrigamiSlide(folder: path, logger: logger), verifies: verifies).faultCount
        }
        #expect(try faults(verifies: true) == 0)
        let pack = URL(fileURLWithPath: "\(path)/residual_packs/0_0.pack")
        let good = try Data(contentsOf: pack)
        var bad = good
        bad[bad.count / 2] ^= 4
        try bad.write(to: pack)
        #expect(try faults() > 0)
        #expect(try PackInspection(path: pack.path).faults.isEmpty == false)
        try good.write(to: pack)
        let found = try PackInspection(path: pack.path)
        #expect(found.faults.isEmpty && found.checkedPacks == 1)
        #expect(found.entries.contains { $0.name == "chroma weights" } && found.entries.count == 22)
        let tile = URL(fileURLWithPath: "\(path)/baseline_pyramid_files/5/0_0.jpg")
        let stored = try Data(contentsOf: tile)
        try Data(JPEGEncoder().encodeRaster(RasterImage(width: 3, height: 3, filledWith: [9]), quality: 80)).write(
            to: tile
        )
        #expect(try faults() == 0 && faults(verifies: true) > 0)
        try FileManager.default.removeItem(at: tile)
        #expect(try faults() > 0)
        try stored.write(to: tile)
        #expect(try faults(verifies: true) == 0)
        // A family whose parent is gone cannot be loaded: every member is a fault, and none a trap.
        try FileManager.default.removeItem(atPath: "\(path)/baseline_pyramid_files/8/0_0.jpg")
        #expect(try faults(verifies: true) >= 20)
    }

    @Test("a second build of an output that is being written is refused, a fresh start too")
    func inUse() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("slide")
        let image = testPicture(300, 700)
        var refusals: [BuildError] = []
        _ = try PyramidBuild.build(testRows(image), identity: 7, options: testOptions(), to: path) { _ in
            for startsAfresh in [false, true] where refusals.count < 2 {
                var options = testOptions()
                options.startsAfresh = startsAfresh
                do throws(BuildError) {
                    _ = try build(testRows(image), options, to: path)
                } catch {
                    refusals.append(error)
                }
            }
            return true
        }
        #expect(refusals == [.inUse(path: "\(path).partial"), .inUse(path: "\(path).partial")])
    }
}
