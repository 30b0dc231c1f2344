// SPDX-License-Identifier: Apache-2.0

internal import ImageCodecs
internal import TileModel

extension ResidualEncoder {
    /// The weights that bring a member's chroma nearest to the original's, from its luma residual as it decodes. Nil where
    /// the parent is gray: then there is nothing to predict from.
    func chromaWeights(
        of member: Int,
        _ rect: PixelRect,
        residual: Range<Int>,
        _ originals: (blue: Plane, red: Plane)
    ) throws(RenderError) -> ChromaWeights? {
        let (blue, red) = (
            scratch[0].plane(width: rect.width, height: rect.height),
            scratch[1].plane(width: rect.width, height: rect.height)
        )
        guard try family.predictChroma(member, blue: blue, red: red) else { return nil }
        let decoded = scratch[2].plane(width: codec.shape.tileSize, height: codec.shape.tileSize)
        try codec.decodeLuma(residual, ofMember: member, into: decoded, x: 0, y: 0)
        let residuals = decoded.window(x: 0, y: 0, width: rect.width, height: rect.height)
        func weight(_ original: Plane, _ predicted: Plane) -> Int8 {
            ChromaWeights.weight(
                original: original.window(x: rect.x, y: rect.y, width: rect.width, height: rect.height),
                predicted: predicted,
                residuals: residuals
            )
        }
        return ChromaWeights(blue: weight(originals.blue, blue), red: weight(originals.red, red))
    }

    /// What a child's chroma, with its weights, differs from the original's: Cb's differences above Cr's. Called right
    /// after `chromaWeights(of:)`, whose planes of predictions and of the luma residual are still in the scratch memory.
    func chromaResidual(
        of member: Int,
        _ rect: PixelRect,
        _ originals: (blue: Plane, red: Plane)
    ) -> Plane {
        let weights = material.weights(ofMember: member)
        let residuals = scratch[2].plane(width: codec.shape.tileSize, height: codec.shape.tileSize)
            .window(x: 0, y: 0, width: rect.width, height: rect.height)
        let target = scratch[3].plane(width: rect.width, height: 2 * rect.height)
        let parts = [(0, weights.blue, originals.blue, 0), (1, weights.red, originals.red, rect.height)]
        for (number, weight, original, y) in parts {
            let predicted = scratch[number].plane(width: rect.width, height: rect.height)
            ChromaWeights.add(weight, ofResiduals: residuals, to: predicted)
            ResidualArithmetic.subtract(
                predictions: predicted,
                fromOriginals: original.window(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
            )
            target.window(x: 0, y: y, width: rect.width, height: rect.height).copy(from: predicted)
        }
        return target
    }
}
