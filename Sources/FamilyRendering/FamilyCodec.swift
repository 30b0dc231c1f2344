// SPDX-License-Identifier: Apache-2.0

internal import ImageCodecs
internal import TileModel

/// One worker's codec handles with the family that they work on: what both modes of reconstruction share.
final class FamilyCodec {
    let decoder = JPEGDecoder()
    let encoder = JPEGEncoder()
    private(set) var material: FamilyMaterial?
    private var shapeOfFamily: FamilyShape?

    /// Starts with a family. Decodes nothing.
    func begin(_ material: FamilyMaterial) {
        guard let family = material.family, let pyramid = material.pyramid else {
            preconditionFailure("rendering before a family was set")
        }
        self.material = material
        shapeOfFamily = FamilyShape(family: family, pyramid: pyramid)
    }

    var shape: FamilyShape {
        guard let shapeOfFamily else { preconditionFailure("rendering before begin") }
        return shapeOfFamily
    }

    func part(ofMember member: Int) -> FamilyMaterial.Part { material?.part(ofMember: member) ?? .missing }

    /// The stored bytes at a place of the arena, valid until the material changes.
    func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        guard let material else { preconditionFailure("rendering before begin") }
        return unsafe material.bytes(range)
    }

    /// The header of a stored picture that must be of its member's size, or a full tile.
    func header(_ range: Range<Int>, ofMember member: Int) throws(RenderError) -> JPEGHeader {
        let header: JPEGHeader
        let limits = ImageLimits(maxWidth: Pyramid.maxTileSize, maxHeight: Pyramid.maxTileSize, maxPixels: 1 << 24)
        do throws(CodecError) {
            header = try unsafe decoder.header(of: bytes(range), limits: limits)
        } catch {
            throw .broken(shape.family.coordinate(ofMember: member), error)
        }
        try shape.check(header, ofMember: member)
        return header
    }

    /// Decodes the luma of a stored picture to the place at (`x`, `y`) of a mosaic that has room for a full tile there.
    func decodeLuma(
        _ range: Range<Int>,
        ofMember member: Int,
        into mosaic: Plane,
        x: Int,
        y: Int
    ) throws(RenderError) {
        let header = try header(range, ofMember: member)
        do throws(CodecError) {
            try unsafe decoder.decodeLuma(
                bytes(range),
                header: header,
                into: mosaic.window(x: x, y: y, width: header.width, height: header.height)
            )
        } catch {
            throw .broken(shape.family.coordinate(ofMember: member), error)
        }
    }

    /// Decodes a child's chroma residual, Cb's differences above Cr's. Its size must be that of `target`.
    func decodeChromaResidual(_ range: Range<Int>, ofMember member: Int, into target: Plane) throws(RenderError) {
        do throws(CodecError) {
            let limits = ImageLimits(
                maxWidth: Pyramid.maxTileSize,
                maxHeight: 2 * Pyramid.maxTileSize,
                maxPixels: 1 << 25
            )
            let header = try unsafe decoder.header(of: bytes(range), limits: limits)
            guard header.width == target.width, header.height == target.height else {
                throw .wrongSize(
                    .jpeg,
                    width: header.width,
                    height: header.height,
                    expected: "a chroma residual of \(target.width)x\(target.height)"
                )
            }
            try unsafe decoder.decodeLuma(bytes(range), header: header, into: target)
        } catch {
            throw .broken(shape.family.coordinate(ofMember: member), error)
        }
    }

    /// Wraps what an encoder throws.
    func encoding(
        _ member: Int,
        _ body: () throws(CodecError) -> UnsafeRawBufferPointer
    ) throws(RenderError) -> UnsafeRawBufferPointer {
        do throws(CodecError) {
            return try unsafe body()
        } catch {
            throw .notEncoded(shape.family.coordinate(ofMember: member), error)
        }
    }
}
