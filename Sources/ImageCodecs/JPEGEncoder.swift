// SPDX-License-Identifier: Apache-2.0

internal import CTurboJPEG

/// Encodes JPEG by libjpeg-turbo's TurboJPEG interface into a buffer of its own that is reused.
///
/// One per worker, not thread-safe. The buffer grows to the worst case of the largest picture so far, and the library
/// is told never to allocate one; its working memory per picture is its own affair.
@safe
package final class JPEGEncoder {
    private let handle: UnsafeMutableRawPointer
    private var buffer: UnsafeMutableRawBufferPointer

    /// How the DCT is computed.
    package enum DCT: Sendable {
        /// The accurate integer DCT.
        case accurate
        /// What TurboJPEG takes where nothing is asked: the fast one below quality 96. For the reference's bytes.
        case libraryDefault

        fileprivate var flags: Int32 { self == .accurate ? TJFLAG_ACCURATEDCT : 0 }
    }

    /// Creates the library's handle. Traps where that runs out of memory, as any allocation in Swift does.
    package init() {
        guard let handle = unsafe tjInitCompress() else { preconditionFailure("no memory for a JPEG encoder") }
        unsafe self.handle = unsafe handle
        unsafe buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    deinit {
        // SAFETY: both are ours and released once.
        _ = unsafe tjDestroy(handle)
        unsafe buffer.deallocate()
    }

    /// The largest side that a JPEG can have.
    package static let maxSide = 65500

    /// Encodes planes. The luma plane must be as large as `lumaPlaneSize` of the subsampling says (for an odd size one
    /// sample more than the picture, repeated from the edge), the chroma planes as `chromaPlaneSize` says.
    ///
    /// The bytes are valid until the next call.
    package func encodePlanes(
        width: Int,
        height: Int,
        subsampling: ChromaSubsampling,
        quality: Int,
        luma: Plane,
        blue: Plane?,
        red: Plane?
    ) throws(CodecError) -> UnsafeRawBufferPointer {
        let lumaSize = subsampling.lumaPlaneSize(width: width, height: height)
        let chromaSize = subsampling.chromaPlaneSize(width: width, height: height)
        precondition(luma.width >= lumaSize.width && luma.height >= lumaSize.height, "luma plane too small")
        let hasChroma = subsampling != .gray
        if hasChroma {
            guard let blue, let red else { preconditionFailure("chroma planes are needed") }
            precondition(blue.width >= chromaSize.width && blue.height >= chromaSize.height, "chroma plane too small")
            precondition(red.width >= chromaSize.width && red.height >= chromaSize.height, "chroma plane too small")
        }
        try reserve(width: width, height: height, subsampling: subsampling)
        var target = unsafe buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        var count = UInt(unsafe buffer.count)
        // SAFETY: the library reads planes of the sizes checked above and writes at most the buffer's size, which is
        // its own worst case for the picture.
        let status = unsafe withUnsafeTemporaryPlanes(luma, hasChroma ? blue : nil, hasChroma ? red : nil) {
            planes,
            strides in
            unsafe planes.withMemoryRebound(to: UnsafePointer<UInt8>?.self, capacity: 3) { sources in
                unsafe tjCompressFromYUVPlanes(
                    handle,
                    sources,
                    Int32(width),
                    strides,
                    Int32(height),
                    subsampling.code,
                    &target,
                    &count,
                    Int32(quality),
                    TJFLAG_NOREALLOC | DCT.accurate.flags
                )
            }
        }
        return try unsafe result(status, count)
    }

    /// Encodes pixels of four bytes (R, G, B, ignored); `plane` counts bytes and is at least 4 * width wide.
    ///
    /// The bytes are valid until the next call.
    package func encodeRGBX(
        _ plane: Plane,
        width: Int,
        height: Int,
        subsampling: ChromaSubsampling,
        quality: Int,
        dct: DCT = .accurate
    ) throws(CodecError) -> UnsafeRawBufferPointer {
        precondition(plane.width >= 4 * width && plane.height >= height, "pixel plane too small")
        // SAFETY: rows of 4 * width bytes, `stride` apart, inside the plane.
        return try unsafe encodePacked(
            plane.base,
            width: width,
            height: height,
            stride: plane.stride,
            format: TJPF_RGBX,
            subsampling: subsampling,
            quality: quality,
            dct: dct
        )
    }

    /// Encodes a picture for cold paths. Gray pictures become gray JPEGs whatever the subsampling; alpha is laid over
    /// white. The quality must be 1...100.
    package func encodeRaster(
        _ image: RasterImage,
        quality: Int,
        subsampling: ChromaSubsampling = .quarter,
        dct: DCT = .accurate
    ) throws(CodecError) -> [UInt8] {
        let opaque = image.flattenedOverWhite()
        var pixels = opaque.pixels
        let result: Result<[UInt8], CodecError> = unsafe pixels.withUnsafeMutableBufferPointer { buffer in
            do throws(CodecError) {
                // SAFETY: a RasterImage has exactly `height` rows of `stride` bytes, and at least one pixel.
                let encoded = try unsafe encodePacked(
                    buffer.baseAddress!,
                    width: opaque.width,
                    height: opaque.height,
                    stride: opaque.stride,
                    format: opaque.channels == 1 ? TJPF_GRAY : TJPF_RGB,
                    subsampling: opaque.channels == 1 ? .gray : subsampling,
                    quality: quality,
                    dct: dct
                )
                return .success(unsafe [UInt8](encoded))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    @unsafe
    private func encodePacked(
        _ pixels: UnsafeMutablePointer<UInt8>,
        width: Int,
        height: Int,
        stride: Int,
        format: TJPF,
        subsampling: ChromaSubsampling,
        quality: Int,
        dct: DCT
    ) throws(CodecError) -> UnsafeRawBufferPointer {
        precondition((1...100).contains(quality), "quality \(quality)")
        try reserve(width: width, height: height, subsampling: subsampling)
        var target = unsafe buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        var count = UInt(unsafe buffer.count)
        // SAFETY: the caller vouches for the pixels; the buffer has the library's worst case for the picture.
        let status = unsafe tjCompress2(
            handle,
            pixels,
            Int32(width),
            Int32(stride),
            Int32(height),
            Int32(format.rawValue),
            &target,
            &count,
            subsampling.code,
            Int32(quality),
            TJFLAG_NOREALLOC | dct.flags
        )
        return try unsafe result(status, count)
    }

    private func result(_ status: Int32, _ count: UInt) throws(CodecError) -> UnsafeRawBufferPointer {
        guard status == 0 else {
            // SAFETY: the message lives in the handle and ends with a zero.
            let text = unsafe tjGetErrorStr2(handle)
            throw .notEncoded(.jpeg, reason: unsafe text.map { unsafe String(cString: $0) } ?? "no reason given")
        }
        // SAFETY: the library wrote `count` bytes from the buffer's start, at most its size.
        return unsafe UnsafeRawBufferPointer(rebasing: buffer[..<Int(count)])
    }

    /// Makes the buffer large enough for any picture of the size.
    private func reserve(width: Int, height: Int, subsampling: ChromaSubsampling) throws(CodecError) {
        guard (1...Self.maxSide).contains(width), (1...Self.maxSide).contains(height) else {
            throw .notEncoded(.jpeg, reason: "\(width)x\(height) is beyond the format's \(Self.maxSide) a side")
        }
        let needed = Int(tjBufSize(Int32(width), Int32(height), subsampling.code))
        if unsafe needed > buffer.count {
            // SAFETY: the old buffer is ours, and what was returned from it is no longer valid by contract.
            unsafe buffer.deallocate()
            unsafe buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: needed, alignment: 64)
        }
    }
}
