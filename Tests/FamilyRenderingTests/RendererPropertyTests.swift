// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TestSupport
import Testing
import TileModel

@Suite("Rendering of random families")
struct RendererPropertyTests {
    @Test("both modes equal their models byte for byte, in any order, padded and not, for any geometry")
    func equalsModel() throws {
        let seed = Seed.ofThisRun
        print("random families: \(seed)")
        let rounded = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: .rounded, quality: 83)))
        let exact = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: .exact)))
        for round in 0..<60 {
            var generator = seed.generator(stream: round)
            let subject = try RandomFamily(&generator)
            let (roundedModel, exactModel) = (try RoundedModel(subject), try ExactModel(subject))
            let material = subject.material()
            rounded.begin(material)
            exact.begin(material)
            for member in (0..<21).shuffled(using: &generator) {
                let padded = Bool.random(using: &generator)
                let comment: String =
                    "member \(member)\(padded ? " padded" : "") of \(subject), round \(round), \(seed)"
                guard let part = subject.parts[member] else {
                    let missing = RenderError.missing(subject.family.coordinate(ofMember: member))
                    #expect(throws: missing, "\(comment)") { try rounded.renderedBytes(member, padded: padded) }
                    #expect(throws: missing, "\(comment)") { try exact.renderedBytes(member, padded: padded) }
                    continue
                }
                if member == 0 || !part.isResidual {
                    if !padded {
                        expectBytes(try rounded.renderedBytes(member), equal: part.jpeg, comment)
                        expectBytes(try exact.renderedBytes(member), equal: part.jpeg, comment)
                    } else {
                        try checkPadding(part.jpeg, by: rounded.renderedBytes(member, padded: true), subject, comment)
                    }
                    continue
                }
                let isPadded = padded && subject.pyramid.isPartial(subject.family.coordinate(ofMember: member))
                let roundedExpected = try roundedModel.tile(member, padded: isPadded, quality: 83)
                expectBytes(try rounded.renderedBytes(member, padded: padded), equal: roundedExpected, comment)
                let exactExpected = try exactModel.tile(member, padded: isPadded)
                expectBytes(try exact.renderedBytes(member, padded: padded), equal: exactExpected, comment)
            }
        }
    }

    @Test("a member's picture shows what its JPEG shows, transparent beyond the edge, and depends on no order of calls")
    func pictures() throws {
        let seed = Seed.ofThisRun
        print("pictures of random families: \(seed)")
        for mode in ReconstructionParameters.Mode.allCases {
            let renderer = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: mode)))
            let alone = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: mode)))
            for round in 0..<20 {
                var generator = seed.generator(stream: round)
                let subject = try RandomFamily(&generator)
                let material = subject.material()
                renderer.begin(material)
                for member in subject.family.members.shuffled(using: &generator) {
                    let comment: Comment = "\(mode), member \(member) of \(subject), round \(round), \(seed)"
                    guard subject.parts[member] != nil else {
                        #expect(throws: RenderError.self, comment) { try renderer.picture(member: member) }
                        continue
                    }
                    let picture = try renderer.picture(member: member)
                    let rect = subject.rect(member)
                    #expect(picture.width == rect.width && picture.height == rect.height, comment)
                    alone.begin(material)
                    #expect(try alone.picture(member: member) == picture, comment)
                    let padded = try renderer.picture(member: member, padded: true)
                    let side = subject.pyramid.tileSize
                    #expect(padded == picture.padded(toWidth: side, height: side, with: .transparent), comment)
                    // The JPEG of the same planes differs by its quantisation.
                    let jpeg = try renderer.renderedBytes(member)
                    let luma = try decodedLuma(jpeg)
                    var difference = 0
                    for y in 0..<rect.height {
                        for x in 0..<rect.width {
                            let at = y * picture.stride + x * picture.channels
                            let (r, g, b) = (0, min(1, picture.channels - 1), min(2, picture.channels - 1))
                            let own = JFIFColour.luma(
                                picture.pixels[at + r],
                                picture.pixels[at + g],
                                picture.pixels[at + b]
                            )
                            difference += abs(Int(own) - Int(luma[x, y]))
                        }
                    }
                    #expect(difference <= 6 * rect.width * rect.height, comment)
                }
            }
        }
    }

    /// A passed-through tile that was padded: full size, its own pixels in the corner, white elsewhere.
    private func checkPadding(_ stored: [UInt8], by padded: [UInt8], _ subject: RandomFamily, _ comment: String) throws
    {
        let side = subject.pyramid.tileSize
        let before = try decodedLuma(stored)
        let after = try decodedLuma(padded)
        #expect(after.width == side && after.height == side, "\(comment)")
        if before.width == side, before.height == side {
            expectBytes(padded, equal: stored, comment)
        } else if before.width + 8 < side {
            // Beyond the reach of the block that holds the edge.
            #expect(after[side - 1, 0] >= 245, "\(comment)")
        }
    }

    @Test("a grandchild decodes only the children that its doubling reads")
    func readsOnlyItsNeighbours() throws {
        var generator = Seed(11).generator()
        let encoder = JPEGEncoder()
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 64, height: 64), tileSize: 16, overlap: 0))
        let family = Family(parent: TileCoordinate(level: pyramid.maxLevel - 2, x: 0, y: 0), in: pyramid)
        let tile = RasterImage(width: 16, height: 16, filledWith: [UInt8.random(in: 90...160, using: &generator)])
        let jpeg = try encoder.encodeRaster(tile, quality: 90)
        let parent = RasterImage(width: 16, height: 16, filledWith: [100, 120, 140])
        for broken in 1...4 {
            let material = FamilyMaterial()
            material.begin(family: family, pyramid: pyramid)
            material.setParent(material.append(try encoder.encodeRaster(parent, quality: 90, subsampling: .full)))
            for member in 1...20 {
                material.set(
                    member: member,
                    residual: material.append(member == broken ? [0xFF, 0xD8, 1, 2, 3] : jpeg)
                )
            }
            for mode in ReconstructionParameters.Mode.allCases {
                for member in 5...20 {
                    let renderer = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: mode)))
                    renderer.begin(material)
                    let (column, row) = ((member - 5) & 3, (member - 5) >> 2)
                    // The child above it, and the neighbours of the two inner columns and rows.
                    let columns: [Int] = column == 0 ? [0] : column == 3 ? [1] : [0, 1]
                    let rows: [Int] = row == 0 ? [0] : row == 3 ? [1] : [0, 1]
                    let reads = rows.contains((broken - 1) >> 1) && columns.contains((broken - 1) & 1)
                    let result = Result { try renderer.renderedBytes(member) }
                    if reads {
                        #expect(throws: RenderError.self, "member \(member), broken child \(broken)") {
                            try result.get()
                        }
                        guard case .failure(let error as RenderError) = result, case .broken(let where_, _) = error
                        else {
                            Issue.record("an error that names the child")
                            continue
                        }
                        #expect(where_ == family.coordinate(ofMember: broken))
                    } else {
                        #expect(throws: Never.self, "member \(member), broken child \(broken)") { try result.get() }
                    }
                }
            }
        }
    }

    @Test("pictures of another size than the member's are refused, full tiles at the edge cropped")
    func wrongSizes() throws {
        let encoder = JPEGEncoder()
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 50, height: 64), tileSize: 16, overlap: 0))
        let family = Family(parent: TileCoordinate(level: pyramid.maxLevel - 2, x: 0, y: 0), in: pyramid)
        func gray(_ width: Int, _ height: Int) throws -> [UInt8] {
            try encoder.encodeRaster(RasterImage(width: width, height: height, filledWith: [128]), quality: 90)
        }
        for mode in ReconstructionParameters.Mode.allCases {
            let renderer = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: mode)))
            // Member 8 is the last grandchild of the first row: 2 x 16 pixels.
            for (width, height, isAccepted) in [
                (2, 16, true), (16, 16, true), (3, 16, false), (16, 15, false), (1, 16, false), (17, 16, false),
                (32, 32, false),
            ] {
                let material = FamilyMaterial()
                material.begin(family: family, pyramid: pyramid)
                material.setParent(material.append(try gray(13, 16)))
                material.set(member: 8, residual: material.append(try gray(width, height)))
                renderer.begin(material)
                if isAccepted {
                    let tile = try decodedLuma(renderer.renderedBytes(8))
                    #expect(tile.width == 2 && tile.height == 16)
                } else {
                    #expect(throws: RenderError.self) { try renderer.renderedBytes(8) }
                }
            }
        }
    }

    @Test("without a parent a residual member is missing its parent, and a plain one is served")
    func noParent() throws {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 64, height: 64), tileSize: 16, overlap: 0))
        let family = Family(parent: TileCoordinate(level: pyramid.maxLevel - 2, x: 0, y: 0), in: pyramid)
        let tile = try JPEGEncoder().encodeRaster(RasterImage(width: 16, height: 16, filledWith: [128]), quality: 90)
        for mode in ReconstructionParameters.Mode.allCases {
            let material = FamilyMaterial()
            material.begin(family: family, pyramid: pyramid)
            material.set(member: 1, residual: material.append(tile))
            material.set(member: 2, plain: material.append(tile))
            let renderer = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: mode)))
            renderer.begin(material)
            #expect(throws: RenderError.missing(family.parent)) { try renderer.renderedBytes(0) }
            #expect(throws: RenderError.missing(family.parent)) { try renderer.renderedBytes(1) }
            #expect(try renderer.renderedBytes(2) == tile)
        }
    }

    @Test("members whose JPEGs are damaged give an error or a tile, never a trap, and the renderer works on")
    func damagedJPEGs() throws {
        let seed = Seed.ofThisRun
        print("damaged families: \(seed)")
        for mode in ReconstructionParameters.Mode.allCases {
            let renderer = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: mode)))
            var refused = 0
            for round in 0..<200 {
                var generator = seed.generator(stream: round)
                let subject = try RandomFamily(&generator, missing: false)
                guard let victim = subject.family.members.randomElement(using: &generator),
                    var jpeg = subject.parts[victim]?.jpeg
                else { continue }
                if round % 4 == 0 {
                    jpeg.removeLast(Int.random(in: 1..<jpeg.count, using: &generator))
                } else {
                    for _ in 0..<Int.random(in: 1...5, using: &generator) {
                        jpeg[Int.random(in: 0..<jpeg.count, using: &generator)] ^=
                            1 << UInt8.random(in: 0..<8, using: &generator)
                    }
                }
                renderer.begin(subject.material(replacing: victim, with: jpeg))
                for member in subject.family.members {
                    do throws(RenderError) {
                        _ = try renderer.renderedBytes(member, padded: round % 2 == 0)
                    } catch {
                        #expect(!error.description.isEmpty)
                        refused += 1
                    }
                }
                // The same family undamaged comes out as from a renderer that never saw damage.
                if round % 20 == 0 {
                    let fresh = FamilyRenderer(parameters: renderer.parameters)
                    let material = subject.material()
                    renderer.begin(material)
                    fresh.begin(material)
                    for member in subject.family.members {
                        expectBytes(
                            try renderer.renderedBytes(member),
                            equal: try fresh.renderedBytes(member),
                            "\(seed)"
                        )
                    }
                }
            }
            #expect(refused > 0)
        }
    }
}
