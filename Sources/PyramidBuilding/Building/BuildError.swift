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
    /// The input cannot be read, or no longer.
    case input(path: String, reason: String)
    /// Another build writes this output now.
    case inUse(path: String)
    /// An unfinished output was begun from another input or with other options.
    case otherBuild(path: String)
    /// A thread could not be started.
    case noThread(reason: String)
    /// Somebody asked for it to stop.
    case stopped

    package var description: String {
        switch self {
        case .exists(let path): "write \(path): it exists already; choose another name, or replace it by --replace"
        case .system(let operation, let path, let code):
            "\(operation) \(path): \(BuildError.text(ofCode: code)); nothing was left behind under the final name"
        case .unsuitable(let size, let reason): "build a pyramid of \(size) pixels: \(reason)"
        case .notEncoded(let tile, let reason): "encode tile \(tile): \(reason)"
        case .input(let path, let reason): "read \(path): \(reason)"
        case .inUse(let path): "write \(path): another build is at work there; wait for it or choose another name"
        case .otherBuild(let path):
            "go on with \(path): it was begun from another input or with other options; give those, or start afresh by --restart"
        case .noThread(let reason): reason
        case .stopped: "stopped; what is written is kept, the same command goes on with it"
        }
    }

    private static func text(ofCode code: Int32) -> String {
        switch code {
        case ENOENT: "no such folder"
        case EACCES: "permission denied"
        case ENOSPC: "no space left on the device; make room, then the same command goes on"
        case EDQUOT: "the quota of disk space is used up; make room, then the same command goes on"
        case EROFS: "the file system is read-only"
        case ENOTDIR: "a part of the path is no folder"
        case EEXIST, ENOTEMPTY: "it exists already"
        default: "error \(code)"
        }
    }
}
