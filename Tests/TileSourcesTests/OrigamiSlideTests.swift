// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import Foundation
import ImageCodecs
import LockFree
import Telemetry
import TestSupport
import Testing
import TileModel

@testable import TileSources

@Suite("ORIGAMI slides of the shared data", .enabled(if: SharedData.isPresent, SharedData.reason))
struct OrigamiSlideTests {
    /// A copy of he-q90-r32 that keeps the named parts of its residuals.
    private func slide(keeping kept: Set<String>, in directory: TemporaryDirectory) throws -> String {
        let path = try directory.copy(try SharedData.url("slides/he-q90-r32"), to: "slide")
        for part in ["residuals.bundle", "residual_packs", "residuals_j32"] where !kept.contains(part) {
            try FileManager.default.removeItem(atPath: "\(path)/\(part)")
        }
        return path
    }

    /// All members of all families in exact mode, by file name as the reference names them.
    private func render(_ source: any TileSource) throws -> [String: [UInt8]] {
        let parameters = try #require(ReconstructionParameters(mode: .exact))
        let renderer = FamilyRenderer(parameters: parameters)
        let material = FamilyMaterial()
        var result: [String: [UInt8]] = [:]
        for family in families(of: source) {
            try source.load(family, into: material)
            renderer.begin(material)
            for member in family.members where member != 0 {
                let tile = family.coordinate(ofMember: member)
                result["\(tile)"] = unsafe [UInt8](try renderer.render(member: member))
            }
        }
        return result
    }

    private func families(of source: any TileSource) -> [Family] {
        let level = source.info.pyramid.maxLevel - 2
        let grid = source.info.pyramid.grid(ofLevel: level)
        return (0..<grid.area).compactMap {
            source.family(for: TileCoordinate(level: level, x: $0 % grid.width, y: $0 / grid.width))
        }
    }

    /// What the reference decoder wrote.
    private func expected() throws -> [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        for (folder, level) in [("L1", 10), ("L0", 11)] {
            let url = try SharedData.url("expected/he-q90-r32/\(folder)")
            for case let name as String in FileManager.default.enumerator(atPath: url.path) ?? .init() {
                guard name.hasSuffix(".jpg") else { continue }
                let file = try #require(name.split(separator: "/").last).dropLast(4).replacing("_", with: "/")
                result["\(level)/\(file)"] = [UInt8](try Data(contentsOf: url.appending(path: name)))
            }
        }
        return result
    }

    @Test(
        "packs, the bundle and loose files each give the reference's bytes",
        arguments: ["residual_packs", "residuals.bundle", "residuals_j32"]
    )
    func everySource(part: String) throws {
        let directory = try TemporaryDirectory()
        let source = try openSource(try slide(keeping: [part], in: directory), logger: .silent)
        #expect(source.info.form == "origami")
        let rendered = try render(source)
        let expected = try expected()
        #expect(expected.count == 80)
        #expect(rendered.keys.sorted() == expected.keys.sorted())
        let different = expected.keys.filter { rendered[$0] != expected[$0] }.sorted()
        #expect(different.isEmpty)
    }

    @Test("the bundle wins over packs, packs over loose files, loose files over plain tiles")
    func priority() throws {
        let directory = try TemporaryDirectory()
        let path = try slide(keeping: ["residuals.bundle", "residual_packs", "residuals_j32"], in: directory)
        let material = FamilyMaterial()
        // A marked copy of each lower source must never be read while a higher one is there.
        for x in 0...1 {
            for y in 0...1 {
                try Data("bad!!".utf8).write(to: URL(fileURLWithPath: "\(path)/residual_packs/\(x)_\(y).pack"))
            }
        }
        let bundled = try openSource(path, logger: .silent)
        let family = try #require(families(of: bundled).first)
        try bundled.load(family, into: material)
        #expect(family.members.dropFirst().allSatisfy { isResidual(material.part(ofMember: $0)) })

        try FileManager.default.removeItem(atPath: "\(path)/residuals.bundle")
        try FileManager.default.removeItem(atPath: "\(path)/residual_packs")
        var writer = ResidualPack.Writer()
        writer.add(member: 1, residual: [0xFF, 0xD8, 0xFF, 1])
        try directory.write("slide/residual_packs/0_0.pack", writer.file())
        try FileManager.default.removeItem(atPath: "\(path)/residuals_j32/L1/0_0/1_0.jpg")
        let mixed = try openSource(path, logger: .silent)
        try mixed.load(family, into: material)
        #expect(bytes(of: material, 1) == [0xFF, 0xD8, 0xFF, 1])
        #expect(try bytes(of: material, 3) == SharedData.bytes("slides/he-q90-r32/residuals_j32/L1/0_0/0_1.jpg"))
        guard case .plain = material.part(ofMember: 2) else {
            Issue.record("the plain tile does not stand in for a missing residual")
            return
        }
        #expect(try bytes(of: material, 2) == SharedData.bytes("slides/he-q90-r32/baseline_pyramid_files/10/1_0.jpg"))
    }

