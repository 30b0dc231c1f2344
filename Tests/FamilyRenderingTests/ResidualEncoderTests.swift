// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TestSupport
import Testing
import TileModel

@Suite("The residual encoder")
struct ResidualEncoderTests {
    /// A smooth picture with an edge, of a level's size within the family; `scale` 1 is the finest.
    private func picture(_ size: GridSize, scale: Int) -> RasterImage {
        var pixels: [UInt8] = []
        for y in 0..<size.height {
            for x in 0..<size.width {
                let (u, v) = (x * scale, y * scale)
                let base = 60 + (u * 2 + v * 3) % 97 + (u > v ? 40 : 0)
                pixels += [UInt8(base), UInt8(base / 2 + 40), UInt8(200 - base / 2)]
            }
        }
        return RasterImage(width: size.width, height: size.height, channels: 3, pixels: pixels)
    }

    /// The luma of every member below the parent, as encoded residuals and the rounded decoder give it, and the
    /// originals.
    private func roundTrip(
        _ pyramid: Pyramid,
        _ family: Family,
        _ qualities: ResidualEncoder.Qualities,
        _ chroma: ResidualEncoder.Chroma = .none
    ) throws -> [(member: Int, decoded: Plane, original: Plane)] {
        let sizes = (0...2).map { ResidualEncoder.size(of: family, in: pyramid, depth: $0) }
        let parent = try JPEGEncoder().encodeRaster(picture(sizes[0], scale: 4), quality: 90, subsampling: .full)
        let originals = [picture(sizes[1], scale: 2), picture(sizes[2], scale: 1)]
        let writer = try ResidualEncoder(qualities: qualities, chroma: chroma).encode(
            family: family,
            pyramid: pyramid,
            parent: parent,
            children: originals[0],
            grandchildren: originals[1]
        )
        let residuals = writer.residuals
        #expect(residuals.map(\.member) == family.members.filter { $0 > 0 })
        let material = FamilyMaterial()
        material.begin(family: family, pyramid: pyramid)
        material.setParent(material.append(parent))
        try material.addPack(material.append(writer.file()))
        let renderer = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: .rounded, quality: 100)))
        renderer.begin(material)
        let side = pyramid.tileSize
        return try residuals.map { residual in
            let depth = Family.depth(ofMember: residual.member)
            let rect = pyramid.rect(of: family.coordinate(ofMember: residual.member))
            let original = Plane(width: rect.width, height: rect.height)
            let part = originals[depth - 1].cropped(
                x: rect.x - family.parent.x * side << depth,
                y: rect.y - family.parent.y * side << depth,
                width: rect.width,
                height: rect.height
            )
            JFIFColour.luma(of: part, into: original)
            return (residual.member, try decodedLuma(renderer.renderedBytes(residual.member)), original)
        }
    }

    private func meanError(_ tile: (member: Int, decoded: Plane, original: Plane)) -> Double {
        let differences = zip(tile.decoded.samples, tile.original.samples).map { abs(Int($0) - Int($1)) }
        return Double(differences.reduce(0, +)) / Double(differences.count)
    }

    @Test("at full quality the originals' luma comes back, for any size down to one pixel")
    func fullQuality() throws {
        let qualities = try #require(ResidualEncoder.Qualities(children: 100, grandchildren: 100))
        for (width, height, tileSize) in [
            (3, 3, 1), (4, 1, 1), (5, 7, 2), (64, 64, 16), (61, 33, 16), (50, 37, 15), (100, 90, 24), (9, 300, 32),
        ] {
            let chroma: ResidualEncoder.Chroma = width % 2 == 0 ? .none : .residual(quality: 90)
            let size = GridSize(width: width, height: height)
            let pyramid = try #require(Pyramid(deepZoom: size, tileSize: tileSize, overlap: 0))
            let grid = pyramid.grid(ofLevel: pyramid.maxLevel - 2)
            for y in 0..<grid.height {
                for x in 0..<grid.width {
                    let parent = TileCoordinate(level: pyramid.maxLevel - 2, x: x, y: y)
                    for tile in try roundTrip(pyramid, Family(parent: parent, in: pyramid), qualities, chroma) {
                        #expect(meanError(tile) < 1.5, "member \(tile.member) below \(parent) of \(size)")
                    }
                }
            }
        }
    }

    @Test("chroma weights and residuals bring the colour back that doubling loses, at both levels")
    func chroma() throws {
        let size = GridSize(width: 119, height: 77)
        let pyramid = try #require(Pyramid(deepZoom: size, tileSize: 32, overlap: 0))
        let family = Family(parent: TileCoordinate(level: pyramid.maxLevel - 2, x: 0, y: 0), in: pyramid)
        let sizes = (0...2).map { ResidualEncoder.size(of: family, in: pyramid, depth: $0) }
        let fine = picture(sizes[2], scale: 1)
        let children = fine.halvedForTest()
        let parent = try JPEGEncoder().encodeRaster(children.halvedForTest(), quality: 95, subsampling: .full)
        let renderer = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: .rounded, quality: 100)))
        let qualities = try #require(ResidualEncoder.Qualities(children: 90, grandchildren: 90))
        var errors: [[Double]] = []
        for chroma in [ResidualEncoder.Chroma.none, .predicted, .residual(quality: 90)] {
            let pack = try ResidualEncoder(qualities: qualities, chroma: chroma).encode(
                family: family,
                pyramid: pyramid,
                parent: parent,
                children: children,
                grandchildren: fine
            )
            let material = FamilyMaterial()
            material.begin(family: family, pyramid: pyramid)
            material.setParent(material.append(parent))
            try material.addPack(material.append(pack.file()))
            #expect(material.correctsChroma == (chroma != .none))
            renderer.begin(material)
            var depths = [Distortion(), Distortion()]
            for member in family.members where member > 0 {
                let rect = pyramid.rect(of: family.coordinate(ofMember: member))
                let original = (member < 5 ? children : fine)
                    .cropped(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
                let decoded = try JPEGDecoder().decodeRaster(renderer.renderedBytes(member))
                try depths[member < 5 ? 0 : 1].add(original, decoded)
            }
            errors.append(depths.map(\.psnr))
        }
        print("chroma none, predicted, residual: PSNR of children and grandchildren \(errors)")
        for depth in 0...1 {
            #expect(errors[1][depth] > errors[0][depth] + 1)
            #expect(errors[2][depth] > errors[1][depth])
        }
    }

    @Test("what a child's quantisation loses is corrected by its grandchildren: the loop is closed")
    func closedLoop() throws {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 128, height: 120), tileSize: 32, overlap: 0))
        let family = Family(parent: TileCoordinate(level: pyramid.maxLevel - 2, x: 0, y: 0), in: pyramid)
        let qualities = try #require(ResidualEncoder.Qualities(children: 3, grandchildren: 100))
        let tiles = try roundTrip(pyramid, family, qualities)
        let children = tiles.filter { $0.member < 5 }.map(meanError)
        let grandchildren = tiles.filter { $0.member >= 5 }.map(meanError)
        #expect((children.max() ?? 0) > 3, "the children are bad")
        #expect((grandchildren.max() ?? 9) < 1.5, "the grandchildren are not: \(grandchildren)")
    }

    private func grayPicture(_ jpeg: [UInt8]) throws -> RasterImage {
        let luma = try decodedLuma(jpeg)
        return RasterImage(width: luma.width, height: luma.height, channels: 1, pixels: luma.samples)
    }

    @Test("qualities outside of 1...100 do not exist")
    func qualities() {
        #expect(ResidualEncoder.Qualities(children: 0, grandchildren: 40) == nil)
        #expect(ResidualEncoder.Qualities(children: 60, grandchildren: 101) == nil)
        #expect(ResidualEncoder.Qualities.standard == ResidualEncoder.Qualities(children: 60, grandchildren: 40))
    }

    @Test("a damaged parent is refused")
    func damagedParent() throws {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 8, height: 8), tileSize: 2, overlap: 0))
        let family = Family(parent: TileCoordinate(level: pyramid.maxLevel - 2, x: 0, y: 0), in: pyramid)
        #expect(throws: RenderError.self) {
            try ResidualEncoder().encode(
                family: family,
                pyramid: pyramid,
                parent: [1, 2, 3],
                children: RasterImage(width: 4, height: 4, filledWith: [9]),
                grandchildren: RasterImage(width: 8, height: 8, filledWith: [9])
            )
        }
    }

    @Test(
        "our residuals of the shared slide give better grandchildren than the reference's, at the qualities it uses",
        .enabled(if: SharedData.isPresent, SharedData.reason)
    )
    func sharedSlide() throws {
        let pyramid = try SlideFixture.pyramid()
        let family = try SlideFixture.families()[3]
        let decoder = JPEGDecoder()
        func level(_ depth: Int) throws -> RasterImage {
            let side = pyramid.tileSize << depth
            var image = RasterImage(width: side, height: side, filledWith: [0, 0, 0])
            for member in family.members where Family.depth(ofMember: member) == depth {
                let coordinate = family.coordinate(ofMember: member)
                let tile = try decoder.decodeRaster(SlideFixture.plainTile(coordinate))
                let x = (coordinate.x - family.parent.x << depth) * pyramid.tileSize
                let y = (coordinate.y - family.parent.y << depth) * pyramid.tileSize
                for row in 0..<tile.height {
                    let at = (y + row) * image.stride + 3 * x
                    image.pixels.replaceSubrange(
                        at..<(at + tile.stride),
                        with: tile.pixels[(row * tile.stride)..<((row + 1) * tile.stride)]
                    )
                }
            }
            return image
        }
        let qualities = try #require(ResidualEncoder.Qualities(children: 32, grandchildren: 32))
        let residuals = try ResidualEncoder(qualities: qualities).encode(
            family: family,
            pyramid: pyramid,
            parent: SlideFixture.plainTile(family.parent),
            children: level(1),
            grandchildren: level(2)
        ).residuals
        let ours = FamilyMaterial()
        ours.begin(family: family, pyramid: pyramid)
        ours.setParent(ours.append(try SlideFixture.plainTile(family.parent)))
        for residual in residuals { ours.set(member: residual.member, residual: ours.append(residual.jpeg)) }
        let theirs = try SlideFixture.material(family, from: .pack)

        let renderer = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: .rounded, quality: 95)))
        /// Over all grandchildren: of luma, which residuals correct, and of RGB.
        func psnr(_ material: FamilyMaterial) throws -> (luma: Double, colour: Double) {
            renderer.begin(material)
            var luma = Distortion()
            var colour = Distortion()
            for member in 5...20 {
                let plain = try SlideFixture.plainTile(family.coordinate(ofMember: member))
                let rendered = try renderer.renderedBytes(member)
                try colour.add(decoder.decodeRaster(plain), decoder.decodeRaster(rendered))
                try luma.add(grayPicture(plain), grayPicture(rendered))
            }
            return (luma.psnr, colour.psnr)
        }
        let (our, their) = (try psnr(ours), try psnr(theirs))
        let bytes = residuals.reduce(0) { $0 + $1.jpeg.count }
        print(
            "grandchildren at q32, luma and RGB PSNR: our residuals \(our) (\(bytes) bytes), the reference's \(their)"
        )
        #expect(our.luma > their.luma)
    }
}

extension RasterImage {
    /// Means of two by two.
    fileprivate func halvedForTest() -> RasterImage {
        let size = ((width + 1) / 2, (height + 1) / 2)
        var result: [UInt8] = []
        for y in 0..<size.1 {
            for x in 0..<size.0 {
                for channel in 0..<channels {
                    func at(_ x: Int, _ y: Int) -> Int {
                        Int(pixels[(min(y, height - 1) * width + min(x, width - 1)) * channels + channel])
                    }
                    let sum = at(2 * x, 2 * y) + at(2 * x + 1, 2 * y) + at(2 * x, 2 * y + 1) + at(2 * x + 1, 2 * y + 1)
                    result.append(UInt8((sum + 2) / 4))
                }
            }
        }
        return RasterImage(width: size.0, height: size.1, channels: channels, pixels: result)
    }
}
