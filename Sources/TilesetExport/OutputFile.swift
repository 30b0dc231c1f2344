// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file that is written at its end, can be read anywhere and cut off: the data and the journal of an export.
///
/// Thread rule: one thread. Closed with its last reference.
final class OutputFile {
    let path: String
    private let descriptor: Int32
    /// Bytes in the file and in the buffer together.
    private(set) var count: Int
    private var buffer: [UInt8] = []

    /// Opens a file, which is made where there is none.
    init(path: String) throws(ExportError) {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system(operation: "open", path: path, code: errno) }
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else {
            let code = errno
            close(descriptor)
            throw .system(operation: "inspect", path: path, code: code)
        }
        self.path = path
        self.descriptor = descriptor
        count = Int(end)
    }

    deinit { close(descriptor) }

    func append(_ bytes: [UInt8]) throws(ExportError) {
        buffer += bytes
        count += bytes.count
        if buffer.count >= 1 << 20 { try flush() }
    }

    /// Hands everything to the kernel.
    func flush() throws(ExportError) {
        guard !buffer.isEmpty else { return }
        try write(buffer, at: count - buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }

    /// Waits until everything lies on the disk.
    func synchronize() throws(ExportError) {
        try flush()
        guard fsync(descriptor) == 0 else { throw .system(operation: "write", path: path, code: errno) }
    }

    func write(_ bytes: [UInt8], at place: Int) throws(ExportError) {
        var written = 0
        while written < bytes.count {
            // SAFETY: the rest of the array, alive for the call.
            let result = unsafe bytes.withUnsafeBytes {
                unsafe pwrite(descriptor, $0.baseAddress! + written, bytes.count - written, off_t(place + written))
            }
            if result > 0 {
                written += result
            } else if errno != EINTR {
                throw .system(operation: "write", path: path, code: errno)
            }
        }
    }

    /// Bytes from `place` on; fewer where the file ends before.
    func read(at place: Int, count wanted: Int) throws(ExportError) -> [UInt8] {
        try flush()
        var bytes = [UInt8](repeating: 0, count: wanted)
        var filled = 0
        while filled < wanted {
            // SAFETY: the rest of the array, alive for the call.
            let result = unsafe bytes.withUnsafeMutableBytes {
                unsafe pread(descriptor, $0.baseAddress! + filled, wanted - filled, off_t(place + filled))
            }
            if result > 0 {
                filled += result
            } else if result == 0 {
                break
            } else if errno != EINTR {
                throw .system(operation: "read", path: path, code: errno)
            }
        }
        bytes.removeLast(wanted - filled)
        return bytes
    }

    /// Forgets what lies behind `end`.
    func cut(to end: Int) throws(ExportError) {
        try flush()
        guard ftruncate(descriptor, off_t(end)) == 0 else {
            throw .system(operation: "shorten", path: path, code: errno)
        }
        count = end
    }
}

/// Calls on paths.
enum OutputPath {
    static func exists(_ path: String) -> Bool {
        var status = stat()
        // SAFETY: lstat writes one `stat` into a local of that type.
        return unsafe lstat(path, &status) == 0
    }

    static func rename(_ path: String, to target: String) throws(ExportError) {
        guard unsafe Glibc.rename(path, target) == 0 else {
            throw .system(operation: "rename to", path: target, code: errno)
        }
        synchronizeFolder(of: target)
    }

    /// Makes a rename outlast a loss of power; where that cannot be, nothing else can be done.
    private static func synchronizeFolder(of path: String) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    static func remove(_ path: String) { unsafe unlink(path) }

    static func makeFolder(_ path: String) throws(ExportError) {
        guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw .system(operation: "make folder", path: path, code: errno)
        }
    }

    /// Writes a file that is whole under its name or not there.
    static func write(_ bytes: [UInt8], to path: String) throws(ExportError) {
        let temporary = "\(path).new"
        remove(temporary)
        let file = try OutputFile(path: temporary)
        try file.append(bytes)
        try file.flush()
        guard unsafe Glibc.rename(temporary, path) == 0 else {
            throw .system(operation: "rename to", path: path, code: errno)
        }
    }

    /// The bytes of a small file; nil where there is none.
    static func contents(_ path: String) throws(ExportError) -> [UInt8]? {
        guard exists(path) else { return nil }
        let file = try OutputFile(path: path)
        return try file.read(at: 0, count: min(file.count, 1 << 20))
    }
}
