// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs
package import TileModel

/// Why a tile could not be made although its source could be read.
package enum PipelineError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A stored tile is not of the size that the pyramid gives it.
    case wrongSize(TileCoordinate, found: GridSize, expected: GridSize)
    /// A stored tile is of a format that cannot be decoded here, but its XYZ form is not its stored form.
    case cannotDecode(TileCoordinate, TileFormat)
    /// A tile that lies on disk could not be read.
    case unreadable(TileCoordinate)
    /// A stored tile could not be decoded, or its XYZ form not be encoded.
    case codec(CodecError)

    package var description: String {
        switch self {
        case .wrongSize(let tile, let found, let expected):
            "tile \(tile) is stored with \(found) pixels, the pyramid says \(expected); build the pyramid again"
        case .cannotDecode(let tile, let format):
            "tile \(tile) is \(format), which cannot be padded here; ask for it in the Deep Zoom form"
        case .unreadable(let tile):
            "tile \(tile) lies on disk and could not be read; the disk's errors are in the kernel's log"
        case .codec(let error):
            "\(error)"
        }
    }
}
