// SPDX-License-Identifier: Apache-2.0

internal import CPNGCalls

/// PNG in memory. Values only: safe to call from any thread, allocates per picture; for cold paths.
package enum PNGCodec {
    /// Decodes to gray, RGB or RGBA of 8 bits: palettes and small depths are widened, 16 bits cut to 8, a transparent
    /// colour becomes alpha, and gray with alpha becomes RGBA. Gamma and profiles are not applied.
    ///
    /// The declared size is compared with the limits before anything is allocated for it.
    package static func decode(
        _ bytes: UnsafeRawBufferPointer,
        limits: ImageLimits = .tile
    ) throws(CodecError) -> RasterImage {
        guard let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
            throw .broken(.png, reason: "no bytes")
        }
        var message = Message()
        var header = orizuru_png_header()
        var bounds = orizuru_png_limits(
            max_width: UInt32(limits.maxWidth),
            max_height: UInt32(limits.maxHeight),
            max_pixels: UInt64(limits.maxPixels)
        )
        var opened: OpaquePointer?
        // SAFETY: the bytes outlive the reader, which is closed below; the message has the size that C writes.
        let status = unsafe message.withBuffer {
            unsafe orizuru_png_open(start, bytes.count, &bounds, &header, &opened, $0)
        }
        guard status == ORIZURU_PNG_OK, let reader = unsafe opened else {
            throw error(status, message, header, limits)
        }
        defer { unsafe orizuru_png_close(reader) }

        let (width, height, channels) = (Int(header.width), Int(header.height), Int(header.channels))
        var readStatus = Int32(ORIZURU_PNG_OK)
        let count = width * height * channels
        let pixels = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            unsafe buffer.initialize(repeating: 0)
            // SAFETY: `height` rows of `width * channels` bytes, as the header says; at least one pixel.
            readStatus = unsafe message.withBuffer {
                unsafe orizuru_png_read_image(reader, buffer.baseAddress!, width * channels, $0)
            }
            initialized = count
        }
        guard readStatus == ORIZURU_PNG_OK else { throw error(readStatus, message, header, limits) }
        return RasterImage(width: width, height: height, channels: channels, pixels: pixels)
    }

    /// The same, from an array.
    package static func decode(_ bytes: [UInt8], limits: ImageLimits = .tile) throws(CodecError) -> RasterImage {
        let result: Result<RasterImage, CodecError> = unsafe bytes.withUnsafeBytes { raw in
            do throws(CodecError) {
                return .success(try unsafe decode(raw, limits: limits))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    static func error(
        _ status: Int32,
        _ message: Message,
        _ header: orizuru_png_header,
        _ limits: ImageLimits
    ) -> CodecError {
        switch Int(status) {
        case Int(ORIZURU_PNG_TOO_LARGE):
            .tooLarge(.png, width: Int(header.width), height: Int(header.height), limits: limits)
        case Int(ORIZURU_PNG_NO_MEMORY): .broken(.png, reason: "out of memory")
        case Int(ORIZURU_PNG_UNREADABLE): .unreadable(reason: message.text)
        default: .broken(.png, reason: message.text)
        }
    }

    /// The room in which C leaves a reason.
    struct Message {
        private var bytes = [CChar](repeating: 0, count: Int(ORIZURU_PNG_MESSAGE))

        mutating func withBuffer(_ body: (UnsafeMutablePointer<CChar>) -> Int32) -> Int32 {
            // SAFETY: C writes at most ORIZURU_PNG_MESSAGE bytes, the final zero included.
            unsafe bytes.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress!) }
        }

        var text: String {
            let characters = bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            return characters.isEmpty ? "no reason given" : String(decoding: characters, as: UTF8.self)
        }
    }
}