    private func isResidual(_ part: FamilyMaterial.Part) -> Bool {
        if case .residual = part { true } else { false }
    }

    private func bytes(of material: FamilyMaterial, _ member: Int) -> [UInt8] {
        switch material.part(ofMember: member) {
        case .missing: []
        case .plain(let range), .residual(let range): unsafe [UInt8](material.bytes(range))
        }
    }

    @Test("a damaged pack, however it is damaged, never changes a tile: the plain tiles stand in, or it is an error")
    func damagedPacks() throws {
        let directory = try TemporaryDirectory()
        let path = try slide(keeping: ["residual_packs"], in: directory)
        let pack = try SharedData.bytes("slides/he-q90-r32/residual_packs/0_0.pack")
        let family = try #require(families(of: try openSource(path, logger: .silent)).first)
        let material = FamilyMaterial()
        for damage in ["", "short", String(decoding: pack.prefix(pack.count / 2), as: UTF8.self)] {
            try directory.write("slide/residual_packs/0_0.pack", damage.isEmpty ? [] : Array(damage.utf8))
            let source = try openSource(path, logger: .silent)
            try source.load(family, into: material)
            let allPlain = family.members.dropFirst().allSatisfy { member in
                if case .plain = material.part(ofMember: member) { true } else { false }
            }
            #expect(allPlain)
            #expect(material.isDamaged(member: 20))
            #expect(material.deviation(ofMember: 20) != 0, "a stand-in is told from the true tile")
        }
        // Without plain tiles the same is damage, and no hole.
        try FileManager.default.removeItem(atPath: "\(path)/baseline_pyramid_files/11")
        let source = try openSource(path, logger: .silent)
        try source.load(family, into: material)
        #expect(material.part(ofMember: 20) == .missing && material.isDamaged(member: 20))
        // Without the pack at all, members are simply missing.
        try FileManager.default.removeItem(atPath: "\(path)/residual_packs/0_0.pack")
        try source.load(family, into: material)
        #expect(material.part(ofMember: 20) == .missing && !material.isDamaged(member: 20))
    }

    @Test("a damaged bundle is reported and packs stand in; without any it is an error for what has no plain tile")
    func damagedBundles() throws {
        let directory = try TemporaryDirectory()
        let path = try slide(keeping: ["residuals.bundle", "residual_packs"], in: directory)
        let bundle = try SharedData.bytes("slides/he-q90-r32/residuals.bundle")
        let material = FamilyMaterial()
        var grid = bundle
        grid[6] = 3
        grid[10] = 6
        for damaged in [[], Array(bundle.prefix(20)), Array(bundle.dropLast(40)), Array("nonsense".utf8), grid] {
            try directory.write("slide/residuals.bundle", damaged)
            let source = try openSource(path, logger: .silent)
            let family = try #require(families(of: source).first)
            try source.load(family, into: material)
            #expect(family.members.dropFirst().allSatisfy { isResidual(material.part(ofMember: $0)) })
        }
        try FileManager.default.removeItem(atPath: "\(path)/residual_packs")
        try FileManager.default.removeItem(atPath: "\(path)/baseline_pyramid_files/11")
        let source = try openSource(path, logger: .silent)
        let family = try #require(families(of: source).first)
        try source.load(family, into: material)
        #expect(material.part(ofMember: 20) == .missing && material.isDamaged(member: 20))
    }

    @Test("an index entry of a bundle that points anywhere is refused, never followed")
    func hostileBundleIndex() throws {
        let directory = try TemporaryDirectory()
        let path = try slide(keeping: ["residuals.bundle"], in: directory)
        let bundle = try SharedData.bytes("slides/he-q90-r32/residuals.bundle")
        let index = (14..<22).reversed().reduce(0) { $0 << 8 | Int(bundle[$1]) }
        let material = FamilyMaterial()
        for (offset, length) in [(UInt64.max, 5), (0, 100), (UInt64(index), 12), (40, UInt32.max), (1 << 62, 9)]
            as [(UInt64, UInt32)]
        {
            var changed = bundle
            for byte in 0..<8 { changed[index + byte] = UInt8(truncatingIfNeeded: offset >> UInt64(8 * byte)) }
            for byte in 0..<4 { changed[index + 8 + byte] = UInt8(truncatingIfNeeded: length >> UInt32(8 * byte)) }
            try directory.write("slide/residuals.bundle", changed)
            let source = try openSource(path, logger: .silent)
            let families = families(of: source)
            // Plain tiles stand in for the first family; the others are untouched.
            try source.load(families[0], into: material)
            #expect(!isResidual(material.part(ofMember: 1)))
            try source.load(families[3], into: material)
            #expect(isResidual(material.part(ofMember: 1)))
        }
    }

