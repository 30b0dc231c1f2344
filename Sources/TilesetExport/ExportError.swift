// SPDX-License-Identifier: Apache-2.0

import Glibc
package import TileModel

/// Why an export ended early. What was written so far stays beside the target, for the next run to go on with.
package enum ExportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The target is there already.
    case exists(path: String)
    /// A system call failed.
    case system(operation: String, path: String, code: Int32)
    /// The source cannot become what was asked for.
    case unsuitable(reason: String)
    /// A tile could not be read or rendered; the log says why.
    case tile(TileCoordinate)
    /// What an earlier run left is of another source, another form, or damaged.
    case foreign(path: String, reason: String)
    /// The library that writes the target says no.
    case target(path: String, reason: String)
    /// Somebody asked it to end.
    case interrupted(done: Int)

    package var description: String {
        switch self {
        case .exists(let path): "write \(path): it exists already; choose another name, or ask for it with --replace"
        case .system(let operation, let path, let code):
            "\(operation) \(path): \(unsafe String(cString: strerror(code))); run the same command again to go on"
        case .unsuitable(let reason): reason
        case .tile(let tile): "tile \(tile) could not be made; correct its source and run the same command again"
        case .foreign(let path, let reason):
            "go on with \(path): \(reason); remove it, or ask for a new beginning with --restart"
        case .target(let path, let reason): "write \(path): \(reason)"
        case .interrupted(let done): "interrupted after \(done) tiles; run the same command again to go on"
        }
    }
}
