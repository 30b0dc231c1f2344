// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs

/// A tile, such as a parent, as planes of its own size, whatever its JPEG's chroma subsampling is.
///
/// Chroma of 4:4:4 parents is decoded in place. Subsampled chroma is doubled, centred, until it has the parent's size;
/// RGB is converted by the JFIF formula. One worker; planes are valid until the next `decode`.
package final class ParentPlanes {
    private let lumaBuffer = PlaneBuffer()
    private let blueBuffer = PlaneBuffer()
    private let redBuffer = PlaneBuffer()
    private let staging = [PlaneBuffer(), PlaneBuffer(), PlaneBuffer(), PlaneBuffer()]
    private let upsampler: Upsampler

    /// What was decoded: nil before the first `decode`. Chroma is nil where the parent is gray.
    package private(set) var luma: Plane?
    package private(set) var blue: Plane?
    package private(set) var red: Plane?

    package init(upsampler: Upsampler = Upsampler()) { self.upsampler = upsampler }

    /// Forgets what was decoded; keeps the memory.
    func forget() { (luma, blue, red) = (nil, nil, nil) }

    /// Decodes the parent and crops it to `width` x `height`, its true size.
    package func decode(
        _ bytes: UnsafeRawBufferPointer,
        header: JPEGHeader,
        width: Int,
        height: Int,
        by decoder: JPEGDecoder
    ) throws(CodecError) {
        forget()
        let lumaSize = header.subsampling.lumaPlaneSize(width: header.width, height: header.height)
        let chromaSize = header.subsampling.chromaPlaneSize(width: header.width, height: header.height)
        let decodedLuma = lumaBuffer.plane(width: lumaSize.width, height: lumaSize.height)
        var planes: (blue: Plane, red: Plane)?
        switch header.colour {
        case .gray:
            try unsafe decoder.decodePlanes(bytes, header: header, luma: decodedLuma, blue: nil, red: nil)
        case .rgb:
            planes = try unsafe decodeRGB(bytes, header, decodedLuma, by: decoder)
        case .yCbCr:
            let direct = header.subsampling == .full
            let blue = (direct ? blueBuffer : staging[0]).plane(width: chromaSize.width, height: chromaSize.height)
            let red = (direct ? redBuffer : staging[1]).plane(width: chromaSize.width, height: chromaSize.height)
            try unsafe decoder.decodePlanes(bytes, header: header, luma: decodedLuma, blue: blue, red: red)
            if direct {
                planes = (blue, red)
            } else {
                planes = (
                    enlarge(blue, header, width, height, staging[2], into: blueBuffer),
                    enlarge(red, header, width, height, staging[2], into: redBuffer)
                )
            }
        }
        luma = decodedLuma.window(x: 0, y: 0, width: width, height: height)
        blue = planes?.blue.window(x: 0, y: 0, width: width, height: height)
        red = planes?.red.window(x: 0, y: 0, width: width, height: height)
    }

    /// Doubles a chroma plane until it covers `width` x `height`.
    private func enlarge(
        _ source: Plane,
        _ header: JPEGHeader,
        _ width: Int,
        _ height: Int,
        _ between: PlaneBuffer,
        into target: PlaneBuffer
    ) -> Plane {
        // What lies beyond the true edge of a full tile is filling and must not colour the edge.
        let (h, v) = (header.subsampling.horizontalFactor, header.subsampling.verticalFactor)
        let visible = source.window(x: 0, y: 0, width: (width + h - 1) / h, height: (height + v - 1) / v)
        let result = target.plane(width: visible.width * h, height: visible.height * v)
        switch header.subsampling {
        case .quarter: upsampler.upsample(visible, x: 0, y: 0, into: result, rounding: .nearest)
        case .halfWidth: doubleColumns(visible, into: result)
        case .halfHeight: doubleRows(visible, into: result)
        case .quarterWidth:
            let half = between.plane(width: visible.width * 2, height: visible.height)
            doubleColumns(visible, into: half)
            doubleColumns(half, into: result)
        case .full, .gray: result.copy(from: visible)
        }
        return result
    }

    private func decodeRGB(
        _ bytes: UnsafeRawBufferPointer,
        _ header: JPEGHeader,
        _ luma: Plane,
        by decoder: JPEGDecoder
    ) throws(CodecError) -> (Plane, Plane) {
        let pixels = staging[3].plane(width: 4 * header.width, height: header.height)
        try unsafe decoder.decodeRGBX(bytes, header: header, into: pixels)
        let blue = blueBuffer.plane(width: header.width, height: header.height)
        let red = redBuffer.plane(width: header.width, height: header.height)
        JFIFColour.planes(fromRGBX: pixels, luma: luma, blue: blue, red: red)
        return (blue, red)
    }
}
