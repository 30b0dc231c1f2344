// SPDX-License-Identifier: Apache-2.0

#if OpenSlide
internal import COpenSlide
package import ImageCodecs

/// Reads the finest level of a slide that libopenslide knows (ndpi, mrxs, vms, scn, bif and others) by rows.
/// Memory is a band of 256 rows. What was not scanned is white.
@safe
package final class OpenSlideRows: DescribedRows {
    package let width: Int
    package let height: Int
    package let subsampling = ChromaSubsampling.full
    package let keepsRows = false
    package let facts: PictureFacts
    private let slide: OpaquePointer
    private let pixels = PlaneBuffer()
    private let planes = [PlaneBuffer(), PlaneBuffer(), PlaneBuffer()]
    private var next = 0
    private static let bandRows = 256
    /// Columns that are read at once: the library composes a region in memory of its own.
    private static let columns = 1024

    /// Whose scanner's form a file has; nil where the library does not know it.
    package static func vendor(_ path: String) -> String? {
        // SAFETY: the library's own constant.
        unsafe openslide_detect_vendor(path).map { unsafe String(cString: $0) }
    }

    /// Opens a slide.
    package init(path: String) throws(CodecError) {
        guard let slide = unsafe openslide_open(path) else {
            throw .unreadable(reason: "no slide that libopenslide knows")
        }
        unsafe self.slide = unsafe slide
        var (columns, rows): (Int64, Int64) = (-1, -1)
        // SAFETY: the library writes two numbers.
        unsafe openslide_get_level0_dimensions(slide, &columns, &rows)
        width = Int(columns)
        height = Int(rows)
        var facts = PictureFacts()
        func property(_ name: String) -> String? {
            // SAFETY: the text lives as long as the slide; it is copied here.
            unsafe openslide_get_property_value(slide, name).map { unsafe String(cString: $0) }
        }
        facts.micronsPerPixel = property(OPENSLIDE_PROPERTY_NAME_MPP_X).flatMap(Double.init)
        facts.objectivePower = property(OPENSLIDE_PROPERTY_NAME_OBJECTIVE_POWER).flatMap(Double.init)
        facts.vendor = property(OPENSLIDE_PROPERTY_NAME_VENDOR)
        self.facts = facts
        if let reason = unsafe Self.failure(slide) { throw .unreadable(reason: reason) }
        guard width > 0, height > 0, width <= 1 << 30, height <= 1 << 30 else {
            throw .unreadable(reason: "a slide of \(width)x\(height) pixels")
        }
    }

    deinit {
        // SAFETY: opened by `init`, closed once.
        unsafe openslide_close(slide)
    }

    package func read(_ count: Int) throws(CodecError) -> PlanarPicture {
        precondition(next < height, "reading behind the last row")
        let rows = min(max(min(count, Self.bandRows) & ~1, 2), height - next)
        let targets = planes.map { $0.plane(width: width, height: rows) }
        for x in stride(from: 0, to: width, by: Self.columns) {
            let columns = min(Self.columns, width - x)
            let count = columns * rows
            // Rows of the region lie one behind the other, without gaps.
            let region = pixels.plane(width: 4 * count, height: 1)
            // SAFETY: the region has four bytes for each of columns * rows pixels; its start is aligned to 64.
            unsafe region.base.withMemoryRebound(to: UInt32.self, capacity: count) { target in
                unsafe openslide_read_region(slide, target, Int64(x), Int64(next), 0, Int64(columns), Int64(rows))
                unsafe Self.rgbx(target, count)
            }
            if let reason = unsafe Self.failure(slide) { throw .unreadable(reason: reason) }
            for row in 0..<rows {
                let line = region.window(x: 4 * row * columns, y: 0, width: 4 * columns, height: 1)
                let parts = targets.map { $0.window(x: x, y: row, width: columns, height: 1) }
                JFIFColour.planes(fromRGBX: line, luma: parts[0], blue: parts[1], red: parts[2])
            }
        }
        next += rows
        return PlanarPicture(luma: targets[0], chroma: (targets[1], targets[2]))
    }

    /// Premultiplied ARGB to R, G, B, 255 over white, in place.
    private static func rgbx(_ pixels: UnsafeMutablePointer<UInt32>, _ count: Int) {
        for index in 0..<count {
            // SAFETY: the caller's count.
            let pixel = unsafe pixels[index]
            let white = 255 - (pixel >> 24)
            let red = min((pixel >> 16 & 0xFF) + white, 255)
            let green = min((pixel >> 8 & 0xFF) + white, 255)
            let blue = min((pixel & 0xFF) + white, 255)
            unsafe pixels[index] = (red | green << 8 | blue << 16 | 0xFF00_0000).littleEndian
        }
    }

    /// The library's error, which stays once it is there.
    @unsafe
    private static func failure(_ slide: OpaquePointer) -> String? {
        // SAFETY: the text lives as long as the slide; it is copied here.
        unsafe openslide_get_error(slide).map { unsafe String(cString: $0) }
    }
}
#endif
