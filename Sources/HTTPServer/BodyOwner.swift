// SPDX-License-Identifier: Apache-2.0

/// Who keeps the bytes of a body alive while a slow client reads them.
///
/// A reactor calls `retain` once, before the handler's call returns, only where the socket took less than the whole
/// answer; and `release` once, on the reactor's thread, when the rest is sent or the client is gone. C functions and a
/// raw pointer, so that the fast path counts no references.
@safe
package struct BodyOwner {
    let object: UnsafeMutableRawPointer
    let retain: @convention(c) (UnsafeMutableRawPointer) -> Void
    let release: @convention(c) (UnsafeMutableRawPointer) -> Void

    /// - Parameter object: handed to both functions; valid until `release` has been called as often as `retain`.
    package init(
        object: UnsafeMutableRawPointer,
        retain: @escaping @convention(c) (UnsafeMutableRawPointer) -> Void,
        release: @escaping @convention(c) (UnsafeMutableRawPointer) -> Void
    ) {
        unsafe self.object = object
        unsafe self.retain = retain
        unsafe self.release = release
    }

    /// The owner of bytes that live as long as the process: literals, and what is allocated once and never freed.
    package static var immortal: BodyOwner {
        // SAFETY: the pointer is never read; it only has to be there.
        unsafe BodyOwner(object: UnsafeMutableRawPointer(bitPattern: 8)!, retain: { _ in }, release: { _ in })
    }

    func retained() -> BodyOwner {
        unsafe retain(object)
        return self
    }

    func released() { unsafe release(object) }
}
