// SPDX-License-Identifier: Apache-2.0

/// The marker segments of a JPEG up to its first scan header, in order; ends early where the markers make no sense.
///
/// The bodies are borrowed from the bytes and lie within them. Complexity: O(1) a segment, whose body is not read.
/// Source: ITU-T T.81, annex B.1.1.
@unsafe struct JPEGSegments {
    private let bytes: UnsafeRawBufferPointer
    /// The next marker; SOI is skipped, nil behind the first scan header.
    private var position: Int? = 2

    /// - Parameter bytes: of the whole file; they outlive the walk.
    init(of bytes: UnsafeRawBufferPointer) { unsafe self.bytes = bytes }

    /// The next segment; nil at the end.
    mutating func next() -> (marker: UInt8, body: UnsafeRawBufferPointer)? {
        guard var at = unsafe position else { return nil }
        // SAFETY: every index below is under `at + 2 + length`, which is at most the count.
        while unsafe at + 4 <= bytes.count, unsafe bytes[at] == 0xFF {
            let marker = unsafe bytes[at + 1]
            if marker == 0xFF {
                at += 1
                continue
            }
            let length = unsafe Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
            guard unsafe length >= 2 && length <= bytes.count - at - 2 else { break }
            unsafe position = marker == 0xDA ? nil : at + 2 + length
            return unsafe (marker, UnsafeRawBufferPointer(rebasing: bytes[(at + 4)..<(at + 2 + length)]))
        }
        unsafe position = nil
        return nil
    }
}
