// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs
package import TileModel

/// Makes a family's residuals from the original picture, in a closed loop with the rounded decoder.
///
/// A child's residual is the original's luma minus the doubled luma of the parent *as its JPEG decodes*; a grandchild's
/// is the original's minus the doubled children *as decoded from their residuals*. So what quantisation loses at one
/// level is corrected at the next instead of being carried along. The same code predicts here and in
/// `FamilyRenderer`, so the two cannot drift apart. Chroma, where it is wanted, is predicted and corrected in the same
/// loop (`ResidualEncoder+Chroma.swift`).
///
/// One per worker; not thread-safe.
package final class ResidualEncoder {
    /// JPEG qualities of the residuals, 1...100.
    package struct Qualities: Hashable, Sendable {
        package let children: Int
        package let grandchildren: Int

        /// The reference's defaults: errors of a child are seen twice, those of a grandchild once.
        package static let standard = Qualities(uncheckedChildren: 60, grandchildren: 40)

        /// Nil outside 1...100.
        package init?(children: Int, grandchildren: Int) {
            guard (1...100).contains(children), (1...100).contains(grandchildren) else { return nil }
            self.init(uncheckedChildren: children, grandchildren: grandchildren)
        }

        private init(uncheckedChildren: Int, grandchildren: Int) {
            children = uncheckedChildren
            self.grandchildren = grandchildren
        }
    }

    /// What is kept of chroma below the parent.
    package enum Chroma: Hashable, Sendable {
        /// Nothing: the parent's, doubled, as the reference has it.
        case none
        /// Weights alone: two bytes a tile.
        case predicted
        /// Weights, and a residual of this JPEG quality, 1...100, for each child.
        case residual(quality: Int)
    }

    /// The original planes of a family's two finer levels, of the sizes that `size(of:in:depth:)` gives. Read only.
    package struct Originals {
        package var children: Plane
        package var grandchildren: Plane
        /// Chroma at the size of the children; nil where there is none, or none is wanted.
        package var childChroma: (blue: Plane, red: Plane)?
        /// Chroma at the size of the grandchildren; nil where the original has none of that size.
        package var grandchildChroma: (blue: Plane, red: Plane)?

        package init(
            children: Plane,
            grandchildren: Plane,
            childChroma: (blue: Plane, red: Plane)? = nil,
            grandchildChroma: (blue: Plane, red: Plane)? = nil
        ) {
            self.children = children
            self.grandchildren = grandchildren
            self.childChroma = childChroma
            self.grandchildChroma = grandchildChroma
        }
    }

    let qualities: Qualities
    let chroma: Chroma
    let codec = FamilyCodec()
    let family: RoundedFamily
    let material = FamilyMaterial()
    private let prediction = PlaneBuffer()
    let scratch = (0..<4).map { _ in PlaneBuffer() }

    package init(qualities: Qualities = .standard, chroma: Chroma = .none) {
        self.qualities = qualities
        self.chroma = chroma
        family = RoundedFamily(codec: codec, keepsChildChroma: chroma != .none)
    }

    /// The size of the family's pixels `depth` levels below the parent: what `encode` expects there.
    package static func size(of family: Family, in pyramid: Pyramid, depth: Int) -> GridSize {
        FamilyShape(family: family, pyramid: pyramid).size(depth: depth)
    }

    /// Encodes the residuals of every member below the parent into a pack that has its checksum when it becomes a file.
    ///
    /// `parent` is the JPEG that will be served, of the parent's true size. Throws where it cannot be decoded or is of
    /// another size.
    package func encode(
        family target: Family,
        pyramid: Pyramid,
        parent: [UInt8],
        originals: Originals
    ) throws(RenderError) -> ResidualPack.Writer {
        material.begin(family: target, pyramid: pyramid)
        material.setParent(material.append(parent))
        codec.begin(material)
        family.begin()
        let shape = codec.shape
        for (plane, depth) in [(originals.children, 1), (originals.grandchildren, 2)] {
            let size = shape.size(depth: depth)
            precondition(plane.width == size.width && plane.height == size.height, "originals must be \(size)")
        }
        var pack = ResidualPack.Writer()
        var weights = [ChromaWeights](repeating: .none, count: Family.memberCount - 1)
        // Children come first, so that a grandchild is predicted from what the decoder will have.
        for member in target.members where member > 0 {
            let isChild = member < 5
            let rect = shape.rect(ofMember: member)
            let residual = try lumaResidual(of: member, rect, isChild ? originals.children : originals.grandchildren)
            pack.add(member: member, residual: residual)
            let range = material.append(residual)
            if isChild { material.set(member: member, residual: range) }
            let chromaOriginals = isChild ? originals.childChroma : originals.grandchildChroma
            guard chroma != .none, let chromaOriginals,
                let found = try chromaWeights(of: member, rect, residual: range, chromaOriginals)
            else { continue }
            weights[member - 1] = found
            material.set(member: member, weights: found)
            guard isChild, case .residual(let quality) = chroma else { continue }
            let chromaResidual = try chromaResidual(of: member, rect, chromaOriginals, quality: quality)
            pack.add(child: member, chromaResidual: chromaResidual)
            material.setChromaResidual(ofChild: member, to: material.append(chromaResidual))
        }
        if weights.contains(where: { $0 != .none }) { pack.add(weights: weights) }
        return pack
    }

    /// The gray JPEG of what a member's luma differs from its prediction.
    private func lumaResidual(of member: Int, _ rect: PixelRect, _ original: Plane) throws(RenderError) -> [UInt8] {
        let difference = prediction.plane(width: rect.width, height: rect.height)
        let isChild = member < 5
        if isChild {
            try family.predictChild(member, into: difference)
        } else {
            try family.predictGrandchild(member, into: difference)
        }
        ResidualArithmetic.subtract(
            predictions: difference,
            fromOriginals: original.window(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
        )
        return try gray(difference, member, quality: isChild ? qualities.children : qualities.grandchildren)
    }

    /// A gray JPEG without its JFIF header, whose 18 bytes tell a decoder of one component nothing.
    func gray(_ plane: Plane, _ member: Int, quality: Int) throws(RenderError) -> [UInt8] {
        let encoded = try unsafe codec.encoding(member) { () throws(CodecError) in
            try unsafe codec.encoder.encodePlanes(
                width: plane.width,
                height: plane.height,
                subsampling: .gray,
                quality: quality,
                luma: plane,
                blue: nil,
                red: nil
            )
        }
        // SAFETY: the bytes are copied before the encoder's next use.
        return unsafe encoded.dropFirst(2).starts(with: [0xFF, 0xE0, 0x00, 0x10])
            ? [0xFF, 0xD8] + [UInt8](encoded.dropFirst(20)) : [UInt8](encoded)
    }

    /// The same, from pictures: luma and chroma by the JFIF formula.
    package func encode(
        family target: Family,
        pyramid: Pyramid,
        parent: [UInt8],
        children: RasterImage,
        grandchildren: RasterImage
    ) throws(RenderError) -> ResidualPack.Writer {
        let (fine, coarse) = (PlanarPicture(grandchildren), PlanarPicture(children))
        return try encode(
            family: target,
            pyramid: pyramid,
            parent: parent,
            originals: Originals(
                children: coarse.luma,
                grandchildren: fine.luma,
                childChroma: coarse.chroma,
                grandchildChroma: fine.chroma
            )
        )
    }
}
