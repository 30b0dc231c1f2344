// SPDX-License-Identifier: Apache-2.0

/// Little-endian numbers at any alignment.
enum LittleEndian {
    /// The bytes `offset ..< offset + 2` must exist.
    @unsafe
    static func u16(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt16 {
        unsafe UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// The bytes `offset ..< offset + 4` must exist.
    @unsafe
    static func u32(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
        unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// The bytes `offset ..< offset + 8` must exist.
    @unsafe
    static func u64(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Four ASCII characters as the number that `u32` reads for them.
    static func magic(_ text: StaticString) -> UInt32 {
        precondition(text.utf8CodeUnitCount == 4, "a magic has four characters")
        // SAFETY: four bytes are there, and static strings live for ever.
        return unsafe u32(UnsafeRawBufferPointer(start: text.utf8Start, count: 4), 0)
    }

    static func append<Number: FixedWidthInteger>(_ number: Number, to bytes: inout [UInt8]) {
        var rest = number
        for _ in 0..<(Number.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }
}
