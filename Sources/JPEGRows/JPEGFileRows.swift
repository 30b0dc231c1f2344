// SPDX-License-Identifier: Apache-2.0

#if JPEGRows
internal import CJPEGCalls
package import ImageCodecs

/// Reads a JPEG file by rows, as planes where it has them: memory is a few rows, whatever the picture's size. Of a
/// progressive one the library holds two bytes a sample; those are compared with a limit first.
///
/// What libjpeg calls a warning is an error, as in `JPEGDecoder`.
@safe
package final class JPEGFileRows: RowSource {
    package let width: Int
    package let height: Int
    package let subsampling: ChromaSubsampling
    package let keepsRows = false
    private let reader: OpaquePointer
    private let header: orizuru_jpeg_header
    private let buffers = (0..<4).map { _ in PlaneBuffer() }
    private var next = 0

    /// Reads the header of the file that is open as `descriptor`, from its beginning. The file must stay open, and
    /// be nobody else's meanwhile.
    package init(descriptor: Int32, maxHeldBytes: Int) throws(CodecError) {
        var header = orizuru_jpeg_header()
        var message = [CChar](repeating: 0, count: Int(ORIZURU_JPEG_MESSAGE))
        var opened: OpaquePointer?
        // SAFETY: the message has the size that C writes; the reader is closed by `deinit`.
        let status = unsafe message.withUnsafeMutableBufferPointer {
            unsafe orizuru_jpeg_open(descriptor, &header, &opened, $0.baseAddress!)
        }
        guard status == ORIZURU_JPEG_OK, let reader = unsafe opened else { throw Self.error(status, message) }
        unsafe self.reader = unsafe reader
        self.header = header
        width = Int(header.width)
        height = Int(header.height)
        switch Int(header.form) {
        case Int(ORIZURU_JPEG_GRAY): subsampling = .gray
        case Int(ORIZURU_JPEG_PLANES_420): subsampling = .quarter
        default: subsampling = .full
        }
        if let held = Int(exactly: header.held_bytes), held <= maxHeldBytes { return }
        throw .tooLargeToHold(
            .jpeg,
            what: "a progressive picture",
            bytes: Int(clamping: header.held_bytes),
            limit: maxHeldBytes
        )
    }

    deinit {
        // SAFETY: opened by `init`, closed once.
        unsafe orizuru_jpeg_close(reader)
    }

    package func read(_ count: Int) throws(CodecError) -> PlanarPicture {
        precondition(next < height, "reading behind the last row")
        let unit = Int(header.rows_at_once)
        let rows = min(max(count / unit, 1) * unit, height - next)
        let units = (rows + unit - 1) / unit
        next += rows
        switch Int(header.form) {
        case Int(ORIZURU_JPEG_PLANES_420), Int(ORIZURU_JPEG_PLANES_444): return try planes(units, rows)
        case Int(ORIZURU_JPEG_GRAY):
            let luma = buffers[0].plane(width: width, height: units * unit)
            for number in 0..<units { try fill(luma, number * unit) }
            return PlanarPicture(luma: luma.window(x: 0, y: 0, width: width, height: rows), chroma: nil)
        default: return try interleaved(units, rows)
        }
    }

    private func planes(_ units: Int, _ rows: Int) throws(CodecError) -> PlanarPicture {
        let unit = Int(header.rows_at_once)
        let (lumaWidth, chromaWidth) = (Int(header.luma_width), Int(header.chroma_width))
        let luma = buffers[0].plane(width: lumaWidth, height: units * unit)
        let (blue, red) = (
            buffers[1].plane(width: chromaWidth, height: units * 8),
            buffers[2].plane(width: chromaWidth, height: units * 8)
        )
        for number in 0..<units { try fill(luma, number * unit, (blue, red), number * 8) }
        let size = subsampling.chromaPlaneSize(width: width, height: rows)
        return PlanarPicture(
            luma: luma.window(x: 0, y: 0, width: width, height: rows),
            chroma: (
                blue.window(x: 0, y: 0, width: size.width, height: size.height),
                red.window(x: 0, y: 0, width: size.width, height: size.height)
            )
        )
    }

    private func interleaved(_ units: Int, _ rows: Int) throws(CodecError) -> PlanarPicture {
        let unit = Int(header.rows_at_once)
        let pixels = buffers[3].plane(width: 3 * width, height: units * unit)
        for number in 0..<units { try fill(pixels, number * unit) }
        let planes = (0..<3).map { buffers[$0].plane(width: width, height: rows) }
        let isRGB = Int(header.form) == Int(ORIZURU_JPEG_RGB)
        for row in 0..<rows {
            // SAFETY: a row of pixels has three bytes for each sample of a row of the planes.
            let (from, y, cb, cr) = unsafe (
                pixels.row(row), planes[0].row(row), planes[1].row(row), planes[2].row(row)
            )
            for column in 0..<width {
                let (a, b, c) = unsafe (from[3 * column], from[3 * column + 1], from[3 * column + 2])
                let chroma = isRGB ? JFIFColour.chroma(a, b, c) : (b, c)
                unsafe y[column] = isRGB ? JFIFColour.luma(a, b, c) : a
                unsafe cb[column] = chroma.0
                unsafe cr[column] = chroma.1
            }
        }
        return PlanarPicture(luma: planes[0], chroma: (planes[1], planes[2]))
    }

    /// Reads one call's rows to their places.
    private func fill(
        _ luma: Plane,
        _ row: Int,
        _ chroma: (blue: Plane, red: Plane)? = nil,
        _ chromaRow: Int = 0
    ) throws(CodecError) {
        var message = [CChar](repeating: 0, count: Int(ORIZURU_JPEG_MESSAGE))
        // SAFETY: the planes have room for a call's rows from these on, as wide as the header says.
        let status = unsafe message.withUnsafeMutableBufferPointer {
            unsafe orizuru_jpeg_read(
                reader,
                luma.row(row),
                luma.stride,
                chroma?.blue.row(chromaRow),
                chroma?.red.row(chromaRow),
                chroma?.blue.stride ?? 0,
                $0.baseAddress!
            )
        }
        guard status == ORIZURU_JPEG_OK else { throw Self.error(status, message) }
    }

    private static func error(_ status: Int32, _ message: [CChar]) -> CodecError {
        let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        switch Int(status) {
        case Int(ORIZURU_JPEG_UNSUPPORTED): return .unsupported(.jpeg, what: text)
        case Int(ORIZURU_JPEG_UNREADABLE): return .unreadable(reason: text)
        case Int(ORIZURU_JPEG_NO_MEMORY): return .broken(.jpeg, reason: "out of memory")
        default: return .broken(.jpeg, reason: text)
        }
    }
}
#endif
