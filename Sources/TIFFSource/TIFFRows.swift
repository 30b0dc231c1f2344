// SPDX-License-Identifier: Apache-2.0

#if TIFF
internal import CTIFFCalls
package import ImageCodecs

/// Reads the first picture of a TIFF by rows of tiles or by strips: tiled TIFF, SVS and COG of any compression that
/// libtiff knows. Memory is one row of tiles. Alpha is laid over white.
@safe
package final class TIFFRows: DescribedRows {
    package let width: Int
    package let height: Int
    package let subsampling = ChromaSubsampling.full
    package let keepsRows = false
    package let facts: PictureFacts
    private let reader: OpaquePointer
    private let bandRows: Int
    private let pixels = PlaneBuffer()
    private let planes = [PlaneBuffer(), PlaneBuffer(), PlaneBuffer()]
    private var next = 0
    /// The first row of the band that `pixels` holds.
    private var band = -1

    /// Whether a file is a TIFF by its first bytes: classic or big, of either byte order.
    package static func recognizes(_ head: [UInt8]) -> Bool {
        [[0x49, 0x49, 42, 0], [0x4D, 0x4D, 0, 42], [0x49, 0x49, 43, 0], [0x4D, 0x4D, 0, 43]].contains {
            head.starts(with: $0)
        }
    }

    /// Opens a file.
    package init(path: String) throws(CodecError) {
        var header = orizuru_tiff_header()
        var description = [CChar](repeating: 0, count: Int(ORIZURU_TIFF_TEXT))
        var message = description
        // SAFETY: both texts have the size that C writes; the reader is closed by `deinit`.
        let opened = unsafe description.withUnsafeMutableBufferPointer { description in
            unsafe message.withUnsafeMutableBufferPointer { message in
                unsafe orizuru_tiff_open(path, &header, description.baseAddress!, message.baseAddress!)
            }
        }
        guard let reader = unsafe opened else { throw .unreadable(reason: Self.text(message)) }
        unsafe self.reader = unsafe reader
        // A row of tiles is decoded whole, and a header may say anything.
        guard 4 * Int(header.width) * Int(header.band_rows) <= 2 << 30 else {
            unsafe orizuru_tiff_close(reader)
            throw .unreadable(reason: "a row of its tiles has \(header.width)x\(header.band_rows) pixels")
        }
        width = Int(header.width)
        height = Int(header.height)
        bandRows = Int(header.band_rows)
        facts = Self.facts(Self.text(description), header.pixels_per_centimetre)
    }

    deinit {
        // SAFETY: opened by `init`, closed once.
        unsafe orizuru_tiff_close(reader)
    }

    package func read(_ count: Int) throws(CodecError) -> PlanarPicture {
        precondition(next < height, "reading behind the last row")
        let first = next / bandRows * bandRows
        let held = pixels.plane(width: 4 * width, height: min(bandRows, height - first))
        if first != band {
            var message = [CChar](repeating: 0, count: Int(ORIZURU_TIFF_TEXT))
            // SAFETY: the plane has the band's rows of 4 * width bytes, `stride` apart.
            let status = unsafe message.withUnsafeMutableBufferPointer {
                unsafe orizuru_tiff_read_band(reader, UInt32(first), held.base, held.stride, $0.baseAddress!)
            }
            guard status != 0 else { throw .unreadable(reason: Self.text(message)) }
            band = first
        }
        let rows = min(count, held.height - (next - first))
        let part = held.window(x: 0, y: next - first, width: 4 * width, height: rows)
        let targets = planes.map { $0.plane(width: width, height: rows) }
        JFIFColour.planes(fromRGBX: part, luma: targets[0], blue: targets[1], red: targets[2])
        next += rows
        return PlanarPicture(luma: targets[0], chroma: (targets[1], targets[2]))
    }

    /// Aperio writes `Aperio Image Library v11\\r\\n...|AppMag = 20|MPP = 0.4990|...`; others only a resolution.
    static func facts(_ description: String, _ pixelsPerCentimetre: Double) -> PictureFacts {
        var facts = PictureFacts()
        if description.hasPrefix("Aperio") {
            facts.vendor = "aperio"
            for field in description.split(separator: "|") {
                let parts = field.split(separator: "=", maxSplits: 1).map { word in
                    String(String(word.drop { $0 == " " }).reversed().drop { $0 == " " }.reversed())
                }
                guard parts.count == 2 else { continue }
                if parts[0] == "MPP" { facts.micronsPerPixel = Double(parts[1]) }
                if parts[0] == "AppMag" { facts.objectivePower = Double(parts[1]) }
            }
        }
        // A resolution of print, such as 72 or 300 dots an inch, is no scale of a slide.
        if facts.micronsPerPixel == nil, pixelsPerCentimetre > 1000 {
            facts.micronsPerPixel = 10_000 / pixelsPerCentimetre
        }
        if let scale = facts.micronsPerPixel, !(0.001...1000).contains(scale) { facts.micronsPerPixel = nil }
        return facts
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
#endif
