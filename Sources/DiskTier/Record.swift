// SPDX-License-Identifier: Apache-2.0

import CPlatform
package import TileModel

/// The header in front of each tile of a segment: 64 bytes, little-endian, at a multiple of 8.
///
///      0  u32 magic "ORZ1"            4  u32 CRC-32C of bytes 8..<64
///      8  u32 CRC-32C of the body    12  u32 bytes of the body
///     16  u64, u64 edition           32  u64 place            40  u32 form
///     44  u32 cost in microseconds   48  u64 seconds since 1970
///     56  u32 number of the segment  60  u32 flags
///
/// The body follows, then zeros up to a multiple of 8. The header's checksum covers the body's, so a header never goes with
/// another body; the segment's number keeps what another file held from being taken for ours.
package struct RecordHeader: Hashable, Sendable {
    package var key: TierKey
    package var bodyCount: Int
    package var bodyChecksum: UInt32
    package var cost: UInt32
    /// Seconds since 1970 when the tile was written.
    package var time: UInt64
    package var segment: UInt32
    /// Says that the tile was deleted: there is no body.
    package var isDeletion: Bool

    package static let byteCount = 64
    package static let alignment = 8
    /// The largest body: as `Limits.tileBytes` of the sources, and far below what a length field can lie.
    package static let maxBodyCount = 64 << 20

    private static let magic: UInt32 = 0x315A_524F
    private static let deletionFlag: UInt32 = 1

    package init(
        key: TierKey,
        bodyCount: Int,
        bodyChecksum: UInt32,
        cost: UInt32 = 0,
        time: UInt64 = 0,
        segment: UInt32 = 0,
        isDeletion: Bool = false
    ) {
        self.key = key
        self.bodyCount = bodyCount
        self.bodyChecksum = bodyChecksum
        self.cost = cost
        self.time = time
        self.segment = segment
        self.isDeletion = isDeletion
    }

    /// Header, body and padding together.
    package var recordByteCount: Int { Self.recordByteCount(bodyCount: bodyCount) }

    package static func recordByteCount(bodyCount: Int) -> Int {
        (byteCount + bodyCount + alignment - 1) & ~(alignment - 1)
    }

    /// Writes the header. `start` has room for `byteCount` bytes.
    package func store(at start: UnsafeMutableRawPointer) {
        // SAFETY: 64 bytes, by the caller; every offset below stays inside.
        unsafe start.store(Self.magic, at: 0)
        unsafe start.store(bodyChecksum, at: 8)
        unsafe start.store(UInt32(clamping: bodyCount), at: 12)
        unsafe start.store(key.edition.high, at: 16)
        unsafe start.store(key.edition.low, at: 24)
        unsafe start.store(key.place, at: 32)
        unsafe start.store(UInt32(truncatingIfNeeded: key.form), at: 40)
        unsafe start.store(cost, at: 44)
        unsafe start.store(time, at: 48)
        unsafe start.store(segment, at: 56)
        unsafe start.store(isDeletion ? Self.deletionFlag : 0, at: 60)
        unsafe start.store(platform_crc32c(0, start + 8, Self.byteCount - 8), at: 4)
    }

    /// Reads a header of the segment with this number; nil where the bytes are none. `start` has `byteCount` bytes.
    package init?(at start: UnsafeRawPointer, segment: UInt32) {
        // SAFETY: 64 bytes, by the caller; every offset below stays inside.
        guard unsafe start.load32(at: 0) == Self.magic,
            unsafe start.load32(at: 4) == platform_crc32c(0, start + 8, Self.byteCount - 8),
            unsafe start.load32(at: 56) == segment,
            let count = unsafe Int(exactly: start.load32(at: 12)), count <= Self.maxBodyCount,
            let key = unsafe TierKey(
                edition: TileEdition(high: start.load64(at: 16), low: start.load64(at: 24)),
                form: UInt64(start.load32(at: 40)),
                place: start.load64(at: 32)
            )
        else { return nil }
        let flags = unsafe start.load32(at: 60)
        guard flags & ~Self.deletionFlag == 0 else { return nil }
        self.key = key
        bodyCount = count
        bodyChecksum = unsafe start.load32(at: 8)
        cost = unsafe start.load32(at: 44)
        time = unsafe start.load64(at: 48)
        self.segment = segment
        isDeletion = flags & Self.deletionFlag != 0
    }

    /// Whether these bytes are the body that the header was written for.
    package func isBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // SAFETY: the caller's bytes, alive for the call.
        unsafe bytes.count == bodyCount && platform_crc32c(0, bytes.baseAddress, bytes.count) == bodyChecksum
    }
}

/// What a segment's file begins with: 64 bytes.
///
///      0  8 bytes "ORZSEGM\n"    8  u32 version    12  u32 number of the segment
///     16  u64 seconds since 1970      24  zeros      60  u32 CRC-32C of bytes 0..<60
struct SegmentHeader: Hashable, Sendable {
    var number: UInt32
    var time: UInt64

    static let byteCount = 64
    /// Counts changes of anything in the folder, and of `TierKey.mixed`, by which hints name tiles. A file of another
    /// version is not read.
    static let version: UInt32 = 1
    private static let magic: UInt64 = 0x0A4D_4745_535A_524F

    /// What the first bytes of a file are.
    enum Recognition: Hashable {
        case ours(SegmentHeader)
        /// A segment of another version of the format.
        case otherVersion(UInt32)
        case unknown
    }

    init(number: UInt32, time: UInt64) {
        self.number = number
        self.time = time
    }

    func store(at start: UnsafeMutableRawPointer) {
        // SAFETY: 64 bytes, by the caller.
        unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: Self.byteCount)
        unsafe start.store(Self.magic, at: 0)
        unsafe start.store(Self.version, at: 8)
        unsafe start.store(number, at: 12)
        unsafe start.store(time, at: 16)
        unsafe start.store(platform_crc32c(0, start, 60), at: 60)
    }

    static func recognize(_ start: UnsafeRawPointer) -> Recognition {
        // SAFETY: 64 bytes, by the caller.
        guard unsafe start.load64(at: 0) == magic, unsafe start.load32(at: 60) == platform_crc32c(0, start, 60) else {
            return .unknown
        }
        let version = unsafe start.load32(at: 8)
        guard version == Self.version else { return .otherVersion(version) }
        return unsafe .ours(SegmentHeader(number: start.load32(at: 12), time: start.load64(at: 16)))
    }
}

extension UnsafeRawPointer {
    func load32(at offset: Int) -> UInt32 {
        unsafe UInt32(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    func load64(at offset: Int) -> UInt64 {
        unsafe UInt64(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

extension UnsafeMutableRawPointer {
    func store<Word: FixedWidthInteger & BitwiseCopyable>(_ value: Word, at offset: Int) {
        unsafe storeBytes(of: value.littleEndian, toByteOffset: offset, as: Word.self)
    }
}
