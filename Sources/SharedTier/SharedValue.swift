// SPDX-License-Identifier: Apache-2.0

import CPlatform
package import TileModel

/// A tile as it lies on the server: a header that names it, then its bytes.
///
///     0 "OZT1"   4 version 1   5 flags 0   6 form u16   8 edition u64 u64   24 place u64
///     32 cost u32 (microseconds)   36 length u32   40 CRC-32C u32 of bytes 0..<40 and the body   44 the body
///
/// Little-endian. The whole key is part of what the checksum covers: bytes that came under a wrong name, by a fault of
/// the server or of a proxy, are damaged, not another tile.
package enum SharedValue {
    package static let headerBytes = 44
    /// A tile that is larger stays local: one value must not hold up a connection that others wait for.
    package static let maxBodyBytes = 16 << 20

    private static let magic: [UInt8] = Array("OZT1".utf8)
    private static let version: UInt8 = 1
    private static let checkedBytes = 40

    /// Appends the value of a tile whose bytes are `body`, at most `maxBodyBytes`.
    package static func append(
        _ key: TierKey,
        cost: UInt32,
        body: ArraySlice<UInt8>,
        to bytes: inout [UInt8]
    ) {
        precondition(body.count <= maxBodyBytes, "a value of \(body.count) bytes")
        let start = bytes.count
        bytes.reserveCapacity(start + headerBytes + body.count)
        bytes += magic
        bytes.append(version)
        bytes.append(0)
        append(UInt64(key.form), count: 2, to: &bytes)
        append(key.edition.high, count: 8, to: &bytes)
        append(key.edition.low, count: 8, to: &bytes)
        append(key.place, count: 8, to: &bytes)
        append(UInt64(cost), count: 4, to: &bytes)
        append(UInt64(body.count), count: 4, to: &bytes)
        append(0, count: 4, to: &bytes)
        bytes += body
        let checksum = checksum(of: bytes, in: start..<bytes.count)
        for index in 0..<4 { bytes[start + checkedBytes + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index)) }
    }

    /// Where the tile's bytes lie in a value, and what they cost; nil where it is not, byte for byte, what was written
    /// under this key.
    package static func decode(_ bytes: [UInt8], in range: Range<Int>, as key: TierKey) -> TierTile? {
        let start = range.lowerBound
        guard range.count >= headerBytes, range.upperBound <= bytes.count, start >= 0,
            bytes[start..<start + 4].elementsEqual(magic), bytes[start + 4] == version, bytes[start + 5] == 0,
            number(bytes, at: start + 6, count: 2) == key.form,
            number(bytes, at: start + 8, count: 8) == key.edition.high,
            number(bytes, at: start + 16, count: 8) == key.edition.low,
            number(bytes, at: start + 24, count: 8) == key.place,
            number(bytes, at: start + 36, count: 4) == UInt64(range.count - headerBytes),
            number(bytes, at: start + checkedBytes, count: 4) == UInt64(checksum(of: bytes, in: range))
        else { return nil }
        let cost = UInt32(truncatingIfNeeded: number(bytes, at: start + 32, count: 4))
        return TierTile(range: start + headerBytes..<range.upperBound, cost: cost)
    }

    private static func checksum(of bytes: [UInt8], in range: Range<Int>) -> UInt32 {
        // SAFETY: both parts lie in `range`, which the callers checked against the array; alive inside the closure.
        unsafe bytes.withUnsafeBytes { bytes in
            let head = unsafe platform_crc32c(0, bytes.baseAddress! + range.lowerBound, checkedBytes)
            let body = range.lowerBound + headerBytes
            return unsafe platform_crc32c(head, bytes.baseAddress! + body, range.upperBound - body)
        }
    }

    private static func append(_ value: UInt64, count: Int, to bytes: inout [UInt8]) {
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    private static func number(_ bytes: [UInt8], at start: Int, count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
    }
}
