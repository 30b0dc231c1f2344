// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs
package import TileModel

/// Turns a family's material into tiles, one member at a time, in the order in which they are asked for.
///
/// One per worker; not thread-safe. Scratch memory is kept from family to family, so that nothing is allocated per
/// family once warm (the codec library allocates for itself); it is bounded by the tile size and freed with the
/// renderer. A second worker may render other members of the same family with a renderer of its own, as long as
/// nobody writes to the material.
///
/// Which bytes come out depends on the material and the parameters alone, never on the order of calls.
package final class FamilyRenderer {
    /// The mode and the quality.
    package let parameters: ReconstructionParameters
    private let codec = FamilyCodec()
    private let padding: JPEGPadding
    private let reconstruction: Reconstruction
    private var generation: UInt64 = 0

    private enum Reconstruction {
        case rounded(RoundedFamily)
        case exact(ExactFamily)
    }

    package init(parameters: ReconstructionParameters) {
        self.parameters = parameters
        padding = JPEGPadding(decoder: codec.decoder, encoder: codec.encoder)
        switch parameters.mode {
        case .rounded: reconstruction = .rounded(RoundedFamily(codec: codec))
        case .exact: reconstruction = .exact(ExactFamily(codec: codec))
        }
    }

    /// Starts with a family: remembers the material, decodes nothing. The material must not change until the next
    /// `begin`, except by its own `begin`, after which nothing may be rendered from it.
    package func begin(_ material: FamilyMaterial) {
        codec.begin(material)
        generation = material.generation
        switch reconstruction {
        case .rounded(let family): family.begin()
        case .exact(let family): family.begin()
        }
    }

    /// The JPEG of a member, 0...20, valid until the next call of any method here or of the material.
    ///
    /// A member that has a JPEG of its own, and the parent, is passed through untouched. `padded` extends a partial tile
    /// to the full tile size, white, and encodes it at the parameters' quality; it changes nothing of a whole tile.
    /// Complexity: decodes what the member needs and no earlier call decoded, then encodes one tile.
    package func render(member: Int, padded: Bool = false) throws(RenderError) -> UnsafeRawBufferPointer {
        let (part, tile) = try part(ofMember: member)
        let shape = codec.shape
        switch part {
        case .missing:
            throw .missing(tile)
        case .plain(let range):
            guard padded, shape.isPartial(member: member) else { return unsafe codec.bytes(range) }
            do throws(CodecError) {
                return try unsafe padding.pad(
                    codec.bytes(range),
                    toWidth: shape.tileSize,
                    height: shape.tileSize,
                    quality: parameters.quality
                )
            } catch {
                throw .broken(tile, error)
            }
        case .residual(let range):
            switch reconstruction {
            case .rounded(let family):
                return try unsafe family.encode(
                    member: member,
                    residual: range,
                    padded: padded,
                    quality: parameters.quality
                )
            case .exact(let family):
                return try unsafe family.encode(
                    member: member,
                    residual: range,
                    padded: padded,
                    quality: parameters.quality
                )
            }
        }
    }
    /// The pixels of a member, 0...20, for formats other than JPEG: as `render` reconstructs them, but not encoded, in
    /// full colour resolution. A member that has a JPEG of its own is decoded. `padded` extends a partial tile to the full
    /// tile size, transparent. Allocates the picture.
    package func picture(member: Int, padded: Bool = false) throws(RenderError) -> RasterImage {
        let (part, tile) = try part(ofMember: member)
        let shape = codec.shape
        switch part {
        case .missing:
            throw .missing(tile)
        case .plain(let range):
            let rect = shape.rect(ofMember: member)
            do throws(CodecError) {
                let image = try unsafe codec.decoder.decodeRaster(codec.bytes(range))
                let fits = image.width >= rect.width && image.height >= rect.height
                guard fits else {
                    let expected = "\(rect.width)x\(rect.height)"
                    throw .wrongSize(.jpeg, width: image.width, height: image.height, expected: expected)
                }
                let cut = image.cropped(x: 0, y: 0, width: rect.width, height: rect.height)
                return padded
                    ? cut.padded(toWidth: shape.tileSize, height: shape.tileSize, with: .transparent) : cut
            } catch {
                throw .broken(tile, error)
            }
        case .residual(let range):
            switch reconstruction {
            case .rounded(let family): return try family.picture(member: member, residual: range, padded: padded)
            case .exact(let family): return try family.picture(member: member, residual: range, padded: padded)
            }
        }
    }

    /// What a member of the family is made from, and its place.
    private func part(ofMember member: Int) throws(RenderError) -> (FamilyMaterial.Part, TileCoordinate) {
        precondition((0..<Family.memberCount).contains(member), "no member \(member)")
        precondition(codec.material?.generation == generation, "rendering from material that has moved on")
        let tile = codec.shape.family.coordinate(ofMember: member)
        guard codec.shape.family.contains(member: member) else { throw .missing(tile) }
        return (codec.part(ofMember: member), tile)
    }
}
