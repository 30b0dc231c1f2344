// SPDX-License-Identifier: Apache-2.0

/// Why an image could not be decoded or encoded.
package enum CodecError: Error, Hashable, CustomStringConvertible {
    /// The formats that this module knows.
    package enum Format: String, Hashable, Sendable {
        case jpeg = "JPEG"
        case png = "PNG"
    }

    /// The bytes are no image of the format, or a broken one. For JPEG also what libjpeg only warns of (data that ends
    /// too early, bits that make no sense), because what it fills in is not what was stored.
    case broken(Format, reason: String)
    /// The declared size is beyond the limits; nothing was allocated for it.
    case tooLarge(Format, width: Int, height: Int, limits: ImageLimits)
    /// A valid image of a kind that is not handled, such as CMYK.
    case unsupported(Format, what: String)
    /// The size is not the one that is needed.
    case wrongSize(Format, width: Int, height: Int, expected: String)
    /// A picture that cannot be read by rows is larger than what may be held of it.
    case tooLargeToHold(Format, what: String, bytes: Int, limit: Int)
    /// The file could not be read.
    case unreadable(reason: String)
    /// The library could not encode: out of memory, or a size beyond its format.
    case notEncoded(Format, reason: String)

    /// A sentence for the log: what was tried, what happened, what to do.
    package var description: String {
        switch self {
        case .broken(let format, let reason):
            "cannot decode \(format.rawValue): \(reason); the data is damaged, write it anew"
        case .tooLarge(let format, let width, let height, let limits):
            "refused \(format.rawValue) that declares \(width)x\(height) pixels: at most \(limits) are accepted here"
        case .unsupported(let format, let what):
            "cannot decode \(format.rawValue): \(what) is not supported; convert it to YCbCr, RGB or gray"
        case .wrongSize(let format, let width, let height, let expected):
            "\(format.rawValue) of \(width)x\(height) pixels where \(expected) is expected"
        case .tooLargeToHold(let format, let what, let bytes, let limit):
            "refused \(format.rawValue): \(what) must be held whole, which takes \(bytes) bytes where \(limit) are allowed; "
                + "allow more or convert it"
        case .unreadable(let reason):
            "cannot read the picture: \(reason)"
        case .notEncoded(let format, let reason):
            "cannot encode \(format.rawValue): \(reason)"
        }
    }
}

/// The largest declared size that a decoder accepts: looked at before anything is allocated.
package struct ImageLimits: Hashable, Sendable, CustomStringConvertible {
    package let maxWidth: Int
    package let maxHeight: Int
    package let maxPixels: Int

    /// All must be positive. Sides are capped at 2^30, so that products of them fit 63 bits.
    package init(maxWidth: Int, maxHeight: Int, maxPixels: Int) {
        precondition(maxWidth > 0 && maxHeight > 0 && maxPixels > 0, "limits must be positive")
        self.maxWidth = min(maxWidth, 1 << 30)
        self.maxHeight = min(maxHeight, 1 << 30)
        self.maxPixels = maxPixels
    }

    /// Any shape of at most so many pixels.
    package init(maxPixels: Int) { self.init(maxWidth: 1 << 30, maxHeight: 1 << 30, maxPixels: maxPixels) }

    /// One tile: at most 4096 pixels a side, the largest tile that a pyramid may have, with room for an overlap.
    package static let tile = ImageLimits(maxWidth: 3 * 4096, maxHeight: 3 * 4096, maxPixels: 9 * 4096 * 4096)

    /// Whether a declared size is within the limits. Zero and negative sizes are not.
    package func allow(width: Int, height: Int) -> Bool {
        width > 0 && height > 0 && width <= maxWidth && height <= maxHeight && width * height <= maxPixels
    }

    /// `WxH and N pixels`.
    package var description: String { "\(maxWidth)x\(maxHeight) and \(maxPixels) pixels" }
}
