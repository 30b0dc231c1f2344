// SPDX-License-Identifier: Apache-2.0

internal import CTurboJPEG

extension JPEGDecoder {
    /// Decodes a whole picture for cold paths: gray stays one channel, everything else becomes RGB.
    ///
    /// `toleratingWarnings` accepts what libjpeg can still show of a damaged picture; for tiles that nothing is derived
    /// from. Allocates the picture, after its size was compared with the limits.
    package func decodeRaster(
        _ bytes: UnsafeRawBufferPointer,
        limits: ImageLimits = .tile,
        toleratingWarnings: Bool = false
    ) throws(CodecError) -> RasterImage {
        let header = try unsafe header(of: bytes, limits: limits)
        let channels = header.colour == .gray ? 1 : 3
        let stride = header.width * channels
        var failure: CodecError?
        let count = stride * header.height
        let pixels = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(CodecError) {
                // The library leaves rows alone that it could not decode.
                unsafe buffer.initialize(repeating: 0)
                // SAFETY: the buffer has `height` rows of `stride` bytes and at least one byte.
                try unsafe decodePacked(
                    bytes,
                    header: header,
                    into: buffer.baseAddress!,
                    stride: stride,
                    format: channels == 1 ? TJPF_GRAY : TJPF_RGB,
                    toleratingWarnings: toleratingWarnings
                )
            } catch {
                failure = error
            }
            initialized = count
        }
        if let failure { throw failure }
        return RasterImage(width: header.width, height: header.height, channels: channels, pixels: pixels)
    }

    /// The same, from an array.
    package func decodeRaster(
        _ bytes: [UInt8],
        limits: ImageLimits = .tile,
        toleratingWarnings: Bool = false
    ) throws(CodecError) -> RasterImage {
        let result: Result<RasterImage, CodecError> = unsafe bytes.withUnsafeBytes { raw in
            do throws(CodecError) {
                return .success(
                    try unsafe decodeRaster(raw, limits: limits, toleratingWarnings: toleratingWarnings)
                )
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
