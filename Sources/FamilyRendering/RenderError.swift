// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs
package import TileModel

/// Why a member of a family could not be rendered.
package enum RenderError: Error, Hashable, CustomStringConvertible {
    /// Neither a residual nor a plain tile is there, or the family has no such member: 404.
    case missing(TileCoordinate)
    /// The tile's own data, or a tile's that it is predicted from, is damaged or of the wrong size.
    case broken(TileCoordinate, CodecError)
    /// What was decoded could not be encoded.
    case notEncoded(TileCoordinate, CodecError)

    /// A sentence for the log.
    package var description: String {
        switch self {
        case .missing(let tile): "tile \(tile) has neither a residual nor a JPEG of its own"
        case .broken(let tile, let error): "tile \(tile) cannot be used: \(error)"
        case .notEncoded(let tile, let error): "tile \(tile) was rendered but not encoded: \(error)"
        }
    }
}
