// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs
package import TileModel

/// Makes a family's residuals from the original picture, in a closed loop with the rounded decoder.
///
/// A child's residual is the original's luma minus the doubled luma of the parent *as its JPEG decodes*; a grandchild's
/// is the original's minus the doubled children *as decoded from their residuals*. So what quantisation loses at one
/// level is corrected at the next instead of being carried along. The same code predicts here and in
/// `FamilyRenderer`, so the two cannot drift apart.
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

    /// A gray JPEG for one member, 1...20.
    package struct Residual: Hashable, Sendable {
        package let member: Int
        package let jpeg: [UInt8]
    }

    private let qualities: Qualities
    private let codec = FamilyCodec()
    private let family: RoundedFamily
    private let material = FamilyMaterial()
    private let prediction = PlaneBuffer()
    private let originals = [PlaneBuffer(), PlaneBuffer()]

    package init(qualities: Qualities = .standard) {
        self.qualities = qualities
        family = RoundedFamily(codec: codec)
    }

    /// The size of the family's pixels `depth` levels below the parent: what `encode` expects there.
    package static func size(of family: Family, in pyramid: Pyramid, depth: Int) -> GridSize {
        FamilyShape(family: family, pyramid: pyramid).size(depth: depth)
    }

    /// Encodes the residuals of every member below the parent, children first, row by row.
    ///
    /// `parent` is the JPEG that will be served, of the parent's true size; `children` and `grandchildren` are the
    /// original luma of the family's two finer levels, of the sizes that `size(of:in:depth:)` gives. The planes are
    /// read only. Throws where the parent cannot be decoded or is of another size.
    package func encode(
        family target: Family,
        pyramid: Pyramid,
        parent: [UInt8],
        children: Plane,
        grandchildren: Plane
    ) throws(RenderError) -> [Residual] {
        material.begin(family: target, pyramid: pyramid)
        material.setParent(material.append(parent))
        codec.begin(material)
        family.begin()
        let shape = codec.shape
        for (plane, depth) in [(children, 1), (grandchildren, 2)] {
            let size = shape.size(depth: depth)
            precondition(plane.width == size.width && plane.height == size.height, "originals must be \(size)")
        }
        var residuals: [Residual] = []
        residuals.reserveCapacity(20)
        for member in target.members where member > 0 {
            let rect = shape.rect(ofMember: member)
            let difference = prediction.plane(width: rect.width, height: rect.height)
            let isChild = Family.depth(ofMember: member) == 1
            if isChild {
                try family.predictChild(member, into: difference)
            } else {
                try family.predictGrandchild(member, into: difference)
            }
            let original = (isChild ? children : grandchildren)
                .window(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
            ResidualArithmetic.subtract(predictions: difference, fromOriginals: original)
            let encoded = try unsafe codec.encoding(member) { () throws(CodecError) in
                try unsafe codec.encoder.encodePlanes(
                    width: rect.width,
                    height: rect.height,
                    subsampling: .gray,
                    quality: isChild ? qualities.children : qualities.grandchildren,
                    luma: difference,
                    blue: nil,
                    red: nil
                )
            }
            // The children's come first, so that a grandchild is predicted from what the decoder will have.
            if isChild { material.set(member: member, residual: unsafe material.append(encoded)) }
            residuals.append(Residual(member: member, jpeg: unsafe [UInt8](encoded)))
        }
        return residuals
    }

    /// The same, from pictures: their luma by the JFIF formula.
    package func encode(
        family target: Family,
        pyramid: Pyramid,
        parent: [UInt8],
        children: RasterImage,
        grandchildren: RasterImage
    ) throws(RenderError) -> [Residual] {
        let childLuma = originals[0].plane(width: children.width, height: children.height)
        let grandchildLuma = originals[1].plane(width: grandchildren.width, height: grandchildren.height)
        JFIFColour.luma(of: children, into: childLuma)
        JFIFColour.luma(of: grandchildren, into: grandchildLuma)
        return try encode(
            family: target,
            pyramid: pyramid,
            parent: parent,
            children: childLuma,
            grandchildren: grandchildLuma
        )
    }
}
