// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Standard output and standard error, without C's buffers: what is written is out.
enum StandardStreams {
    /// Writes to standard output.
    static func output(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// Writes to standard error.
    static func errors(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Writes all of a text; where nobody reads any more, there is nobody to tell.
    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { bytes in
                // SAFETY: the bytes and their count are the slice's own, alive for the call.
                unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                return
            }
        }
    }
}
