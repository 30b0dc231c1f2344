// SPDX-License-Identifier: Apache-2.0

internal import ImageCodecs
internal import TileModel

/// Reconstruction of one family in planes, rounding to nearest: the default mode.
///
/// - Luma of a child = clamp(doubled parent luma + residual - 128), kept in a mosaic of 2 x 2 tiles. Luma of a grandchild
///   = clamp(doubled mosaic + residual - 128), made when it is encoded.
/// - Chroma is the parent's at every level. For an even tile size what is encoded is 4:2:0, whose chroma grid is that
///   of the next coarser level: children take windows of the parent's chroma planes as they are, grandchildren windows
///   of those doubled once. For an odd tile size windows would fall between samples, so the output is 4:4:4.
/// - Where a child has no residual, its own JPEG's luma stands in the mosaic; where it has neither, the doubled parent
///   does, so that its grandchildren are predicted from there and corrected by their own residuals.
/// - A family may correct its chroma (`ChromaWeights`, `ResidualPack.Kind.chromaResidual`). Then a child's chroma is the
///   parent's doubled, plus weight times the child's luma residual, plus the child's chroma residual; a grandchild's is
///   that mosaic doubled, plus weight times its own luma residual. Members of a depth that is corrected are encoded
///   4:4:4; grandchildren that only inherit take windows of the children's chroma as their 4:2:0 planes. Families
///   without such entries pay nothing.
/// - Everything is lazy: a member decodes the parent, its own residual, and of the children just those whose pixels
///   the doubling reads. What was decoded serves the family's next members.
///
/// Doubling clamps at the family's true edge: no neighbouring family is consulted, and what lies beyond the picture's
/// edge in a full-size residual never shows.
final class RoundedFamily {
    private let codec: FamilyCodec
    private let upsampler: Upsampler
    private let parent: ParentPlanes
    private let mosaicBuffer = PlaneBuffer()
    private let tileBuffers = [PlaneBuffer(), PlaneBuffer(), PlaneBuffer()]
    private let childChromaBuffers = [PlaneBuffer(), PlaneBuffer()]
    private let chromaResidualBuffer = PlaneBuffer()
    /// Whether children's chroma is kept even where nothing corrects it yet: for the encoder.
    private let keepsChildChroma: Bool
    private var mosaic: Plane?
    private var hasChildChroma = false
    /// Bit c is set where child member c (1...4) stands in the mosaic.
    private var readyChildren: UInt8 = 0

    init(codec: FamilyCodec, keepsChildChroma: Bool = false) {
        self.codec = codec
        self.keepsChildChroma = keepsChildChroma
        upsampler = Upsampler()
        parent = ParentPlanes(upsampler: upsampler)
    }

    /// Forgets the last family; decodes nothing.
    func begin() {
        parent.forget()
        mosaic = nil
        hasChildChroma = false
        readyChildren = 0
    }

    // MARK: Decoding

    /// The parent's planes, decoded at the first call. Chroma is nil for a gray parent.
    private func parentPlanes() throws(RenderError) -> (luma: Plane, chroma: (blue: Plane, red: Plane)?) {
        if parent.luma == nil {
            let shape = codec.shape
            guard case .plain(let range) = codec.part(ofMember: 0) else { throw .missing(shape.family.parent) }
            let header = try codec.header(range, ofMember: 0)
            let size = shape.size(depth: 0)
            do throws(CodecError) {
                try unsafe parent.decode(
                    codec.bytes(range),
                    header: header,
                    width: size.width,
                    height: size.height,
                    by: codec.decoder
                )
            } catch {
                throw .broken(shape.family.parent, error)
            }
        }
        guard let luma = parent.luma else { preconditionFailure("a decoded parent has luma") }
        if let blue = parent.blue, let red = parent.red { return (luma, (blue, red)) }
        return (luma, nil)
    }

    /// Room for the children's luma, two full tiles a side.
    private func childMosaic() -> Plane {
        if let mosaic { return mosaic }
        let side = 2 * codec.shape.tileSize
        let plane = mosaicBuffer.plane(width: side, height: side)
        mosaic = plane
        return plane
    }

    /// Writes the prediction of a child, from the parent, into the upper left of `target`.
    func predictChild(_ member: Int, into target: Plane) throws(RenderError) {
        let rect = codec.shape.rect(ofMember: member)
        let luma = try parentPlanes().luma
        let window = target.window(x: 0, y: 0, width: rect.width, height: rect.height)
        upsampler.upsample(luma, x: rect.x, y: rect.y, into: window, rounding: .nearest)
    }

