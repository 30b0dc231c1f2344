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
    /// Qualities of the residuals on JPEG's scale, 1...100: see `DifferenceEncoder.step`.
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
        /// Weights, and a residual of this quality, 1...100, for each child.
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

    /// The most that the symbols of pictures take that share their tables.
    private static let maxGroupBytes = 32 << 20

    let qualities: Qualities
    let chroma: Chroma
    let codec = FamilyCodec()
    let family: RoundedFamily
    let material = FamilyMaterial()
    let encoder = DifferenceEncoder()
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
        for depth in 1...2 {
            let members = target.members.filter { Family.depth(ofMember: $0) == depth }
            let luma = try lumaResiduals(of: members, depth == 1 ? originals.children : originals.grandchildren)
            let ranges = luma.map { material.append($0) }
            for (number, member) in members.enumerated() {
                pack.add(member: member, residual: luma[number])
                if depth == 1 { material.set(member: member, residual: ranges[number]) }
            }
            guard chroma != .none, let originals = depth == 1 ? originals.childChroma : originals.grandchildChroma
            else { continue }
            var corrected: [Int] = []
            if case .residual(let quality) = chroma { encoder.begin(step: DifferenceEncoder.step(quality: quality)) }
            for (member, range) in zip(members, ranges) {
                let rect = shape.rect(ofMember: member)
                guard let found = try chromaWeights(of: member, rect, residual: range, originals) else { continue }
                weights[member - 1] = found
                material.set(member: member, weights: found)
                guard depth == 1, case .residual = chroma else { continue }
                encoder.add(chromaResidual(of: member, rect, originals))
                corrected.append(member)
            }
            guard !corrected.isEmpty else { continue }
            for (child, residual) in zip(corrected, encoder.finish()) {
                pack.add(child: child, chromaResidual: residual)
                material.setChromaResidual(ofChild: child, to: material.append(residual))
            }
        }
        if weights.contains(where: { $0 != .none }) { pack.add(weights: weights) }
        return pack
    }

    /// The JPEGs of what the luma of members of one depth differs from its prediction.
    private func lumaResiduals(of members: [Int], _ original: Plane) throws(RenderError) -> [[UInt8]] {
        let isChild = members.contains { $0 < 5 }
        let step = DifferenceEncoder.step(quality: isChild ? qualities.children : qualities.grandchildren)
        var residuals: [[UInt8]] = []
        encoder.begin(step: step)
        for member in members {
            let rect = codec.shape.rect(ofMember: member)
            let difference = prediction.plane(width: rect.width, height: rect.height)
            if isChild {
                try family.predictChild(member, into: difference)
            } else {
                try family.predictGrandchild(member, into: difference)
            }
            ResidualArithmetic.subtract(
                predictions: difference,
                fromOriginals: original.window(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
            )
            encoder.add(difference)
            // Only the largest tiles come to this.
            if encoder.heldBytes > Self.maxGroupBytes {
                residuals += encoder.finish()
                encoder.begin(step: step)
            }
        }
        return residuals + encoder.finish()
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
