// SPDX-License-Identifier: Apache-2.0

internal import CTurboJPEG

/// How many chroma samples a JPEG has per luma sample.
package enum ChromaSubsampling: Int32, Hashable, Sendable, CaseIterable {
    /// One for each (4:4:4).
    case full = 0
    /// One for two side by side (4:2:2).
    case halfWidth = 1
    /// One for a square of four (4:2:0).
    case quarter = 2
    /// None: gray.
    case gray = 3
    /// One for two above each other (4:4:0).
    case halfHeight = 4
    /// One for four side by side (4:1:1).
    case quarterWidth = 5

    /// Luma samples that share a chroma sample, across.
    package var horizontalFactor: Int {
        switch self {
        case .full, .gray, .halfHeight: 1
        case .halfWidth, .quarter: 2
        case .quarterWidth: 4
        }
    }

    /// Luma samples that share a chroma sample, down.
    package var verticalFactor: Int {
        switch self {
        case .full, .gray, .halfWidth, .quarterWidth: 1
        case .quarter, .halfHeight: 2
        }
    }

    /// The luma plane that a codec call reads or writes: the size rounded up to whole chroma samples.
    package func lumaPlaneSize(width: Int, height: Int) -> (width: Int, height: Int) {
        let (h, v) = (horizontalFactor, verticalFactor)
        return ((width + h - 1) / h * h, (height + v - 1) / v * v)
    }

    /// The size of each chroma plane; zero for gray.
    package func chromaPlaneSize(width: Int, height: Int) -> (width: Int, height: Int) {
        if self == .gray { return (0, 0) }
        let (h, v) = (horizontalFactor, verticalFactor)
        return ((width + h - 1) / h, (height + v - 1) / v)
    }

    /// The value of TurboJPEG's API (TJSAMP_*).
    var code: Int32 { rawValue }
}
