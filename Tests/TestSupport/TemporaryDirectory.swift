// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// A new empty folder that is removed with its last reference.
package final class TemporaryDirectory: Sendable {
    package let url: URL

    /// Makes it below the system's folder for temporary files.
    package init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "orizuru-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    package var path: String { url.path }

    /// The path of something inside.
    package func path(_ name: String) -> String { url.appending(path: name).path }

    /// Writes a file, making the folders above it, and returns its path.
    @discardableResult
    package func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let file = url.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(bytes).write(to: file)
        return file.path
    }

    /// Makes a folder and returns its path.
    @discardableResult
    package func makeFolder(_ name: String) throws -> String {
        let folder = url.appending(path: name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.path
    }

    /// Copies a file or folder into it, its files writable, and returns the copy's path.
    @discardableResult
    package func copy(_ source: URL, to name: String) throws -> String {
        let manager = FileManager.default
        let target = url.appending(path: name)
        try manager.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        try manager.copyItem(at: source, to: target)
        var paths = [target.path]
        if let inside = manager.enumerator(atPath: target.path) {
            paths += inside.compactMap { ($0 as? String).map { target.appending(path: $0).path } }
        }
        for path in paths {
            var isFolder: ObjCBool = false
            _ = unsafe manager.fileExists(atPath: path, isDirectory: &isFolder)
            try manager.setAttributes([.posixPermissions: isFolder.boolValue ? 0o755 : 0o644], ofItemAtPath: path)
        }
        return target.path
    }
}
