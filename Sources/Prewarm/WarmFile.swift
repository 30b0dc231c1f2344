// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The few calls of the file system that a run needs: reading whole, replacing whole, appending. Blocks.
enum WarmFile {
    /// The bytes of a file; nil where there is none.
    static func read(_ path: String, maxBytes: Int) throws(PrewarmError) -> [UInt8]? {
        // SAFETY: open takes the path as a C string that lives for the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(path, "opening it failed", errno)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= maxBytes {
            let capacity = chunk.count
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                // SAFETY: the kernel writes at most `capacity` bytes into the array's own storage, alive in here.
                unsafe Glibc.read(descriptor, buffer.baseAddress, capacity)
            }
            if count == 0 { return bytes }
            if count > 0 {
                bytes += chunk[..<count]
            } else if errno != EINTR {
                throw failure(path, "reading it failed", errno)
            }
        }
        throw .file(path: path, reason: "it is longer than \(maxBytes) bytes")
    }

    /// Puts a text in the place of a file, as a whole or not at all: written beside it and renamed.
    static func replace(_ path: String, with text: String) throws(PrewarmError) {
        let beside = path + ".new"
        try write(text, to: beside, flags: O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC)
        // SAFETY: both paths are C strings that live for the call.
        guard unsafe rename(beside, path) == 0 else { throw failure(path, "replacing it failed", errno) }
    }

    /// Adds a text to the end of a file.
    static func append(_ text: String, to path: String) throws(PrewarmError) {
        try write(text, to: path, flags: O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC)
    }

    static func remove(_ path: String) {
        // SAFETY: the path is a C string that lives for the call.
        _ = unsafe unlink(path)
    }

    private static func write(_ text: String, to path: String, flags: Int32) throws(PrewarmError) {
        // SAFETY: open takes the path as a C string that lives for the call.
        let descriptor = unsafe open(path, flags, 0o644)
        guard descriptor >= 0 else { throw failure(path, "opening it for writing failed", errno) }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { bytes in
                // SAFETY: the bytes and their count are the slice's own, alive for the call.
                unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw failure(path, "writing it failed", errno)
            }
        }
    }

    private static func failure(_ path: String, _ what: String, _ code: Int32) -> PrewarmError {
        // SAFETY: a text of the C library that stays valid until this thread asks again; it is copied at once.
        let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        return .file(path: path, reason: "\(what): \(reason)")
    }
}
