// SPDX-License-Identifier: Apache-2.0

internal import CTurboJPEG

/// Decodes JPEG by libjpeg-turbo's TurboJPEG interface: to planes, to luma alone, or to RGB.
///
/// One per worker: it holds a handle of the library and is not thread-safe. It allocates nothing itself; the library
/// allocates its working memory per picture, bounded by the declared size, which is checked first.
///
/// What libjpeg calls a *warning* (data that ends too early, impossible codes) is an error here unless asked otherwise:
/// it would return made-up pixels, and a residual made up would be baked into every tile below it. Progressive pictures
/// may have at most 500 scans (the library's own limit), so that a small file cannot cost minutes. The accurate integer
/// DCT and the smooth up-sampling are used throughout.
@safe
package final class JPEGDecoder {
    private var handle: UnsafeMutableRawPointer

    /// Creates the library's handle. Traps where that runs out of memory, as any allocation in Swift does.
    package init() { unsafe handle = unsafe Self.makeHandle() }

    deinit {
        // SAFETY: made by `makeHandle`, destroyed once.
        _ = unsafe tjDestroy(handle)
    }

    private static func makeHandle() -> UnsafeMutableRawPointer {
        guard let handle = unsafe tjInitDecompress() else { preconditionFailure("no memory for a JPEG decoder") }
        return unsafe handle
    }

    /// Starts afresh, as if nothing had been decoded before.
    ///
    /// After a damaged header the library goes on *inside* that header with the next picture, and it keeps tables from
    /// picture to picture; a new handle knows of neither.
    private func reset() {
        // SAFETY: made by `makeHandle`, replaced at once.
        _ = unsafe tjDestroy(handle)
        unsafe handle = unsafe Self.makeHandle()
    }

    /// Reads the header, and refuses what is larger than the limits or of a kind that is not handled.
    package func header(
        of bytes: UnsafeRawBufferPointer,
        limits: ImageLimits = .tile
    ) throws(CodecError) -> JPEGHeader {
        var width: Int32 = 0
        var height: Int32 = 0
        var subsampling: Int32 = 0
        var colourSpace: Int32 = 0
        guard let start = bytes.baseAddress, bytes.count > 4 else {
            throw .broken(.jpeg, reason: "\(bytes.count) bytes are too few")
        }
        if unsafe !JPEGTables.areComplete(in: bytes) { reset() }
        // SAFETY: the library reads at most `bytes.count` bytes from the start, and writes the four numbers.
        let status = unsafe tjDecompressHeader3(
            handle,
            start.assumingMemoryBound(to: UInt8.self),
            UInt(bytes.count),
            &width,
            &height,
            &subsampling,
            &colourSpace
        )
        guard status == 0 else { throw failure() }
        let (columns, rows) = (Int(width), Int(height))
        guard columns > 0, rows > 0 else { throw .broken(.jpeg, reason: "it holds tables but no picture") }
        let colour: JPEGHeader.Colour
        switch colourSpace {
        case Int32(TJCS_YCbCr.rawValue): colour = .yCbCr
        case Int32(TJCS_RGB.rawValue): colour = .rgb
        case Int32(TJCS_GRAY.rawValue): colour = .gray
        default: throw .unsupported(.jpeg, what: "the CMYK colour space")
        }
        guard let subsampling = ChromaSubsampling(rawValue: subsampling) else {
            throw .unsupported(.jpeg, what: "this chroma subsampling")
        }
        guard limits.allow(width: columns, height: rows) else {
            throw .tooLarge(.jpeg, width: columns, height: rows, limits: limits)
        }
        return JPEGHeader(width: columns, height: rows, subsampling: subsampling, colour: colour)
    }

    /// Decodes a YCbCr or gray picture to its stored planes. The planes must have the sizes that the header's
    /// subsampling asks for (`lumaPlaneSize`, `chromaPlaneSize`) or larger; they may be windows of larger ones.
    package func decodePlanes(
        _ bytes: UnsafeRawBufferPointer,
        header: JPEGHeader,
        luma: Plane,
        blue: Plane?,
        red: Plane?
    ) throws(CodecError) {
        guard header.colour != .rgb else { throw .unsupported(.jpeg, what: "RGB stored without conversion") }
        try unsafe decodeStoredPlanes(bytes, header: header, luma, blue, red)
    }

    /// The same, of any colour space: the planes of an RGB picture are red, green and blue.
    func decodeStoredPlanes(
        _ bytes: UnsafeRawBufferPointer,
        header: JPEGHeader,
        _ luma: Plane,
        _ blue: Plane?,
        _ red: Plane?
    ) throws(CodecError) {
        let (width, height) = (header.width, header.height)
        let lumaSize = header.subsampling.lumaPlaneSize(width: width, height: height)
        let chromaSize = header.subsampling.chromaPlaneSize(width: width, height: height)
        precondition(luma.width >= lumaSize.width && luma.height >= lumaSize.height, "luma plane too small")
        let hasChroma = header.colour != .gray
        if hasChroma {
            guard let blue, let red else { preconditionFailure("chroma planes are needed") }
            precondition(blue.width >= chromaSize.width && blue.height >= chromaSize.height, "chroma plane too small")
            precondition(red.width >= chromaSize.width && red.height >= chromaSize.height, "chroma plane too small")
        }
        // SAFETY: the library writes plane sizes as TurboJPEG defines them, which the preconditions above compare with
        // the planes' memory; header and data are of the same bytes, so the size is the checked one.
        let status = unsafe withUnsafeTemporaryPlanes(luma, hasChroma ? blue : nil, hasChroma ? red : nil) {
            planes,
            strides in
            unsafe tjDecompressToYUVPlanes(
                handle,
                bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                UInt(bytes.count),
                planes,
                Int32(width),
                strides,
                Int32(height),
                TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS | TJFLAG_STOPONWARNING
            )
        }
        guard status == 0 else { throw failure() }
    }

    /// Decodes the luma alone, of whatever colour space, into the upper left of `plane`, which must be as large as the
    /// header says or larger.
    package func decodeLuma(
        _ bytes: UnsafeRawBufferPointer,
        header: JPEGHeader,
        into plane: Plane
    ) throws(CodecError) {
        precondition(plane.width >= header.width && plane.height >= header.height, "luma plane too small")
        if header.colour == .gray {
            // The same samples, 2 % sooner.
            return try unsafe decodePlanes(bytes, header: header, luma: plane, blue: nil, red: nil)
        }
        // SAFETY: `height` rows of `width` bytes, `stride` apart, are inside the plane by the precondition.
        try unsafe decodePacked(
            bytes,
            header: header,
            into: plane.base,
            stride: plane.stride,
            format: TJPF_GRAY,
            toleratingWarnings: false
        )
    }

    /// Decodes to pixels of four bytes, R, G, B and 255, as the library converts them. `plane` counts bytes: it must be
    /// 4 * width wide.
    package func decodeRGBX(
        _ bytes: UnsafeRawBufferPointer,
        header: JPEGHeader,
        into plane: Plane
    ) throws(CodecError) {
        precondition(plane.width >= 4 * header.width && plane.height >= header.height, "pixel plane too small")
        // SAFETY: as in `decodeLuma`, with four bytes a pixel.
        try unsafe decodePacked(
            bytes,
            header: header,
            into: plane.base,
            stride: plane.stride,
            format: TJPF_RGBA,
            toleratingWarnings: false
        )
    }

    /// `pixels` must have room for the header's rows, `stride` apart.
    @unsafe
    func decodePacked(
        _ bytes: UnsafeRawBufferPointer,
        header: JPEGHeader,
        into pixels: UnsafeMutablePointer<UInt8>,
        stride: Int,
        format: TJPF,
        toleratingWarnings: Bool
    ) throws(CodecError) {
        let strictness = toleratingWarnings ? 0 : TJFLAG_STOPONWARNING
        // SAFETY: the caller vouches for `pixels`; the bytes are those whose header was checked.
        let status = unsafe tjDecompress2(
            handle,
            bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
            UInt(bytes.count),
            pixels,
            Int32(header.width),
            Int32(stride),
            Int32(header.height),
            Int32(format.rawValue),
            TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS | strictness
        )
        if status == 0 { return }
        if toleratingWarnings, unsafe tjGetErrorCode(handle) == Int32(TJERR_WARNING.rawValue) { return }
        throw failure()
    }

    /// The library's last message as an error, and a handle without traces of the fault.
    private func failure() -> CodecError {
        // SAFETY: the message lives in the handle and ends with a zero; it is copied before the handle goes.
        let text = unsafe tjGetErrorStr2(handle)
        let reason = unsafe text.map { unsafe String(cString: $0) } ?? "no reason given"
        reset()
        return .broken(.jpeg, reason: reason)
    }
}

/// Calls `body` with the three base pointers and strides as C arrays on the stack. Absent planes are null.
@unsafe
func withUnsafeTemporaryPlanes(
    _ luma: Plane,
    _ blue: Plane?,
    _ red: Plane?,
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, UnsafeMutablePointer<Int32>) -> Int32
) -> Int32 {
    unsafe withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<UInt8>?.self, capacity: 3) { planes in
        unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: 3) { strides in
            // SAFETY: three elements each, initialised here; both types are trivial.
            unsafe planes.initializeElement(at: 0, to: luma.base)
            unsafe planes.initializeElement(at: 1, to: blue?.base)
            unsafe planes.initializeElement(at: 2, to: red?.base)
            unsafe strides.initializeElement(at: 0, to: Int32(luma.stride))
            unsafe strides.initializeElement(at: 1, to: Int32(blue?.stride ?? 0))
            unsafe strides.initializeElement(at: 2, to: Int32(red?.stride ?? 0))
            return unsafe body(planes.baseAddress!, strides.baseAddress!)
        }
    }
}
