// SPDX-License-Identifier: Apache-2.0

extension JPEGDecoder {
    /// The most bytes that `decodePlanar` takes for a picture, the stored ones excluded: 1, 1.5, 2 or 3 a pixel for its
    /// planes, four more for RGB whose parts are not all sampled alike; where it comes in several scans, two bytes a
    /// sample again while it is decoded.
    package static func planarBytes(of header: JPEGHeader, in bytes: UnsafeRawBufferPointer) -> Int {
        let subsampling = planarSubsampling(of: header)
        let luma = subsampling.lumaPlaneSize(width: header.width, height: header.height)
        let chroma = subsampling.chromaPlaneSize(width: header.width, height: header.height)
        let planes = PlaneBuffer.bytes(width: luma.width, height: luma.height)
        let colour = header.colour == .gray ? 0 : 2 * PlaneBuffer.bytes(width: chroma.width, height: chroma.height)
        let pixels =
            header.colour == .rgb && header.subsampling != .full
            ? PlaneBuffer.bytes(width: 4 * header.width, height: header.height) : 0
        let held = planes + colour + pixels
        return unsafe JPEGTables.haveSeveralScans(in: bytes) ? held + 2 * (planes + colour) : held
    }

    /// RGB becomes planes of all pixels, however its green and blue were sampled.
    private static func planarSubsampling(of header: JPEGHeader) -> ChromaSubsampling {
        header.colour == .rgb ? .full : header.subsampling
    }

    /// Decodes a whole picture as rows of planes.
    ///
    /// 4:4:4, 4:2:0 and gray are kept as they are stored; other samplings are doubled to 4:4:4 by rows when they are
    /// read; RGB is converted, where it lies if it can be. The header must be of these bytes.
    package func decodePlanar(
        _ bytes: UnsafeRawBufferPointer,
        header: JPEGHeader
    ) throws(CodecError) -> any RowSource {
        let (width, height) = (header.width, header.height)
        let subsampling = Self.planarSubsampling(of: header)
        let lumaSize = subsampling.lumaPlaneSize(width: width, height: height)
        let chromaSize = subsampling.chromaPlaneSize(width: width, height: height)
        let luma = Plane(width: lumaSize.width, height: lumaSize.height)
        if header.colour == .gray {
            try unsafe decodePlanes(bytes, header: header, luma: luma, blue: nil, red: nil)
            return PictureRows(PlanarPicture(luma: luma, chroma: nil), width: width, height: height, subsampling: .gray)
        }
        let (blue, red) = (
            Plane(width: chromaSize.width, height: chromaSize.height),
            Plane(width: chromaSize.width, height: chromaSize.height)
        )
        let picture = PlanarPicture(luma: luma, chroma: (blue, red))
        if header.colour == .rgb {
            if header.subsampling == .full {
                try unsafe decodeStoredPlanes(bytes, header: header, luma, blue, red)
                // The planes of red, green and blue become those of luma and chroma.
                JFIFColour.convertPlanes(red: luma, green: blue, blue: red)
            } else {
                let pixels = Plane(width: 4 * width, height: height)
                try unsafe decodeRGBX(bytes, header: header, into: pixels)
                JFIFColour.planes(fromRGBX: pixels, luma: luma, blue: blue, red: red)
            }
            return PictureRows(picture, width: width, height: height, subsampling: .full)
        }
        try unsafe decodePlanes(bytes, header: header, luma: luma, blue: blue, red: red)
        switch header.subsampling {
        case .full, .quarter:
            return PictureRows(picture, width: width, height: height, subsampling: header.subsampling)
        case .gray, .halfWidth, .halfHeight, .quarterWidth:
            return DoubledRows(picture, width: width, height: height, subsampling: header.subsampling)
        }
    }
}

/// Reads planes whose chroma is subsampled in one direction as 4:4:4.
private final class DoubledRows: RowSource {
    let width: Int
    let height: Int
    let subsampling = ChromaSubsampling.full
    let keepsRows = false
    private let picture: PlanarPicture
    private let stored: ChromaSubsampling
    private let buffers = (0..<3).map { _ in PlaneBuffer() }
    private var next = 0

    init(_ picture: PlanarPicture, width: Int, height: Int, subsampling: ChromaSubsampling) {
        self.picture = picture
        self.width = width
        self.height = height
        stored = subsampling
    }

    func read(_ count: Int) throws(CodecError) -> PlanarPicture {
        let rows = min(count, height - next)
        precondition(rows > 0, "reading behind the last row")
        defer { next += rows }
        let chroma = picture.chroma.map { (doubled($0.blue, rows, buffers[0]), doubled($0.red, rows, buffers[1])) }
        return PlanarPicture(luma: picture.luma.window(x: 0, y: next, width: width, height: rows), chroma: chroma)
    }

    private func doubled(_ plane: Plane, _ rows: Int, _ buffer: PlaneBuffer) -> Plane {
        if stored == .halfHeight {
            // The rows before and behind take part, where there are any.
            let first = max(next / 2 - 1, 0)
            let last = min((next + rows + 1) / 2, plane.height - 1)
            let source = plane.window(x: 0, y: first, width: plane.width, height: last - first + 1)
            let target = buffer.plane(width: source.width, height: 2 * source.height)
            doubleRows(source, into: target)
            return target.window(x: 0, y: next - 2 * first, width: width, height: rows)
        }
        let source = plane.window(x: 0, y: next, width: plane.width, height: rows)
        let target = buffer.plane(width: stored.horizontalFactor * plane.width, height: rows)
        if stored == .quarterWidth {
            let between = buffers[2].plane(width: 2 * plane.width, height: rows)
            doubleColumns(source, into: between)
            doubleColumns(between, into: target)
        } else {
            doubleColumns(source, into: target)
        }
        return target.window(x: 0, y: 0, width: width, height: rows)
    }
}
