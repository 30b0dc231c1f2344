// SPDX-License-Identifier: Apache-2.0

internal import ImageCodecs
internal import TileModel

/// Reconstruction of one family as the reference does it, byte for byte: through RGB at every level, truncating when
/// it doubles, 4:4:4 out with the library's default DCT. `docs/architecture.md` has its definition.
///
/// Where the reference fails (families cut off at the picture's edge), the rules of `RoundedFamily` hold: doubling
/// clamps at the true edge, and children are cropped to it before they are doubled again. A child that has a JPEG of its
/// own instead of a residual gives that one's luma to the mosaic; one that has neither gives its prediction.
final class ExactFamily {
    private let codec: FamilyCodec
    private let upsampler = Upsampler()
    private let parentPixels = PlaneBuffer()
    private let parentBuffers = [PlaneBuffer(), PlaneBuffer(), PlaneBuffer()]
    private let childBuffers = [PlaneBuffer(), PlaneBuffer(), PlaneBuffer()]
    private let childPixels = PlaneBuffer()
    private let tileBuffers = [PlaneBuffer(), PlaneBuffer(), PlaneBuffer()]
    private let tilePixels = PlaneBuffer()

    /// Planes of one level at the family's true size.
    private struct Planes {
        let luma: Plane
        let blue: Plane
        let red: Plane
    }

    private var parent: Planes?
    /// Chroma of the children's level, which residuals never correct.
    private var childChroma: (blue: Plane, red: Plane)?
    private var readyChildren: UInt8 = 0

    init(codec: FamilyCodec) { self.codec = codec }

    /// Forgets the last family; decodes nothing.
    func begin() {
        parent = nil
        childChroma = nil
        readyChildren = 0
    }

    private func parentPlanes() throws(RenderError) -> Planes {
        if let parent { return parent }
        let shape = codec.shape
        guard case .plain(let range) = codec.part(ofMember: 0) else { throw .missing(shape.family.parent) }
        let header = try codec.header(range, ofMember: 0)
        let pixels = parentPixels.plane(width: 4 * header.width, height: header.height)
        do throws(CodecError) {
            try unsafe codec.decoder.decodeRGBX(codec.bytes(range), header: header, into: pixels)
        } catch {
            throw .broken(shape.family.parent, error)
        }
        let size = shape.size(depth: 0)
        let planes = Planes(
            luma: parentBuffers[0].plane(width: size.width, height: size.height),
            blue: parentBuffers[1].plane(width: size.width, height: size.height),
            red: parentBuffers[2].plane(width: size.width, height: size.height)
        )
        let visible = pixels.window(x: 0, y: 0, width: 4 * size.width, height: size.height)
        ExactColour.planes(fromRGBX: visible, luma: planes.luma, blue: planes.blue, red: planes.red)
        parent = planes
        return planes
    }

    private func chromaOfChildren() throws(RenderError) -> (blue: Plane, red: Plane) {
        if let childChroma { return childChroma }
        let parent = try parentPlanes()
        let size = codec.shape.size(depth: 1)
        let blue = childBuffers[1].plane(width: size.width, height: size.height)
        let red = childBuffers[2].plane(width: size.width, height: size.height)
        upsampler.upsample(parent.blue, x: 0, y: 0, into: blue, rounding: .truncating)
        upsampler.upsample(parent.red, x: 0, y: 0, into: red, rounding: .truncating)
        childChroma = (blue, red)
        return (blue, red)
    }

    /// The children's luma, with room for two full tiles a side.
    private var childMosaic: Plane {
        let side = 2 * codec.shape.tileSize
        return childBuffers[0].plane(width: side, height: side)
    }

    /// The children's pixels, with the same room.
    private var childPixelMosaic: Plane {
        let side = 2 * codec.shape.tileSize
        return childPixels.plane(width: 4 * side, height: side)
    }

