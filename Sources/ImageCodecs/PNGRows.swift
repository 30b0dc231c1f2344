// SPDX-License-Identifier: Apache-2.0

internal import CPNGCalls

/// Reads a PNG file by rows: memory is a few rows, whatever the picture's size. An interlaced one, whose rows are
/// complete only at the end, is held whole; its bytes are compared with a limit first.
@safe
package final class PNGRows: RowSource {
    package let width: Int
    package let height: Int
    package let subsampling: ChromaSubsampling
    package let keepsRows = false
    private let reader: OpaquePointer
    private let channels: Int
    private let hasAlpha: Bool
    private let isInterlaced: Bool
    private let pixels = PlaneBuffer()
    private let planes = [PlaneBuffer(), PlaneBuffer(), PlaneBuffer()]
    /// The whole of an interlaced picture.
    private var whole: Plane?
    private var next = 0

    /// Reads the header of the file that is open as `descriptor`, which must stay open and be nobody else's meanwhile.
    /// Interlaced pictures of more than `maxHeldBytes`, and rows of more than a 64th of it, are refused.
    package init(descriptor: Int32, maxHeldBytes: Int) throws(CodecError) {
        // The library takes some rows when it opens a picture, and clears them: 64 rows of four bytes are allowed.
        let maxWidth = min(max(maxHeldBytes / 256, 1), 1 << 30)
        let limits = ImageLimits(maxWidth: maxWidth, maxHeight: 1 << 30, maxPixels: 1 << 60)
        var bounds = orizuru_png_limits(
            max_width: UInt32(maxWidth),
            max_height: 1 << 30,
            max_pixels: 1 << 60
        )
        var header = orizuru_png_header()
        var message = PNGCodec.Message()
        var alpha: Int32 = 0
        var opened: OpaquePointer?
        // SAFETY: the message has the size that C writes; the reader is closed by `deinit`.
        let status = unsafe message.withBuffer {
            unsafe orizuru_png_open_file(descriptor, &bounds, &header, &alpha, &opened, $0)
        }
        guard status == ORIZURU_PNG_OK, let reader = unsafe opened else {
            throw PNGCodec.error(status, message, header, limits)
        }
        unsafe self.reader = unsafe reader
        width = Int(header.width)
        height = Int(header.height)
        channels = Int(header.channels)
        hasAlpha = alpha != 0
        isInterlaced = header.interlaced != 0
        subsampling = channels == 1 ? .gray : .full
        let bytes = width * height * channels
        if isInterlaced, bytes > maxHeldBytes {
            throw .tooLargeToHold(.png, what: "an interlaced picture", bytes: bytes, limit: maxHeldBytes)
        }
    }

    deinit {
        // SAFETY: opened by `init`, closed once.
        unsafe orizuru_png_close(reader)
    }

    package func read(_ count: Int) throws(CodecError) -> PlanarPicture {
        let rows = min(count, height - next)
        precondition(rows > 0, "reading behind the last row")
        let source = try isInterlaced ? interlacedRows(rows) : nextRows(rows)
        next += rows
        let luma = planes[0].plane(width: width, height: rows)
        if channels == 1 {
            luma.copy(from: source)
            return PlanarPicture(luma: luma, chroma: nil)
        }
        let (blue, red) = (planes[1].plane(width: width, height: rows), planes[2].plane(width: width, height: rows))
        JFIFColour.planes(fromRGBX: source, luma: luma, blue: blue, red: red)
        return PlanarPicture(luma: luma, chroma: (blue, red))
    }

    private func nextRows(_ rows: Int) throws(CodecError) -> Plane {
        let target = pixels.plane(width: channels * width, height: rows)
        var message = PNGCodec.Message()
        // SAFETY: the plane has `rows` rows of `channels * width` bytes, `stride` apart.
        let status = unsafe message.withBuffer {
            unsafe orizuru_png_read_rows(reader, target.base, target.stride, UInt32(rows), $0)
        }
        guard status == ORIZURU_PNG_OK else { throw failure(status, message) }
        if hasAlpha { layOverWhite(target) }
        return target
    }

    private func interlacedRows(_ rows: Int) throws(CodecError) -> Plane {
        if whole == nil {
            let target = pixels.plane(width: channels * width, height: height)
            var message = PNGCodec.Message()
            // SAFETY: the plane has all rows of the picture, `stride` apart.
            let status = unsafe message.withBuffer {
                unsafe orizuru_png_read_image(reader, target.base, target.stride, $0)
            }
            guard status == ORIZURU_PNG_OK else { throw failure(status, message) }
            if hasAlpha { layOverWhite(target) }
            whole = target
        }
        guard let whole else { preconditionFailure("an interlaced picture was read") }
        return whole.window(x: 0, y: next, width: channels * width, height: rows)
    }

    private func failure(_ status: Int32, _ message: PNGCodec.Message) -> CodecError {
        PNGCodec.error(status, message, orizuru_png_header(), ImageLimits(maxPixels: 1))
    }

    /// Lays R, G, B over white by the fourth byte: what a JPEG can show of it.
    private func layOverWhite(_ target: Plane) {
        for row in 0..<target.height {
            // SAFETY: a row has 4 * width bytes.
            let pixel = unsafe target.row(row)
            for column in 0..<width {
                let alpha = unsafe UInt32(pixel[4 * column + 3])
                if alpha == 255 { continue }
                for channel in 0..<3 {
                    let value = unsafe UInt32(pixel[4 * column + channel]) * alpha + 255 * (255 - alpha)
                    unsafe pixel[4 * column + channel] = UInt8((value + 127) / 255)
                }
            }
        }
    }
}
