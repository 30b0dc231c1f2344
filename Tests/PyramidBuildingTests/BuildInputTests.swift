// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageCodecs
import Telemetry
import TestSupport
import Testing
import TileModel
import TileSources

@testable import PyramidBuilding

@Suite("Inputs of builds")
struct BuildInputTests {
    private let logger = Logger(level: .error, format: .text)

    private func open(_ path: String, limit: Int = 1 << 30) throws(BuildError) -> any RowSource {
        var forms = BuildInputForms()
        forms.maxHeldBytes = limit
        guard case .rows(let rows) = try BuildInput(path: path, forms: forms, logger: logger).contents else {
            throw .input(path: path, reason: "not rows")
        }
        return rows
    }

    /// All rows as one picture of planes.
    private func all(_ rows: any RowSource, _ count: Int) throws -> [[UInt8]] {
        var planes: [[UInt8]] = [[], [], []]
        var done = 0
        while done < rows.height {
            let part = try rows.read(count)
            done += part.luma.height
            for (number, plane) in ([part.luma] + (part.chroma.map { [$0.blue, $0.red] } ?? [])).enumerated() {
                for row in 0..<plane.height {
                    // SAFETY: the row has `width` samples.
                    planes[number] += unsafe Array(UnsafeBufferPointer(start: plane.row(row), count: plane.width))
                }
            }
        }
        #expect(done == rows.height)
        return planes
    }

    @Test("a PNG by rows has the pixels of the PNG that is decoded whole: gray, colour, alpha")
    func png() throws {
        let directory = try TemporaryDirectory()
        for channels in [1, 3, 4] {
            let (width, height) = (83, 57)
            let pixels = (0..<(width * height * channels)).map { UInt8(truncatingIfNeeded: $0 * 31 / 7) }
            let image = RasterImage(width: width, height: height, channels: channels, pixels: pixels)
            let png = try PNGCodec.encode(image, content: .photographic)
            let path = try directory.write("\(channels).png", png)
            let rows = try open(path)
            let expected = try all(testRows(PNGCodec.decode(png).flattenedOverWhite()), 1000)
            #expect(try all(rows, 10) == expected, "\(channels) channels")
        }
    }

    @Test("a PNG or JPEG that ends early or is damaged is an error at its row, never a trap")
    func damage() throws {
        let directory = try TemporaryDirectory()
        let image = testPicture(200, 160)
        let png = try PNGCodec.encode(image, content: .photographic)
        let jpeg = try JPEGEncoder().encodeRaster(image, quality: 90)
        for bytes in [png, jpeg] {
            for length in [8, 30, 100, bytes.count / 2, bytes.count - 200] {
                let path = try directory.write("cut", bytes[..<length])
                #expect(throws: (any Error).self, "\(length)") { try all(open(path), 64) }
            }
            let seed = Seed.ofThisRun
            print("build inputs: \(seed)")
            for round in 0..<100 {
                var generator = seed.generator(stream: round)
                var damaged = bytes
                for _ in 0..<4 {
                    damaged[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
                        in: 0...255,
                        using: &generator
                    )
                }
                _ = try? all(open(directory.write("damaged", damaged), limit: 1 << 24), 64)
            }
        }
    }

    @Test(
        "a JPEG of red, green and blue is read as pixels are, whatever its sampling",
        arguments: [ChromaSubsampling.full, .quarter]
    )
    func rgb(subsampling: ChromaSubsampling) throws {
        let directory = try TemporaryDirectory()
        let jpeg = HeldJPEG.asRGB(
            try JPEGEncoder().encodeRaster(testPicture(93, 71), quality: 90, subsampling: subsampling)
        )
        let pixels = try JPEGDecoder().decodeRaster(jpeg)
        #expect(try all(open(directory.write("rgb.jpg", jpeg)), 16) == all(testRows(pixels), 1000))
    }