    /// Writes the prediction of a grandchild, from the children as decoded, into the upper left of `target`.
    func predictGrandchild(_ member: Int, into target: Plane) throws(RenderError) {
        let rect = codec.shape.rect(ofMember: member)
        let source = try children(readBy: rect)
        let window = target.window(x: 0, y: 0, width: rect.width, height: rect.height)
        upsampler.upsample(source, x: rect.x, y: rect.y, into: window, rounding: .nearest)
    }

    /// Writes a member's chroma as it is before its own weights and residual. Returns false for a gray parent.
    func predictChroma(_ member: Int, blue: Plane, red: Plane) throws(RenderError) -> Bool {
        guard var source = try parentPlanes().chroma else { return false }
        let rect = codec.shape.rect(ofMember: member)
        if Family.depth(ofMember: member) == 2 {
            _ = try children(readBy: rect)
            source = correctedChroma()
        }
        let size = (width: rect.width, height: rect.height)
        let (blue, red) = (
            blue.window(x: 0, y: 0, width: size.width, height: size.height),
            red.window(x: 0, y: 0, width: size.width, height: size.height)
        )
        upsampler.upsample(source.blue, x: rect.x, y: rect.y, into: blue, rounding: .nearest)
        upsampler.upsample(source.red, x: rect.x, y: rect.y, into: red, rounding: .nearest)
        return true
    }

    private var keepsChroma: Bool { keepsChildChroma || codec.material?.correctsChroma == true }

    /// The children's corrected chroma at its true size; those children are in it that stand in the mosaic of luma.
    private func correctedChroma() -> (blue: Plane, red: Plane) {
        let side = 2 * codec.shape.tileSize
        let size = codec.shape.size(depth: 1)
        let (blue, red) = (
            childChromaBuffers[0].plane(width: side, height: side),
            childChromaBuffers[1].plane(width: side, height: side)
        )
        return (
            blue.window(x: 0, y: 0, width: size.width, height: size.height),
            red.window(x: 0, y: 0, width: size.width, height: size.height)
        )
    }