    @Test("residuals of zero bytes or of no JPEG are passed over for the plain tile; a damaged parent is an error")
    func damagedLooseFiles() throws {
        let directory = try TemporaryDirectory()
        let path = try slide(keeping: ["residuals_j32"], in: directory)
        try directory.write("slide/residuals_j32/L1/0_0/0_0.jpg", [])
        try directory.write("slide/residuals_j32/L0/0_0/0_0.jpg", "text".utf8)
        let source = try openSource(path, logger: .silent)
        let family = try #require(families(of: source).first)
        let material = FamilyMaterial()
        try source.load(family, into: material)
        for member in [1, 5] {
            guard case .plain = material.part(ofMember: member) else {
                Issue.record("member \(member) is not the plain tile")
                return
            }
        }
        try FileManager.default.removeItem(atPath: "\(path)/baseline_pyramid_files/11/0_0.jpg")
        try source.load(family, into: material)
        #expect(material.part(ofMember: 5) == .missing && material.isDamaged(member: 5))
        #expect(isResidual(material.part(ofMember: 6)) && !material.isDamaged(member: 6), "its neighbours are sound")
        try directory.write("slide/baseline_pyramid_files/9/0_0.jpg", [])
        #expect(throws: SourceError.self) { try source.load(family, into: material) }
        // Without its parent a family of residuals is an error, one of plain tiles is not.
        try FileManager.default.removeItem(atPath: "\(path)/baseline_pyramid_files/9/0_0.jpg")
        #expect(throws: SourceError.self) { try source.load(family, into: material) }
        for level in ["L1", "L0"] {
            try FileManager.default.removeItem(atPath: "\(path)/residuals_j32/\(level)/0_0")
        }
        try source.load(family, into: material)
        #expect(material.part(ofMember: 0) == .missing && material.part(ofMember: 20) != .missing)
    }

    @Test("residuals of other formats are passed over, and an overlap or PNG tiles are refused by name")
    func refusedSlides() throws {
        let directory = try TemporaryDirectory()
        func describe(_ name: String, overlap: Int = 0, format: String = "jpg") throws -> String {
            try directory.write(
                "\(name)/baseline_pyramid.dzi",
                "<Image TileSize='16' Overlap='\(overlap)' Format='\(format)'><Size Width='64' Height='64'/></Image>"
                    .utf8
            )
            try directory.makeFolder("\(name)/baseline_pyramid_files")
            return directory.path(name)
        }
        let webp = try describe("webp")
        try directory.write("webp/residuals_x/L1/0_0/0_0.webp", [1])
        try directory.write("webp/baseline_pyramid_files/5/0_0.jpg", [0xFF, 0xD8, 0xFF])
        let source = try openSource(webp, logger: .silent)
        let family = try #require(source.family(for: TileCoordinate(level: 4, x: 0, y: 0)))
        let material = FamilyMaterial()
        try source.load(family, into: material)
        #expect(!isResidual(material.part(ofMember: 1)) && material.part(ofMember: 1) != .missing)

        let plain = try describe("plain", overlap: 2)
        #expect(try openSource(plain, logger: .silent).family(for: TileCoordinate(level: 6, x: 0, y: 0)) == nil)
        for (name, overlap, format, needle) in [("lap", 1, "jpg", "Overlap"), ("png", 0, "png", "png")] {
            let path = try describe(name, overlap: overlap, format: format)
            try directory.write("\(name)/residual_packs/0_0.pack", [0])
            do {
                _ = try openSource(path, logger: .silent)
                Issue.record("\(name) was opened")
            } catch {
                #expect(error.description.contains(needle))
            }
        }
    }

    @Test("the slide of odd size is served whole: every tile of every level in its true size")
    func oddSize() throws {
        let source = try openSource(try SharedData.url("slides/he-odd-size").path, logger: .silent)
        try expectTrueSizes(of: source, parameters: .standard)
        let exact = try #require(ReconstructionParameters(mode: .exact))
        try expectTrueSizes(of: source, parameters: exact)
    }

