// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Text for people and scripts, written at once and whole.
enum Output {
    /// Where it goes.
    enum Stream: Int32, Sendable { case standardOutput = 1, standardError = 2 }

    /// Writes all of a text; where nobody reads any more, there is nobody to tell.
    static func write(_ text: String, to stream: Stream) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { bytes in
                // SAFETY: the bytes and their count are the slice's own, alive for the call.
                unsafe Glibc.write(stream.rawValue, bytes.baseAddress, bytes.count)
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                return
            }
        }
    }
}