    @Test("a JPEG that must be held is refused above the limit, by its size and before it is decoded")
    func limit() throws {
        let directory = try TemporaryDirectory()
        let jpeg = try JPEGEncoder().encodeRaster(testPicture(640, 300), quality: 90, subsampling: .quarter)
        let path = try directory.write("big.jpg", jpeg)
        #expect(throws: BuildError.self) { try open(path, limit: 287_999) }
        #expect(try open(path, limit: 288_000).subsampling == .quarter, "1.5 bytes a pixel")
        let error = #expect(throws: BuildError.self) { try open(path, limit: 100_000) }
        #expect(error?.description.contains("288000 bytes") == true, "\(String(describing: error))")
    }

    @Test("while a JPEG is decoded and held, no more is allocated than its planes: 1.6, 2.1 and 3.1 bytes a pixel")
    func heldBytes() async {
        await #expect(processExitsWith: .success) { try HeldJPEG.measure(.quarter, bytesPerPixel: 1.6) }
        await #expect(processExitsWith: .success) { try HeldJPEG.measure(.halfWidth, bytesPerPixel: 2.1) }
        await #expect(processExitsWith: .success) { try HeldJPEG.measure(.full, bytesPerPixel: 3.1) }
        await #expect(processExitsWith: .success) { try HeldJPEG.measure(.full, isRGB: true, bytesPerPixel: 3.1) }
        // The limit is one: with less than the planes take, it does not come to an end.
        await #expect(processExitsWith: .failure) { try HeldJPEG.measure(.quarter, bytesPerPixel: 1.4) }
    }

