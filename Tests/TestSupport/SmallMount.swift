// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A small file system in memory, for as long as the object lives. Only root may mount one.
package final class SmallMount {
    package let path: String
    private let directory: TemporaryDirectory

    /// Whether this process may mount one.
    package static let isPossible: Bool = {
        guard geteuid() == 0, let directory = try? TemporaryDirectory() else { return false }
        guard unsafe mount("tmpfs", directory.path, "tmpfs", 0, "size=1m") == 0 else { return false }
        unsafe umount2(directory.path, 2)
        return true
    }()

    package struct Failure: Error { let code: Int32 }

    package init(bytes: Int) throws {
        directory = try TemporaryDirectory()
        path = directory.path
        guard unsafe mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0 else { throw Failure(code: errno) }
    }

    // Detached, so that what is still open does not hold it.
    deinit { unsafe umount2(path, 2) }

    /// Makes it larger or smaller, with what is in it.
    package func resize(bytes: Int) throws {
        let remount = UInt(MS_REMOUNT)
        guard unsafe mount("tmpfs", path, "tmpfs", remount, "size=\(bytes)") == 0 else { throw Failure(code: errno) }
    }
}
