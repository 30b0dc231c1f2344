// SPDX-License-Identifier: Apache-2.0

/// Extends JPEG tiles to a full tile size, white, in planes: chroma subsampling and colours stay what they are, and no
/// pixel goes through RGB.
///
/// One per worker, not thread-safe. Allocates nothing once warm.
package final class JPEGPadding {
    private let decoder: JPEGDecoder
    private let encoder: JPEGEncoder
    private let buffers = [PlaneBuffer(), PlaneBuffer(), PlaneBuffer(), PlaneBuffer()]

    /// Shares a worker's codec handles.
    package init(decoder: JPEGDecoder, encoder: JPEGEncoder) {
        self.decoder = decoder
        self.encoder = encoder
    }

    /// The planes of a tile with room for a full one.
    private struct Planes {
        let luma: Plane
        let blue: Plane?
        let red: Plane?
    }

    /// The tile as a JPEG of `width` x `height` at `quality`, valid until the encoder's next use.
    ///
    /// Bytes that have the size already are returned as they are; a tile that is larger in any direction is refused.
    /// Where the tile's edge falls inside a chroma sample, that sample keeps the tile's colour.
    package func pad(
        _ bytes: UnsafeRawBufferPointer,
        toWidth width: Int,
        height: Int,
        quality: Int
    ) throws(CodecError) -> UnsafeRawBufferPointer {
        let limits = ImageLimits(maxWidth: width, maxHeight: height, maxPixels: width * height)
        let header = try unsafe decoder.header(of: bytes, limits: limits)
        if header.width == width, header.height == height { return unsafe bytes }
        let subsampling: ChromaSubsampling = header.colour == .rgb ? .full : header.subsampling
        let planes = try unsafe decode(bytes, header, subsampling, width, height)
        let chroma = subsampling.chromaPlaneSize(width: header.width, height: header.height)
        planes.luma.fill(255, beyondWidth: header.width, height: header.height)
        planes.blue?.fill(128, beyondWidth: chroma.width, height: chroma.height)
        planes.red?.fill(128, beyondWidth: chroma.width, height: chroma.height)
        return try unsafe encoder.encodePlanes(
            width: width,
            height: height,
            subsampling: subsampling,
            quality: quality,
            luma: planes.luma,
            blue: planes.blue,
            red: planes.red
        )
    }

    /// Decodes into the upper left of planes that have room for a full tile.
    private func decode(
        _ bytes: UnsafeRawBufferPointer,
        _ header: JPEGHeader,
        _ subsampling: ChromaSubsampling,
        _ width: Int,
        _ height: Int
    ) throws(CodecError) -> Planes {
        let lumaSize = subsampling.lumaPlaneSize(width: width, height: height)
        let chromaSize = subsampling.chromaPlaneSize(width: width, height: height)
        let luma = buffers[0].plane(width: lumaSize.width, height: lumaSize.height)
        if subsampling == .gray {
            try unsafe decoder.decodePlanes(bytes, header: header, luma: luma, blue: nil, red: nil)
            return Planes(luma: luma, blue: nil, red: nil)
        }
        let blue = buffers[1].plane(width: chromaSize.width, height: chromaSize.height)
        let red = buffers[2].plane(width: chromaSize.width, height: chromaSize.height)
        if header.colour == .rgb {
            let pixels = buffers[3].plane(width: 4 * header.width, height: header.height)
            try unsafe decoder.decodeRGBX(bytes, header: header, into: pixels)
            JFIFColour.planes(fromRGBX: pixels, luma: luma, blue: blue, red: red)
        } else {
            try unsafe decoder.decodePlanes(bytes, header: header, luma: luma, blue: blue, red: red)
        }
        return Planes(luma: luma, blue: blue, red: red)
    }
}
