// SPDX-License-Identifier: Apache-2.0

internal import ImageCodecs
internal import TileModel

/// Extends a stored JPEG tile to the full tile size, in planes: chroma subsampling and colours stay what they are.
final class TilePadding {
    private let codec: FamilyCodec
    private let buffers = [PlaneBuffer(), PlaneBuffer(), PlaneBuffer()]

    init(codec: FamilyCodec) { self.codec = codec }

    /// The padded JPEG, valid until the encoder's next use. A tile that is stored at full size is returned as it is; one
    /// that is larger is refused.
    func pad(_ range: Range<Int>, member: Int, quality: Int) throws(RenderError) -> UnsafeRawBufferPointer {
        let side = codec.shape.tileSize
        let tile = codec.shape.family.coordinate(ofMember: member)
        let limits = ImageLimits(maxWidth: side, maxHeight: side, maxPixels: side * side)
        let bytes = unsafe codec.bytes(range)
        let planes: (luma: Plane, blue: Plane?, red: Plane?)
        let header: JPEGHeader
        do throws(CodecError) {
            header = try unsafe codec.decoder.header(of: bytes, limits: limits)
            if header.width == side, header.height == side { return unsafe bytes }
            planes = try unsafe decode(bytes, header, side)
        } catch {
            throw .broken(tile, error)
        }
        let subsampling: ChromaSubsampling = header.colour == .rgb ? .full : header.subsampling
        planes.luma.fill(255, beyondWidth: header.width, height: header.height)
        let chroma = subsampling.chromaPlaneSize(width: header.width, height: header.height)
        planes.blue?.fill(128, beyondWidth: chroma.width, height: chroma.height)
        planes.red?.fill(128, beyondWidth: chroma.width, height: chroma.height)
        return try unsafe codec.encoding(member) { () throws(CodecError) in
            try unsafe codec.encoder.encodePlanes(
                width: side,
                height: side,
                subsampling: subsampling,
                quality: quality,
                luma: planes.luma,
                blue: planes.blue,
                red: planes.red
            )
        }
    }

    /// Decodes into the upper left of planes that have room for a full tile.
    private func decode(
        _ bytes: UnsafeRawBufferPointer,
        _ header: JPEGHeader,
        _ side: Int
    ) throws(CodecError) -> (luma: Plane, blue: Plane?, red: Plane?) {
        let subsampling: ChromaSubsampling = header.colour == .rgb ? .full : header.subsampling
        let lumaSize = subsampling.lumaPlaneSize(width: side, height: side)
        let chromaSize = subsampling.chromaPlaneSize(width: side, height: side)
        let luma = buffers[0].plane(width: lumaSize.width, height: lumaSize.height)
        if subsampling == .gray {
            try unsafe codec.decoder.decodePlanes(bytes, header: header, luma: luma, blue: nil, red: nil)
            return (luma, nil, nil)
        }
        let blue = buffers[1].plane(width: chromaSize.width, height: chromaSize.height)
        let red = buffers[2].plane(width: chromaSize.width, height: chromaSize.height)
        if header.colour == .rgb {
            let pixels = PlaneBuffer()
            let packed = pixels.plane(width: 4 * header.width, height: header.height)
            try unsafe codec.decoder.decodeRGBX(bytes, header: header, into: packed)
            JFIFColour.planes(fromRGBX: packed, luma: luma, blue: blue, red: red)
            // `pixels` owns what `packed` points to.
            withExtendedLifetime(pixels) {}
        } else {
            try unsafe codec.decoder.decodePlanes(bytes, header: header, luma: luma, blue: blue, red: red)
        }
        return (luma, blue, red)
    }
}
