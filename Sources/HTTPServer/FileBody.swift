// SPDX-License-Identifier: Apache-2.0

import CPlatform

/// A part of an open file to send as a body. Owns the descriptor and closes it.
package struct FileBody: ~Copyable {
    let descriptor: Int32
    let offset: Int64
    let count: Int

    /// - Parameters:
    ///   - descriptor: a regular file, open for reading; owned from now on.
    ///   - offset: the first byte; not negative.
    ///   - count: how many bytes; not negative.
    package init(descriptor: Int32, offset: Int64, count: Int) {
        precondition(descriptor >= 0 && offset >= 0 && count >= 0)
        self.descriptor = descriptor
        self.offset = offset
        self.count = count
    }

    deinit { platform_close(descriptor) }

    /// Gives up the descriptor: the caller closes it.
    consuming func take() -> (descriptor: Int32, offset: Int64, count: Int) {
        let parts = (descriptor, offset, count)
        discard self
        return parts
    }
}