    /// Makes a child's chroma, where the family keeps it. `residuals` are the child's of luma, nil where it has none:
    /// then what stands in for its luma says nothing about its chroma.
    private func prepareChroma(_ member: Int, _ rect: PixelRect, residuals: Plane?) throws(RenderError) {
        guard keepsChroma, let material = codec.material, let parent = try parentPlanes().chroma else { return }
        let mosaic = correctedChroma()
        let blue = mosaic.blue.window(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
        let red = mosaic.red.window(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
        upsampler.upsample(parent.blue, x: rect.x, y: rect.y, into: blue, rounding: .nearest)
        upsampler.upsample(parent.red, x: rect.x, y: rect.y, into: red, rounding: .nearest)
        guard let residuals else { return }
        let weights = material.weights(ofMember: member)
        ChromaWeights.add(weights.blue, ofResiduals: residuals, to: blue)
        ChromaWeights.add(weights.red, ofResiduals: residuals, to: red)
        guard let range = material.chromaResidual(ofChild: member) else { return }
        let stored = chromaResidualBuffer.plane(width: rect.width, height: 2 * rect.height)
        try codec.decodeChromaResidual(range, ofMember: member, into: stored)
        for (plane, y) in [(blue, 0), (red, rect.height)] {
            let part = stored.window(x: 0, y: y, width: rect.width, height: rect.height)
            ResidualArithmetic.add(predictions: plane, toResiduals: part)
            plane.copy(from: part)
        }
    }

    /// Makes sure that a child's luma stands in the mosaic, by whatever the child has.
    private func prepareChild(_ member: Int) throws(RenderError) {
        if readyChildren & (1 << UInt8(member)) != 0 { return }
        let rect = codec.shape.rect(ofMember: member)
        let mosaic = childMosaic()
        switch codec.part(ofMember: member) {
        case .residual(let range):
            let luma = try parentPlanes().luma
            try codec.decodeLuma(range, ofMember: member, into: mosaic, x: rect.x, y: rect.y)
            let window = mosaic.window(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
            try prepareChroma(member, rect, residuals: window)
            upsampler.addPrediction(luma, x: rect.x, y: rect.y, toResiduals: window, rounding: .nearest)
        case .plain(let range):
            try codec.decodeLuma(range, ofMember: member, into: mosaic, x: rect.x, y: rect.y)
            // Without a parent no member needs chroma of the family's.
            if codec.part(ofMember: 0) != .missing { try prepareChroma(member, rect, residuals: nil) }
        case .missing:
            let luma = try parentPlanes().luma
            let window = mosaic.window(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
            upsampler.upsample(luma, x: rect.x, y: rect.y, into: window, rounding: .nearest)
            try prepareChroma(member, rect, residuals: nil)
        }
        readyChildren |= 1 << UInt8(member)
    }

    /// The children's mosaic at its true size, with those children ready that a rectangle of the grandchildren reads.
    private func children(readBy rect: PixelRect) throws(RenderError) -> Plane {
        let (columns, rows) = codec.shape.childrenRead(for: rect)
        for row in rows {
            for column in columns { try prepareChild(Family.index(depth: 1, column: column, row: row)) }
        }
        let size = codec.shape.size(depth: 1)
        return childMosaic().window(x: 0, y: 0, width: size.width, height: size.height)
    }

    /// The chroma planes at the children's size: only odd tile sizes, and pictures, need them whole.
    private func childChroma(_ chroma: (blue: Plane, red: Plane)) -> (blue: Plane, red: Plane) {
        let size = codec.shape.size(depth: 1)
        let blue = childChromaBuffers[0].plane(width: size.width, height: size.height)
        let red = childChromaBuffers[1].plane(width: size.width, height: size.height)
        if !hasChildChroma {
            upsampler.upsample(chroma.blue, x: 0, y: 0, into: blue, rounding: .nearest)
            upsampler.upsample(chroma.red, x: 0, y: 0, into: red, rounding: .nearest)
            hasChildChroma = true
        }
        return (blue, red)
    }

    // MARK: Encoding

    /// The JPEG of a child or grandchild that has a residual. Valid until the encoder's next use.
    func encode(member: Int, residual: Range<Int>, padded: Bool, quality: Int) throws(RenderError)
        -> UnsafeRawBufferPointer
    {
        let isEven = codec.shape.tileSize % 2 == 0
        let planes = try reconstruct(member: member, residual: residual, padded: padded, isEven ? .quarter : .full)
        return try unsafe codec.encoding(member) { () throws(CodecError) in
            try unsafe codec.encoder.encodePlanes(
                width: planes.size.width,
                height: planes.size.height,
                subsampling: planes.subsampling,
                quality: quality,
                luma: planes.luma,
                blue: planes.chroma?.blue,
                red: planes.chroma?.red
            )
        }
    }

    /// The pixels of a child or grandchild that has a residual, for formats that keep what they are given: chroma is
    /// doubled once more instead of being left to the viewer. What is beyond the image's edge in a padded one is
    /// transparent. Allocates the picture.
    func picture(member: Int, residual: Range<Int>, padded: Bool) throws(RenderError) -> RasterImage {
        let planes = try reconstruct(member: member, residual: residual, padded: false, .full)
        let image = FamilyPicture.image(planes.luma, planes.chroma)
        let side = codec.shape.tileSize
        return padded ? image.padded(toWidth: side, height: side, with: .transparent) : image
    }

    /// What is encoded: planes of the sizes that the subsampling asks for.
    private struct Reconstructed {
        let size: GridSize
        let subsampling: ChromaSubsampling
        let luma: Plane
        /// Nil for a gray parent; the subsampling is gray then.
        let chroma: (blue: Plane, red: Plane)?
    }

    private func reconstruct(
        member: Int,
        residual: Range<Int>,
        padded: Bool,
        _ subsampling: ChromaSubsampling
    ) throws(RenderError) -> Reconstructed {
        let shape = codec.shape
        let rect = shape.rect(ofMember: member)
        let isChild = Family.depth(ofMember: member) == 1
        let padded = padded && shape.isPartial(member: member)
        let chroma = try parentPlanes().chroma
        let isCorrected = codec.material?.correctsChroma(depth: isChild ? 1 : 2) == true
        // Corrected chroma is as fine as its luma: halving it would lose what it was stored for.
        let subsampling: ChromaSubsampling = chroma == nil ? .gray : isCorrected ? .full : subsampling

        let luma: Plane
        var planes: (blue: Plane, red: Plane)?
        if isChild {
            try prepareChild(member)
            luma = childLuma(rect, subsampling, padded: padded)
            planes = chroma.map { chromaPlanes($0, rect, member, subsampling, residuals: nil, padded: padded) }
        } else {
            let source = try children(readBy: rect)
            let tile = tilePlane(0, subsampling)
            try codec.decodeLuma(residual, ofMember: member, into: tile, x: 0, y: 0)
            let window = tile.window(x: 0, y: 0, width: rect.width, height: rect.height)
            let residuals = isCorrected ? window : nil
            planes = chroma.map { chromaPlanes($0, rect, member, subsampling, residuals: residuals, padded: padded) }
            upsampler.addPrediction(source, x: rect.x, y: rect.y, toResiduals: window, rounding: .nearest)
            luma = tile
        }
        let size = padded ? GridSize(width: shape.tileSize, height: shape.tileSize) : rect.size
        let lumaSize = subsampling.lumaPlaneSize(width: size.width, height: size.height)
        let lumaWindow = luma.window(x: 0, y: 0, width: lumaSize.width, height: lumaSize.height)
        if padded {
            lumaWindow.fill(255, beyondWidth: rect.width, height: rect.height)
        } else {
            lumaWindow.replicateEdges(beyondWidth: rect.width, height: rect.height)
        }
        return Reconstructed(size: size, subsampling: subsampling, luma: lumaWindow, chroma: planes)
    }

    /// A child's luma where it lies in the mosaic, or a copy with room around it that may be written to. The mosaic has
    /// room for the one repeated sample that an odd size needs: the tile size is even then.
    private func childLuma(_ rect: PixelRect, _ subsampling: ChromaSubsampling, padded: Bool) -> Plane {
        let mosaic = childMosaic()
        guard padded else {
            let size = subsampling.lumaPlaneSize(width: rect.width, height: rect.height)
            return mosaic.window(x: rect.x, y: rect.y, width: size.width, height: size.height)
        }
        let tile = tilePlane(0, subsampling)
        tile.window(x: 0, y: 0, width: rect.width, height: rect.height)
            .copy(from: mosaic.window(x: rect.x, y: rect.y, width: rect.width, height: rect.height))
        return tile
    }

    /// The chroma that is encoded with a member, from the parent's or from the children's as corrected. `residuals`
    /// are a grandchild's own, before its prediction was added to them, where its chroma follows them.
    private func chromaPlanes(
        _ parent: (blue: Plane, red: Plane),
        _ rect: PixelRect,
        _ member: Int,
        _ subsampling: ChromaSubsampling,
        residuals: Plane?,
        padded: Bool
    ) -> (blue: Plane, red: Plane) {
        let isChild = Family.depth(ofMember: member) == 1
        let (width, height) = subsampling.chromaPlaneSize(width: rect.width, height: rect.height)
        let (x, y) = (rect.x / subsampling.horizontalFactor, rect.y / subsampling.verticalFactor)
        // The plane that has chroma at the size of the member's own level or, for 4:2:0, of the next coarser one.
        let isDirect: Bool
        let source: (blue: Plane, red: Plane)
        if isChild {
            isDirect = subsampling == .quarter || keepsChroma
            source = subsampling == .quarter || !keepsChroma ? parent : correctedChroma()
        } else {
            isDirect = subsampling == .quarter && keepsChroma
            source = keepsChroma ? correctedChroma() : subsampling == .quarter ? parent : childChroma(parent)
        }
        let weights = residuals == nil ? .none : codec.material?.weights(ofMember: member) ?? .none
        func plane(_ source: Plane, _ number: Int, _ weight: Int8) -> Plane {
            if isDirect, !padded { return source.window(x: x, y: y, width: width, height: height) }
            let tile = tilePlane(number, subsampling)
            let window = tile.window(x: 0, y: 0, width: width, height: height)
            if isDirect {
                window.copy(from: source.window(x: x, y: y, width: width, height: height))
            } else {
                upsampler.upsample(source, x: x, y: y, into: window, rounding: .nearest)
                if let residuals { ChromaWeights.add(weight, ofResiduals: residuals, to: window) }
            }
            guard padded else { return window }
            tile.fill(128, beyondWidth: width, height: height)
            return tile
        }
        return (plane(source.blue, 1, weights.blue), plane(source.red, 2, weights.red))
    }

    /// Scratch of the size of a full tile's luma (0) or chroma (1, 2).
    private func tilePlane(_ number: Int, _ subsampling: ChromaSubsampling) -> Plane {
        let side = codec.shape.tileSize
        let size =
            number == 0
            ? subsampling.lumaPlaneSize(width: side, height: side)
            : subsampling.chromaPlaneSize(width: side, height: side)
        return tileBuffers[number].plane(width: size.width, height: size.height)
    }
}
