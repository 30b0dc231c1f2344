// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPMessages

/// Where a reactor puts together the beginning of an answer. Grows where a head needs it, which is rare, and is never
/// given back. One thread.
@safe
struct OutputBuffer: ~Copyable {
    // SAFETY: owned, of `capacity` bytes, `count` of them written.
    private(set) var start: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 16 * 1024) {
        unsafe start = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    deinit { unsafe start.deallocate() }

    mutating func clear() { count = 0 }

    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        unsafe append(source, bytes.count)
    }

    @inline(__always)
    mutating func append(_ text: StaticString) { unsafe append(text.utf8Start, text.utf8CodeUnitCount) }

    @inline(__always)
    private mutating func append(_ source: UnsafeRawPointer, _ byteCount: Int) {
        if count + byteCount > capacity { grow(to: count + byteCount) }
        // SAFETY: the capacity was made sufficient; the source is the caller's, and never this buffer.
        unsafe memcpy(start + count, source, byteCount)
        count += byteCount
    }

    private mutating func grow(to needed: Int) {
        let larger = max(needed, capacity * 2)
        // SAFETY: both buffers are owned here, and the new one is larger.
        let new = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        unsafe new.update(from: start, count: count)
        unsafe start.deallocate()
        unsafe start = new
        capacity = larger
    }
}

/// The Date line, written anew when the second changes, behind the status line that most answers have. One thread.
struct DateLine {
    private var second = -1
    /// The status line of 200, 17 bytes; then `Date: Sun, 06 Nov 1994 08:49:37 GMT` and CR LF, 37 bytes.
    private var bytes = InlineArray<54, UInt8>(repeating: 0)

    init() {
        let frame: StaticString = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        for index in 0..<54 { bytes[index] = unsafe frame.utf8Start[index] }
    }

    mutating func refresh(_ secondsSince1970: Int) {
        guard secondsSince1970 != second else { return }
        second = secondsSince1970
        // SAFETY: 29 of the 54 bytes, behind the field's name.
        unsafe withUnsafeMutableBytes(of: &bytes) { bytes in
            unsafe HTTPDate.write(
                secondsSince1970,
                to: UnsafeMutableRawBufferPointer(rebasing: bytes[23..<23 + HTTPDate.byteCount])
            )
        }
    }

    @inline(__always)
    func append(to output: inout OutputBuffer) {
        // SAFETY: borrowed for the copy.
        unsafe withUnsafeBytes(of: bytes) { bytes in
            unsafe output.append(UnsafeRawBufferPointer(rebasing: bytes[17...]))
        }
    }

    /// The status line of 200 and the Date line, in one copy.
    @inline(__always)
    func appendSuccess(to output: inout OutputBuffer) {
        // SAFETY: borrowed for the copy.
        unsafe withUnsafeBytes(of: bytes) { bytes in unsafe output.append(bytes) }
    }
}
