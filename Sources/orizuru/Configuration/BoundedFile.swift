// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Reads whole small files, pipes too (`--config <(...)`).
enum BoundedFile {
    /// The bytes of a file.
    ///
    /// - Throws: where it cannot be read or is longer than `maxBytes`; a device without an end is no danger.
    static func read(_ path: String, maxBytes: Int) throws(ConfigurationError) -> [UInt8] {
        // SAFETY: open takes the path as a C string that lives for the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, errno) }
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
                throw failure(path, errno)
            }
        }
        throw ConfigurationError("reading \(path) was given up: it is longer than \(maxBytes) bytes")
    }

    private static func failure(_ path: String, _ code: Int32) -> ConfigurationError {
        // SAFETY: strerror returns a text that stays valid until this thread asks again; it is copied at once.
        let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        return ConfigurationError("reading \(path) failed: \(reason); check the path and its permissions")
    }
}
