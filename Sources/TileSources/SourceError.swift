// SPDX-License-Identifier: Apache-2.0

import Glibc
package import TileModel

/// Why a tileset could not be opened, or a tile not be read. The description says what was tried, on what, what
/// happened and what to do; it names paths, so it belongs in the log and never in an answer.
package enum SourceError: Error, Sendable, Hashable {
    /// The geometry has the tile but no file holds it: a 404.
    case missing(TileCoordinate)
    /// The path is none of the forms that are known.
    case notRecognised(path: String, lookedFor: String)
    /// A system call failed.
    case system(operation: String, path: String, code: Int32)
    /// A description (.dzi, metadata.json) says something that cannot be.
    case malformed(path: String, reason: String)
    /// A well-formed thing that is not served.
    case unsupported(path: String, reason: String)
    /// A tile, pack or bundle whose bytes are not what they should be: a 500.
    case damaged(path: String, reason: String)
    /// A file that is not the one any more that was opened: a 503 until it is opened again.
    case changed(path: String)
    /// A file beyond the bound that keeps memory bounded.
    case tooLarge(path: String, bytes: Int, limit: Int)
}

extension SourceError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let tile):
            "tile \(tile): no file holds it"
        case .notRecognised(let path, let lookedFor):
            "open \(path): not a tileset; looked for \(lookedFor)"
        case .system(let operation, let path, let code):
            "\(operation) \(path): \(SourceError.text(ofCode: code)); check that the file exists and may be read"
        case .malformed(let path, let reason):
            "open \(path): \(reason); correct the file"
        case .unsupported(let path, let reason):
            "open \(path): \(reason)"
        case .damaged(let path, let reason):
            "read \(path): \(reason); restore the file or remove it so that the next source of the tile stands in"
        case .changed(let path):
            "read \(path): the file is being changed; it is opened again when it is complete"
        case .tooLarge(let path, let bytes, let limit):
            "read \(path): \(bytes) bytes, the limit is \(limit)"
        }
    }

    private static func text(ofCode code: Int32) -> String {
        switch code {
        case ENOENT: "no such file or folder"
        case EACCES: "permission denied"
        case EMFILE: "too many open files in this process (raise `ulimit -n`)"
        case EISDIR: "is a folder"
        case ENOTDIR: "not a folder"
        case ELOOP: "too many symbolic links"
        case EIO: "input/output error"
        default: "error \(code)"
        }
    }
}
