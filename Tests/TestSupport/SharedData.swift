// SPDX-License-Identifier: Apache-2.0

package import Foundation
package import Testing

/// The folder of real slides, maps and expected tiles that tests compare with. It is not part of the package: a test
/// that needs it is enabled by `isPresent` and says so loudly where it is not.
///
///     @Test("...", .enabled(if: SharedData.isPresent, SharedData.reason))
package enum SharedData {
    /// The folder that the environment's ORIZURU_DATA names, else `../shared/data` beside the package.
    package static let folder: URL? = {
        let manager = FileManager.default
        var candidates: [URL] = []
        if let path = ProcessInfo.processInfo.environment["ORIZURU_DATA"] {
            candidates.append(URL(fileURLWithPath: path, isDirectory: true))
        } else {
            candidates.append(packageRoot.appending(path: "../shared/data", directoryHint: .isDirectory).standardized)
        }
        return candidates.first { manager.fileExists(atPath: $0.appending(path: "slides").path) }
    }()

    /// Whether the folder is there.
    package static var isPresent: Bool { folder != nil }

    /// Why a test does not run.
    package static let reason: Comment = "needs the shared test data: set ORIZURU_DATA to its folder"

    /// A file or folder of the data. Throws where the data is absent.
    package static func url(_ path: String) throws -> URL {
        guard let folder else { throw Absent() }
        return folder.appending(path: path)
    }

    /// The bytes of a file of the data.
    package static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: try url(path))) }

    /// The folder of Package.swift.
    package static let packageRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private struct Absent: Error, CustomStringConvertible {
        var description: String { "no shared test data; set ORIZURU_DATA to its folder" }
    }
}
