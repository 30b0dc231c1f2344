// SPDX-License-Identifier: Apache-2.0

import Glibc
package import TileModel

/// Why a pyramid could not be written.
package enum BuildError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The output is there already and replacing it was not asked for.
    case exists(path: String)
    /// A system call failed.
    case system(operation: String, path: String, code: Int32)
    /// A picture that cannot be a pyramid of the wanted form.
    case unsuitable(size: GridSize, reason: String)
    /// A tile could not be encoded.
    case notEncoded(TileCoordinate, reason: String)

    package var description: String {
        switch self {
        case .exists(let path): "write \(path): it exists already; choose another name or ask for it to be replaced"
        case .system(let operation, let path, let code):
            "\(operation) \(path): \(BuildError.text(ofCode: code)); nothing was left behind under the final name"
        case .unsuitable(let size, let reason): "build a pyramid of \(size) pixels: \(reason)"
        case .notEncoded(let tile, let reason): "encode tile \(tile): \(reason)"
        }
    }

    private static func text(ofCode code: Int32) -> String {
        switch code {
        case ENOENT: "no such folder"
        case EACCES: "permission denied"
        case ENOSPC: "no space left on the device"
        case EROFS: "the file system is read-only"
        case ENOTDIR: "a part of the path is no folder"
        case EEXIST, ENOTEMPTY: "it exists already"
        default: "error \(code)"
        }
    }
}
