// SPDX-License-Identifier: Apache-2.0

import CPlatform

/// A part of an open file to send as a body, by sendfile: its bytes never pass through the process.
///
/// The file is either given to the body, which closes it, or lent by an owner, who learns when it is done with. Both
/// happen exactly once, on the reactor's thread: when the last byte is with the kernel, or when the client is gone, or at
/// once where the answer has no body. The bytes must not change meanwhile: a file that becomes shorter cuts the answer, and
/// so does one that is written to before its last piece is handed over, where its state is given.
package struct FileBody: ~Copyable {
    /// What tells whether a file was written to.
    package struct State: Sendable {
        let size: Int64
        let modified: Int64

        /// - Parameters:
        ///   - size: in bytes.
        ///   - modified: when it was written to last, in nanoseconds since 1970.
        package init(size: Int64, modified: Int64) {
            self.size = size
            self.modified = modified
        }
    }

    let descriptor: Int32
    let offset: Int64
    let count: Int
    /// Nil where nobody writes to the file.
    let state: State?
    /// Nil where the descriptor is the body's own.
    let owner: BodyOwner?

    /// A part of a file that is open for this body alone.
    ///
    /// - Parameters:
    ///   - descriptor: a regular file, open for reading; closed when the body is done with.
    ///   - offset: the first byte; not negative.
    ///   - count: how many bytes; not negative.
    ///   - state: what the file is as long as its bytes are the right ones; nil where they are for ever.
    package init(descriptor: Int32, offset: Int64, count: Int, state: State? = nil) {
        precondition(descriptor >= 0 && offset >= 0 && count >= 0)
        self.descriptor = descriptor
        self.offset = offset
        self.count = count
        self.state = state
        owner = nil
    }

    /// A part of a file that others use as well: an archive, a segment.
    ///
    /// - Parameter owner: keeps the descriptor open until its `release` is called, which is the body's completion. The
    ///   reference is the caller's own until now; `retain` is not called.
    package init(lent descriptor: Int32, offset: Int64, count: Int, owner: BodyOwner) {
        precondition(descriptor >= 0 && offset >= 0 && count >= 0)
        self.descriptor = descriptor
        self.offset = offset
        self.count = count
        state = nil
        self.owner = owner
    }

    deinit { Self.finish(descriptor, owner) }

    /// Gives up the file: the caller finishes it.
    consuming func take() -> (descriptor: Int32, offset: Int64, count: Int, state: State?, owner: BodyOwner?) {
        let parts = (descriptor, offset, count, state, owner)
        discard self
        return parts
    }

    /// Closes a file that was the body's own, or tells who lent it.
    static func finish(_ descriptor: Int32, _ owner: BodyOwner?) {
        if let owner { owner.released() } else { platform_close(descriptor) }
    }
}
