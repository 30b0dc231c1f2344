// SPDX-License-Identifier: Apache-2.0

/// What a JPEG declares about itself, within the limits it was asked for with.
package struct JPEGHeader: Hashable, Sendable {
    /// The colours that are stored.
    package enum Colour: Hashable, Sendable {
        case yCbCr
        /// Stored as RGB: there are no chroma planes to decode.
        case rgb
        case gray
    }

    package let width: Int
    package let height: Int
    package let subsampling: ChromaSubsampling
    package let colour: Colour
}
