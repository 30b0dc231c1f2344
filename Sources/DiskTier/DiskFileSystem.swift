// SPDX-License-Identifier: Apache-2.0

package import CPlatform
import Glibc

/// The calls of the operating system that the disk tier makes: one place, so that tests can let any of them fail, stall,
/// write half of its bytes, or end the process.
///
/// Thread rule: every call from any thread. Calls that can fail return a negative errno.
package protocol DiskFileSystem: AnyObject, Sendable {
    func makeFolder(_ path: String) -> Int32
    /// The names in a folder, dot files left out; nil where it cannot be read.
    func list(_ path: String) -> [String]?
    /// Takes the lock of a folder for this process and returns its descriptor.
    func lock(_ path: String) -> Int32
    func open(_ path: String, writable: Bool, create: Bool) -> Int32
    func close(_ descriptor: Int32)
    /// Another descriptor of the same open file.
    func duplicate(_ descriptor: Int32) -> Int32
    func size(_ descriptor: Int32) -> Int
    /// Reads until the buffer is full or the file ends.
    func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int
    /// Writes the parts one behind the other; may change them. Fewer bytes than asked for: the rest was refused.
    func write(_ descriptor: Int32, _ parts: UnsafeMutableBufferPointer<iovec>, at offset: Int) -> Int
    func reserve(_ descriptor: Int32, bytes: Int) -> Int32
    func truncate(_ descriptor: Int32, bytes: Int) -> Int32
    func sync(_ descriptor: Int32) -> Int32
    func syncFolder(_ path: String) -> Int32
    /// What this process may still write to the file system of a folder; nil where that cannot be told.
    func freeBytes(_ path: String) -> Int?
    func rename(_ from: String, _ to: String) -> Int32
    func remove(_ path: String) -> Int32
}

/// The real ones.
package final class LinuxFileSystem: DiskFileSystem {
    package init() {}

    package func makeFolder(_ path: String) -> Int32 {
        // Each folder on the way, as `mkdir -p` does; the last one tells.
        var result: Int32 = 0
        var end = path.startIndex
        while end != path.endIndex {
            end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
            result = unsafe platform_folder_make(String(path[..<end]))
        }
        return result
    }

    package func list(_ path: String) -> [String]? {
        guard let folder = unsafe opendir(path) else { return nil }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            // SAFETY: readdir's entry is valid until the next call; its name ends with a zero byte.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe String(cString: UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    package func lock(_ path: String) -> Int32 { unsafe platform_file_lock(path) }

    package func open(_ path: String, writable: Bool, create: Bool) -> Int32 {
        unsafe platform_file_open(path, writable ? 1 : 0, create ? 1 : 0)
    }

    package func close(_ descriptor: Int32) { platform_close(descriptor) }

    package func duplicate(_ descriptor: Int32) -> Int32 { platform_file_duplicate(descriptor) }

    package func size(_ descriptor: Int32) -> Int { Int(platform_file_size(descriptor)) }

    package func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        guard let start = buffer.baseAddress else { return 0 }
        // SAFETY: the caller's buffer, alive and its own for the call.
        return unsafe Int(platform_file_read(descriptor, start, buffer.count, Int64(offset)))
    }

    package func write(_ descriptor: Int32, _ parts: UnsafeMutableBufferPointer<iovec>, at offset: Int) -> Int {
        guard let start = parts.baseAddress else { return 0 }
        // SAFETY: the caller's parts and what they point at, alive for the call.
        return unsafe Int(platform_file_write(descriptor, start, Int32(clamping: parts.count), Int64(offset)))
    }

    package func reserve(_ descriptor: Int32, bytes: Int) -> Int32 { platform_file_reserve(descriptor, Int64(bytes)) }
    package func truncate(_ descriptor: Int32, bytes: Int) -> Int32 { platform_file_truncate(descriptor, Int64(bytes)) }
    package func sync(_ descriptor: Int32) -> Int32 { platform_file_sync(descriptor) }
    package func syncFolder(_ path: String) -> Int32 { unsafe platform_folder_sync(path) }
    package func freeBytes(_ path: String) -> Int? {
        let free = unsafe platform_folder_free_bytes(path)
        return free < 0 ? nil : Int(free)
    }
    package func rename(_ from: String, _ to: String) -> Int32 { unsafe platform_file_rename(from, to) }
    package func remove(_ path: String) -> Int32 { unsafe platform_file_remove(path) }
}