    /// Makes sure that a child stands in both mosaics: its pixels, and the luma of those pixels.
    private func prepareChild(_ member: Int) throws(RenderError) {
        if readyChildren & (1 << UInt8(member)) != 0 { return }
        let rect = codec.shape.rect(ofMember: member)
        let luma = childMosaic.window(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
        let pixels = childPixelMosaic.window(x: 4 * rect.x, y: rect.y, width: 4 * rect.width, height: rect.height)
        switch codec.part(ofMember: member) {
        case .plain(let range):
            let header = try codec.header(range, ofMember: member)
            let room = childPixelMosaic.window(x: 4 * rect.x, y: rect.y, width: 4 * header.width, height: header.height)
            do throws(CodecError) {
                try unsafe codec.decoder.decodeRGBX(codec.bytes(range), header: header, into: room)
            } catch {
                throw .broken(codec.shape.family.coordinate(ofMember: member), error)
            }
        case .residual(let range):
            let parent = try parentPlanes()
            try codec.decodeLuma(range, ofMember: member, into: childMosaic, x: rect.x, y: rect.y)
            upsampler.addPrediction(parent.luma, x: rect.x, y: rect.y, toResiduals: luma, rounding: .truncating)
            try colour(luma, rect, into: pixels)
        case .missing:
            let parent = try parentPlanes()
            upsampler.upsample(parent.luma, x: rect.x, y: rect.y, into: luma, rounding: .truncating)
            try colour(luma, rect, into: pixels)
        }
        ExactColour.luma(fromRGBX: pixels, into: luma)
        readyChildren |= 1 << UInt8(member)
    }

    /// Joins a child's luma with its chroma.
    private func colour(_ luma: Plane, _ rect: PixelRect, into pixels: Plane) throws(RenderError) {
        let chroma = try chromaOfChildren()
        ExactColour.rgbx(
            luma: luma,
            blue: chroma.blue.window(x: rect.x, y: rect.y, width: rect.width, height: rect.height),
            red: chroma.red.window(x: rect.x, y: rect.y, width: rect.width, height: rect.height),
            into: pixels
        )
    }

    /// The JPEG of a child or grandchild that has a residual. Valid until the encoder's next use.
    func encode(member: Int, residual: Range<Int>, padded: Bool, quality: Int) throws(RenderError)
        -> UnsafeRawBufferPointer
    {
        let shape = codec.shape
        let rect = shape.rect(ofMember: member)
        let padded = padded && shape.isPartial(member: member)
        var pixels = try reconstruct(member, residual, rect)
        if padded, Family.depth(ofMember: member) == 1 {
            let tile = tilePixels.plane(width: 4 * shape.tileSize, height: shape.tileSize)
            tile.window(x: 0, y: 0, width: 4 * rect.width, height: rect.height).copy(from: pixels)
            pixels = tile
        }
        if padded { pixels.fill(255, beyondWidth: 4 * rect.width, height: rect.height) }
        let size = padded ? GridSize(width: shape.tileSize, height: shape.tileSize) : rect.size
        return try unsafe codec.encoding(member) { () throws(CodecError) in
            try unsafe codec.encoder.encodeRGBX(
                pixels,
                width: size.width,
                height: size.height,
                subsampling: .full,
                quality: quality,
                dct: .libraryDefault
            )
        }
    }

    /// The pixels of a child or grandchild that has a residual, for formats that keep what they are given. What is beyond
    /// the image's edge in a padded one is transparent. Allocates the picture.
    func picture(member: Int, residual: Range<Int>, padded: Bool) throws(RenderError) -> RasterImage {
        let rect = codec.shape.rect(ofMember: member)
        let pixels = try reconstruct(member, residual, rect)
        let image = FamilyPicture.image(
            fromRGBX: pixels.window(x: 0, y: 0, width: 4 * rect.width, height: rect.height)
        )
        let side = codec.shape.tileSize
        return padded ? image.padded(toWidth: side, height: side, with: .transparent) : image
    }

    /// The pixels of a member: a child's in their mosaic, a grandchild's in the upper left of a full tile.
    private func reconstruct(_ member: Int, _ residual: Range<Int>, _ rect: PixelRect) throws(RenderError) -> Plane {
        guard Family.depth(ofMember: member) == 1 else { return try grandchild(member, residual, rect) }
        try prepareChild(member)
        return childPixelMosaic.window(x: 4 * rect.x, y: rect.y, width: 4 * rect.width, height: rect.height)
    }

    /// A grandchild's pixels in the upper left of a full tile.
    private func grandchild(_ member: Int, _ residual: Range<Int>, _ rect: PixelRect) throws(RenderError) -> Plane {
        let side = codec.shape.tileSize
        let (columns, rows) = codec.shape.childrenRead(for: rect)
        for row in rows {
            for column in columns { try prepareChild(Family.index(depth: 1, column: column, row: row)) }
        }
        let size = codec.shape.size(depth: 1)
        let source = childMosaic.window(x: 0, y: 0, width: size.width, height: size.height)
        let chroma = try chromaOfChildren()

        let tile = tileBuffers[0].plane(width: side, height: side)
        try codec.decodeLuma(residual, ofMember: member, into: tile, x: 0, y: 0)
        let luma = tile.window(x: 0, y: 0, width: rect.width, height: rect.height)
        let blue = tileBuffers[1].plane(width: rect.width, height: rect.height)
        let red = tileBuffers[2].plane(width: rect.width, height: rect.height)
        upsampler.addPrediction(source, x: rect.x, y: rect.y, toResiduals: luma, rounding: .truncating)
        upsampler.upsample(chroma.blue, x: rect.x, y: rect.y, into: blue, rounding: .truncating)
        upsampler.upsample(chroma.red, x: rect.x, y: rect.y, into: red, rounding: .truncating)
        let pixels = tilePixels.plane(width: 4 * side, height: side)
        let window = pixels.window(x: 0, y: 0, width: 4 * rect.width, height: rect.height)
        ExactColour.rgbx(luma: luma, blue: blue, red: red, into: window)
        return pixels
    }
}
