// SPDX-License-Identifier: Apache-2.0

/// Input buffers of one reactor, in two sizes: most heads that arrive in pieces are short, so ten thousand slow clients
/// must not cost ten thousand of the longest heads. One thread.
@safe
struct BufferPool: ~Copyable {
    static let smallByteCount = 2048
    /// Spare buffers kept; beyond them memory goes back.
    private static let spareLimit = 64

    let fullByteCount: Int
    private var small: [UnsafeMutablePointer<UInt8>] = unsafe []
    private var full: [UnsafeMutablePointer<UInt8>] = unsafe []

    init(fullByteCount: Int) { self.fullByteCount = fullByteCount }

    deinit {
        // SAFETY: spare buffers belong to the pool alone.
        unsafe small.forEach { unsafe $0.deallocate() }
        unsafe full.forEach { unsafe $0.deallocate() }
    }

    /// The capacity that a buffer for `byteCount` bytes and something more gets.
    func capacity(for byteCount: Int) -> Int {
        byteCount < Self.smallByteCount / 2 ? Self.smallByteCount : fullByteCount
    }

    mutating func take(capacity: Int) -> UnsafeMutablePointer<UInt8> {
        let spare = unsafe capacity == Self.smallByteCount ? small.popLast() : full.popLast()
        return unsafe spare ?? .allocate(capacity: capacity)
    }

    mutating func giveBack(_ buffer: UnsafeMutablePointer<UInt8>, capacity: Int) {
        if unsafe capacity == Self.smallByteCount && small.count < Self.spareLimit {
            unsafe small.append(buffer)
        } else if unsafe capacity != Self.smallByteCount && full.count < Self.spareLimit {
            unsafe full.append(buffer)
        } else {
            unsafe buffer.deallocate()
        }
    }
}
