// SPDX-License-Identifier: Apache-2.0

internal import CPNGCalls

extension PNGCodec {
    /// What a picture shows, as far as compression cares. The settings behind each are measured: the library's own
    /// defaults cost four times the time.
    package enum Content: Sendable {
        /// Looks at the pixels and takes one of the others.
        case automatic
        /// Drawn areas of equal colour (a map): zlib level 3 without filters.
        case flat
        /// Photographs: run lengths after the up filter.
        case photographic
    }

    /// Encodes a picture. With at most 256 colours (and `automatic` or `flat`) it becomes a palette at zlib level 6.
    ///
    /// Complexity: O(pixels), one pass over them to count colours and one to compress.
    package static func encode(_ image: RasterImage, content: Content = .automatic) throws(CodecError) -> [UInt8] {
        if image.channels > 1, content != .photographic, let indexed = IndexedPixels(image) {
            return try encode(
                indexed.indices,
                stride: image.width,
                Form(image, channels: 1, palette: indexed.palette, level: 6, strategy: 0, filterUp: false)
            )
        }
        let isFlat = content == .flat || (content == .automatic && isMostlyFlat(image))
        let form =
            isFlat
            ? Form(image, channels: image.channels, palette: [], level: 3, strategy: 0, filterUp: false)
            : Form(image, channels: image.channels, palette: [], level: 6, strategy: 3, filterUp: true)
        return try encode(image.pixels, stride: image.stride, form)
    }

    /// Whether at least a third of the pixels equal their left neighbours: drawings are far above, photographs below.
    static func isMostlyFlat(_ image: RasterImage) -> Bool {
        let channels = image.channels
        var equal = 0
        for row in 0..<image.height {
            var at = row * image.stride + channels
            let end = (row + 1) * image.stride
            while at < end {
                var same = true
                for channel in 0..<channels where image.pixels[at + channel] != image.pixels[at + channel - channels] {
                    same = false
                }
                if same { equal += 1 }
                at += channels
            }
        }
        return equal * 3 >= image.width * image.height
    }

    private struct Form {
        let width: Int
        let height: Int
        let channels: Int
        let palette: [UInt8]
        let level: Int32
        let strategy: Int32
        let filterUp: Bool

        init(_ image: RasterImage, channels: Int, palette: [UInt8], level: Int32, strategy: Int32, filterUp: Bool) {
            width = image.width
            height = image.height
            self.channels = channels
            self.palette = palette
            self.level = level
            self.strategy = strategy
            self.filterUp = filterUp
        }
    }

    private static func encode(_ pixels: [UInt8], stride: Int, _ form: Form) throws(CodecError) -> [UInt8] {
        guard let width = UInt32(exactly: form.width), let height = UInt32(exactly: form.height) else {
            throw .notEncoded(.png, reason: "\(form.width)x\(form.height) is beyond the format")
        }
        var message = Message()
        var encoded: UnsafeMutablePointer<UInt8>?
        var count = 0
        let status = unsafe pixels.withUnsafeBufferPointer { pixels in
            unsafe form.palette.withUnsafeBufferPointer { palette in
                var shape = unsafe orizuru_png_form(
                    width: width,
                    height: height,
                    channels: UInt32(form.channels),
                    palette_count: UInt32(palette.count / 4),
                    palette: palette.baseAddress,
                    level: form.level,
                    strategy: form.strategy,
                    filter_up: form.filterUp ? 1 : 0
                )
                // SAFETY: `height` rows of `stride` bytes exist; C allocates the result, which is freed below.
                return unsafe message.withBuffer {
                    unsafe orizuru_png_encode(&shape, pixels.baseAddress!, stride, &encoded, &count, $0)
                }
            }
        }
        guard status == ORIZURU_PNG_OK, let bytes = unsafe encoded else {
            throw .notEncoded(.png, reason: message.text)
        }
        defer { unsafe orizuru_png_free(bytes) }
        // SAFETY: C says that `count` bytes are there.
        return unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count))
    }
}

/// A picture of at most 256 colours as indices into a palette.
struct IndexedPixels {
    /// One byte a pixel.
    private(set) var indices: [UInt8] = []
    /// R, G, B, A of each colour; translucent colours come first, so that the file's table of alphas is short.
    private(set) var palette: [UInt8] = []

    /// Nil where the picture has more colours. Complexity: O(pixels) with early exit; no hashing, a table of 1024
    /// slots with open addressing.
    init?(_ image: RasterImage) {
        var keys = [UInt32](repeating: 0, count: 1024)
        var slots = [Int16](repeating: -1, count: 1024)
        var colours: [UInt32] = []
        indices.reserveCapacity(image.width * image.height)
        var last: UInt32 = 0
        var lastIndex: UInt8?
        for pixel in 0..<(image.width * image.height) {
            let colour = Self.colour(of: image, at: pixel * image.channels)
            if colour == last, let index = lastIndex {
                indices.append(index)
                continue
            }
            var slot = Int((colour &* 0x9E37_79B1) >> 22)
            while slots[slot] >= 0, keys[slot] != colour { slot = (slot + 1) & 1023 }
            if slots[slot] < 0 {
                guard colours.count < 256 else { return nil }
                keys[slot] = colour
                slots[slot] = Int16(colours.count)
                colours.append(colour)
            }
            let index = UInt8(truncatingIfNeeded: slots[slot])
            indices.append(index)
            (last, lastIndex) = (colour, index)
        }
        sortTranslucentFirst(colours)
    }

    private static func colour(of image: RasterImage, at offset: Int) -> UInt32 {
        let red = UInt32(image.pixels[offset])
        let green = UInt32(image.pixels[image.channels == 1 ? offset : offset + 1])
        let blue = UInt32(image.pixels[image.channels == 1 ? offset : offset + 2])
        let alpha = image.channels == 4 ? UInt32(image.pixels[offset + 3]) : 255
        return red | green << 8 | blue << 16 | alpha << 24
    }

    private mutating func sortTranslucentFirst(_ colours: [UInt32]) {
        let order =
            colours.indices.filter { colours[$0] >> 24 != 255 } + colours.indices.filter { colours[$0] >> 24 == 255 }
        var position = [UInt8](repeating: 0, count: 256)
        for (new, old) in order.enumerated() {
            position[old] = UInt8(truncatingIfNeeded: new)
            for shift in stride(from: UInt32(0), through: 24, by: 8) {
                palette.append(UInt8(truncatingIfNeeded: colours[old] >> shift))
            }
        }
        for pixel in indices.indices { indices[pixel] = position[Int(indices[pixel])] }
    }
}