    @Test(
        "of several folders of residuals the complete one is taken: its packs and files are seen, the other's are not"
    )
    func chosenResiduals() throws {
        let source = try openSource(try SharedData.url("slides/he-odd-size").path, logger: .silent)
        let families = families(of: source)
        #expect(families.count == 9)
        let material = FamilyMaterial()
        try source.load(families[0], into: material)
        #expect(families[0].members.dropFirst().allSatisfy { isResidual(material.part(ofMember: $0)) })
        // 0_2 has two loose children alone; 1_2 has residuals in the folder that was not taken.
        try source.load(families[6], into: material)
        #expect(families[6].members.filter { isResidual(material.part(ofMember: $0)) } == [1, 2])
        try source.load(families[7], into: material)
        #expect(families[7].members.allSatisfy { !isResidual(material.part(ofMember: $0)) })
    }

    @Test("versions follow the bundle, the folders of packs and of parents, and the description")
    func versions() throws {
        let directory = try TemporaryDirectory()
        let path = try slide(keeping: ["residual_packs", "residuals_j32"], in: directory)
        func version() throws -> TilesetVersion { try openSource(path, logger: .silent).info.version }
        let first = try version()
        #expect(try version() == first)
        try directory.write("slide/baseline_pyramid_files/11/0_0.jpg", [0xFF, 0xD8, 0xFF])
        #expect(try version() == first)
        try FileManager.default.removeItem(atPath: "\(path)/residual_packs/0_0.pack")
        let second = try version()
        #expect(second != first)
        try directory.write("slide/residuals.bundle", try SharedData.bytes("slides/he-q90-r32/residuals.bundle"))
        let third = try version()
        #expect(third != second)
        // As rsync and mv do it: what families are rendered from is replaced by another file of its name.
        let parents =
            "\(path)/baseline_pyramid_files/\(try openSource(path, logger: .silent).info.pyramid.maxLevel - 2)"
        let other = try directory.write("other.jpg", [0xFF, 0xD8, 0xFF])
        let code = unsafe rename(other, "\(parents)/0_0.jpg")
        #expect(code == 0)
        #expect(try version() != third)
    }

    @Test("two slides are loaded by eight threads at once as by one")
    func concurrentLoading() throws {
        let source = try openSource(try SharedData.url("slides/he-q90-r32").path, logger: .silent)
        let families = families(of: source)
        let expected = try families.map { family in
            let material = FamilyMaterial()
            try source.load(family, into: material)
            return (0..<21).map { bytes(of: material, $0) }
        }
        let failures = Lock<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 64) { number in
            let material = FamilyMaterial()
            let index = number % families.count
            do {
                try source.load(families[index], into: material)
                let loaded = (0..<21).map { bytes(of: material, $0) }
                if loaded != expected[index] { failures.withLock { $0.append("different") } }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 }.isEmpty)
    }
}

/// Reads or renders every tile and compares its size with the geometry's.
func expectTrueSizes(of source: any TileSource, parameters: ReconstructionParameters) throws {
    let renderer = FamilyRenderer(parameters: parameters)
    let material = FamilyMaterial()
    let buffer = TileBuffer()
    let pyramid = source.info.pyramid
    var loaded: Family?
    for level in pyramid.levels {
        let grid = pyramid.grid(ofLevel: level)
        // By families, so that each is loaded once.
        let tiles = (0..<grid.area).map { TileCoordinate(level: level, x: $0 % grid.width, y: $0 / grid.width) }
            .sorted { ($0.y >> 2, $0.x >> 2) < ($1.y >> 2, $1.x >> 2) }
        for tile in tiles {
            let size: GridSize?
            if let family = source.family(for: tile) {
                if family != loaded {
                    try source.load(family, into: material)
                    renderer.begin(material)
                    loaded = family
                }
                let member = try #require(family.member(at: tile))
                size = unsafe ImageHeader([UInt8](try renderer.render(member: member)))?.size
            } else {
                _ = try source.readTile(tile, into: buffer)
                size = ImageHeader(buffer.bytes)?.size
            }
            #expect(size == pyramid.rect(of: tile).size, "\(tile)")
        }
    }
}

@Suite("The committed sample slide")
struct SampleSlideTests {
    @Test("every tile of every level has its true size")
    func trueSizes() throws {
        let path = SharedData.packageRoot.appending(path: "tiles-sample/tissue").path
        let source = try openSource(path, logger: .silent)
        #expect(source.info.pyramid.size == GridSize(width: 2900, height: 2150))
        #expect(source.info.micronsPerPixel == 0.5)
        #expect(source.info.attribution?.isEmpty == false)
        try expectTrueSizes(of: source, parameters: .standard)
    }
}