    @Test("what a progressive JPEG needs beside its planes is counted before it is decoded")
    func progressive() async {
        await #expect(processExitsWith: .success) {
            unsafe setenv("TJ_PROGRESSIVE", "1", 1)
            try HeldJPEG.measure(.quarter, bytesPerPixel: 4.6, refusedBelow: 4.5)
        }
    }

    @Test("where one form knows a file and cannot read it, the next that knows it may")
    func forms() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("slide.svs", Array("II*\0 a slide".utf8))
        func form(_ name: String, knows: Bool = true, _ facts: PictureFacts?) -> PictureForm {
            PictureForm(name: name, recognizes: { _, _ in knows }) { (_) throws(CodecError) in
                guard let facts else { throw .unreadable(reason: "\(name) cannot") }
                return FactualRows(testRows(testPicture(20, 10)), facts)
            }
        }
        var forms = BuildInputForms()
        var facts = PictureFacts()
        (facts.micronsPerPixel, facts.objectivePower, facts.vendor) = (0.25, 40, "someone")
        forms.pictures = [form("first", nil), form("other", knows: false, nil), form("last", facts)]
        let input = try BuildInput(path: path, forms: forms, logger: logger)
        #expect(input.summary == "last, 20x10 pixels" && input.description.micronsPerPixel == 0.25)
        #expect(input.description.objectivePower == 40 && input.description.vendor == "someone")
        forms.pictures.removeLast()
        let error = #expect(throws: BuildError.self) { try BuildInput(path: path, forms: forms, logger: logger) }
        #expect(error?.description.contains("first cannot") == true, "\(String(describing: error))")
    }

    @Test("an input that may not be read is refused by name and reason", .enabled(if: geteuid() == 0, "needs root"))
    func permission() async {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            let path = try directory.write("secret.png", [1, 2, 3])
            guard unsafe chmod(path, 0) == 0, seteuid(65534) == 0 else { throw CodecError.unreadable(reason: "chmod") }
            let error = #expect(throws: BuildError.self) {
                try BuildInput(path: path, forms: BuildInputForms(), logger: Logger(level: .error, format: .text))
            }
            seteuid(0)
            #expect(error?.description == "read \(path): permission denied")
        }
    }

    @Test("a header that declares rows of a billion pixels is refused before memory is taken for them")
    func longRows() throws {
        let directory = try TemporaryDirectory()
        var png = try PNGCodec.encode(RasterImage(width: 1, height: 1, filledWith: [1, 2, 3]), content: .photographic)
        png.replaceSubrange(16..<20, with: [0x3F, 0xFF, 0xFF, 0xFF])
        // The chunk's CRC-32 of the changed header, by its definition.
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in png[12..<29] {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        crc ^= 0xFFFF_FFFF
        png.replaceSubrange(29..<33, with: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: crc >> $0) })
        let path = try directory.write("long.png", png)
        let error = #expect(throws: BuildError.self) { try open(path) }
        #expect(error?.description.contains("1073741823x1 pixels") == true, "\(String(describing: error))")
        // What is read without rows of its own is asked for its width, too.
        let long = PictureRows(
            PlanarPicture(luma: Plane(width: 1 << 20, height: 1), chroma: nil),
            width: 1 << 20,
            height: 1,
            subsampling: .gray
        )
        var options = testOptions()
        options.maxHeldBytes = 1 << 28
        #expect(throws: BuildError.self) {
            try PyramidBuild.build(long, identity: 1, options: options, to: directory.path("slide")) { _ in true }
        }
        #expect(!FileManager.default.fileExists(atPath: directory.path("slide.partial")))
    }

    @Test("JPEG samplings of one direction are read as 4:4:4, seams or not")
    func samplings() throws {
        let directory = try TemporaryDirectory()
        for subsampling in [ChromaSubsampling.halfWidth, .halfHeight, .quarterWidth, .full, .gray] {
            let jpeg = try JPEGEncoder().encodeRaster(testPicture(93, 71), quality: 90, subsampling: subsampling)
            let path = try directory.write("\(subsampling).jpg", jpeg)
            let rows = try open(path)
            #expect(rows.subsampling == (subsampling == .gray ? .gray : .full))
            let (once, pieces) = (try all(open(path), 1000), try all(rows, 16))
            #expect(once[0] == pieces[0] && once[0].count == 93 * 71)
            if subsampling != .gray { #expect(once == pieces && once[1].count == 93 * 71) }
        }
    }

    @Test("what is absent, empty or of no known form is refused by name")
    func refusals() throws {
        let directory = try TemporaryDirectory()
        let empty = try directory.write("empty", [])
        let text = try directory.write("text.txt", Array("hello".utf8))
        for path in [directory.path("absent.png"), empty, text, try directory.makeFolder("folder")] {
            let error = #expect(throws: BuildError.self) {
                try BuildInput(path: path, forms: BuildInputForms(), logger: logger)
            }
            #expect(error?.description.contains(path) == true)
        }
    }

    @Test("a folder of map tiles is a picture: its finest level, white where a tile is missing")
    func mapTiles() throws {
        let directory = try TemporaryDirectory()
        let whole = testPicture(512, 512)
        for level in 0...1 {
            for y in 0..<(1 << level) {
                for x in 0..<(1 << level) where (level, x, y) != (1, 1, 0) {
                    let tile = whole.cropped(x: 256 * x, y: 256 * y, width: 256, height: 256)
                    try directory.write("map/\(level)/\(x)/\(y).png", PNGCodec.encode(tile, content: .photographic))
                }
            }
        }
        let input = try BuildInput(path: directory.path("map"), forms: BuildInputForms(), logger: logger)
        guard case .tileset(let source) = input.contents else {
            Issue.record("\(input.summary)")
            return
        }
        #expect(source.info.pyramid.size == GridSize(width: 512, height: 512))
        var options = testOptions(tileSize: 128)
        options.description = input.description
        #expect(!PyramidBuild.canTakeOver(source, options: options))
        _ = try PyramidBuild.build(
            TilesetRows(source),
            identity: input.identity,
            options: options,
            to: directory.path("slide")
        ) { _ in true }
        let slide = try OrigamiSlide(folder: directory.path("slide"), logger: logger)
        var expected = whole
        for y in 0..<256 {
            let at = y * expected.stride + 3 * 256
            expected.pixels.replaceSubrange(at..<(at + 3 * 256), with: [UInt8](repeating: 255, count: 3 * 256))
        }
        var inspection = try TilesetInspection(slide, verifies: true)
        #expect(inspection.faults.isEmpty)
        try inspection.compare(slide, with: .rows(testRows(expected)), quality: 100)
        #expect((inspection.levels.last?.similarity?.lumaPSNR ?? 99) > 30)
    }

    @Test("halving by bands equals halving the whole, for any size, chunk and band")
    func streams() throws {
        let seed = Seed.ofThisRun
        print("plane streams: \(seed)")
        for round in 0..<60 {
            var generator = seed.generator(stream: round)
            let size = GridSize(
                width: Int.random(in: 1...150, using: &generator),
                height: Int.random(in: 1...150, using: &generator)
            )
            let pyramid = try #require(Pyramid(deepZoom: size, tileSize: 16, overlap: 0))
            var levels = [Plane(width: size.width, height: size.height)]
            for y in 0..<size.height {
                // SAFETY: inside the plane.
                for x in 0..<size.width { unsafe levels[0].row(y)[x] = .random(in: 0...255, using: &generator) }
            }
            while levels[levels.count - 1].width > 1 || levels[levels.count - 1].height > 1 {
                let finer = levels[levels.count - 1]
                let next = Plane(width: (finer.width + 1) / 2, height: (finer.height + 1) / 2)
                for y in 0..<next.height {
                    for x in 0..<next.width {
                        var sum = 2
                        for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                            let (v, u) = (min(2 * y + row, finer.height - 1), min(2 * x + column, finer.width - 1))
                            // SAFETY: clamped into the plane.
                            sum += unsafe Int(finer.row(v)[u])
                        }
                        // SAFETY: inside the plane.
                        unsafe next.row(y)[x] = UInt8(sum / 4)
                    }
                }
                levels.append(next)
            }
            let bandRows = Int.random(in: 1...40, using: &generator)
            let keepsRows = Bool.random(using: &generator)
            let stream = PlaneStream(
                pyramid: pyramid,
                finest: pyramid.maxLevel,
                roundsUp: Bool.random(using: &generator)
            ) { _ in bandRows }
            var seen = levels.map { _ in 0 }
            var row = 0
            while row < size.height {
                let count = min(Int.random(in: 1...30, using: &generator), size.height - row)
                let part = levels[0].window(x: 0, y: row, width: size.width, height: count)
                try stream.push(part, keepsRows: keepsRows) { (level, index, band) in
                    let whole = levels[pyramid.maxLevel - level]
                    let rows = min(bandRows, whole.height - index * bandRows)
                    #expect(index * bandRows == seen[pyramid.maxLevel - level])
                    for y in 0..<rows {
                        for x in 0..<whole.width {
                            // SAFETY: inside both planes.
                            if unsafe band.row(y)[x] != whole.row(index * bandRows + y)[x] {
                                Issue.record("level \(level) of \(size), \(seed), round \(round)")
                                return
                            }
                        }
                    }
                    seen[pyramid.maxLevel - level] += rows
                }
                row += count
            }
            #expect(seen == levels.map(\.height), "\(size)")
        }
    }
}

/// Rows with facts.
private final class FactualRows: DescribedRows {
    let facts: PictureFacts
    private let rows: any RowSource

    init(_ rows: any RowSource, _ facts: PictureFacts) {
        self.rows = rows
        self.facts = facts
    }

    var width: Int { rows.width }
    var height: Int { rows.height }
    var subsampling: ChromaSubsampling { rows.subsampling }
    var keepsRows: Bool { rows.keepsRows }

    func read(_ count: Int) throws(CodecError) -> PlanarPicture { try rows.read(count) }
}
