// SPDX-License-Identifier: Apache-2.0

import CPlatform
import DiskFaults
import TestSupport
import Testing
import TileModel

@testable import DiskTier

@Suite("What lies in the files of the disk tier")
struct FormatTests {
    private static func header() throws -> RecordHeader {
        let (_, keys) = TrueTiles.family(3, of: TrueTiles.edition(1))
        let body = TrueTiles.bytes(of: keys[5])
        let checksum = unsafe body.withUnsafeBytes { unsafe platform_crc32c(0, $0.baseAddress, $0.count) }
        return RecordHeader(
            key: keys[5],
            bodyCount: body.count,
            bodyChecksum: checksum,
            cost: 123,
            time: 1_700_000_000,
            segment: 9
        )
    }

    private static func bytes(of header: RecordHeader) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: RecordHeader.byteCount)
        unsafe bytes.withUnsafeMutableBytes { unsafe header.store(at: $0.baseAddress!) }
        return bytes
    }

    private static func decode(_ bytes: [UInt8], segment: UInt32 = 9) -> RecordHeader? {
        unsafe bytes.withUnsafeBytes { unsafe RecordHeader(at: $0.baseAddress!, segment: segment) }
    }

    @Test(
        "CRC-32C: the values of RFC 3720 and of the catalogue, the instruction and the table agree, and pieces add up"
    )
    func checksum() {
        let check = Array("123456789".utf8)
        unsafe check.withUnsafeBytes { check in
            let byInstruction = unsafe platform_crc32c(0, check.baseAddress, 9)
            let byTable = unsafe platform_crc32c_by_table(0, check.baseAddress, 9)
            #expect(byInstruction == 0xE306_9283 && byTable == 0xE306_9283)
        }
        // RFC 3720, appendix B.4.
        let examples: [([UInt8], UInt32)] = [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E),
        ]
        for (bytes, expected) in examples {
            let crc = unsafe bytes.withUnsafeBytes { unsafe platform_crc32c(0, $0.baseAddress, $0.count) }
            #expect(crc == expected)
        }
        let none = platform_crc32c(0, nil, 0)
        #expect(none == 0)
        let seed = Seed.ofThisRun
        var generator = seed.generator()
        let bytes = (0..<20_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        unsafe bytes.withUnsafeBytes { bytes in
            for _ in 0..<400 {
                let start = Int.random(in: 0..<9, using: &generator)
                let count = Int.random(in: 0...bytes.count - start, using: &generator)
                let cut = Int.random(in: 0...count, using: &generator)
                let whole = unsafe platform_crc32c_by_table(0, bytes.baseAddress! + start, count)
                let direct = unsafe platform_crc32c(0, bytes.baseAddress! + start, count)
                #expect(direct == whole, "\(seed)")
                let first = unsafe platform_crc32c(0, bytes.baseAddress! + start, cut)
                let joined = unsafe platform_crc32c(first, bytes.baseAddress! + start + cut, count - cut)
                #expect(joined == whole, "\(seed)")
            }
        }
    }

    @Test("a record's header comes back as it was, and with any bit of it changed it is none")
    func header() throws {
        let header = try Self.header()
        let bytes = Self.bytes(of: header)
        #expect(Self.decode(bytes) == header)
        #expect(Self.decode(bytes, segment: 10) == nil, "a header of another file")
        var deletion = header
        deletion.isDeletion = true
        #expect(Self.decode(Self.bytes(of: deletion))?.isDeletion == true)
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                #expect(Self.decode(changed) == nil, "bit \(bit) of byte \(index)")
            }
        }
    }

    @Test("a header that lies with a right checksum is refused all the same")
    func lyingHeaders() throws {
        func changed(_ offset: Int, _ word: UInt32) throws -> [UInt8] {
            var bytes = Self.bytes(of: try Self.header())
            unsafe bytes.withUnsafeMutableBytes { buffer in
                let start = buffer.baseAddress!
                unsafe start.store(word, at: offset)
                unsafe start.store(platform_crc32c(0, start + 8, RecordHeader.byteCount - 8), at: 4)
            }
            return bytes
        }
        #expect(Self.decode(try changed(12, 0xFFFF_FFFF)) == nil, "a body of 4 GiB")
        #expect(Self.decode(try changed(40, 0x0001_0901)) == nil, "bits beyond the form")
        #expect(Self.decode(try changed(40, 0x0900)) == nil, "a format that is none")
        #expect(Self.decode(try changed(60, 6)) == nil, "flags that are none")
    }

    @Test(
        "a hint comes back as it was; with any byte of it changed, cut, or for another state of its segment it is none"
    )
    func hints() throws {
        let entries = try (0..<50).map { index in
            var header = try Self.header()
            header.isDeletion = index % 7 == 0
            if header.isDeletion { header.bodyCount = 0 }
            return HintEntry(header, offset: 64 + index * 8192)
        }
        let bytes = HintFile.encode(entries, segment: 9, segmentBytes: 1 << 20)
        #expect(HintFile.decode(bytes, segment: 9, segmentBytes: 1 << 20) == entries)
        #expect(HintFile.decode(bytes, segment: 8, segmentBytes: 1 << 20) == nil)
        #expect(HintFile.decode(bytes, segment: 9, segmentBytes: (1 << 20) + 8) == nil)
        #expect(HintFile.decode([], segment: 9, segmentBytes: 1 << 20) == nil)
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 0x11
            #expect(HintFile.decode(changed, segment: 9, segmentBytes: 1 << 20) == nil, "byte \(index)")
            #expect(
                HintFile.decode(Array(bytes[..<index]), segment: 9, segmentBytes: 1 << 20) == nil,
                "cut at \(index)"
            )
        }
        // An entry that points beyond the file.
        let far = HintFile.encode(entries, segment: 9, segmentBytes: 100_000)
        #expect(HintFile.decode(far, segment: 9, segmentBytes: 100_000) == nil)
    }

    @Test("a segment's name gives its number, and nothing else does")
    func names() {
        #expect(Segment.name(42) == "0000002a.segment")
        #expect(Segment.number(ofName: "0000002a.segment") == 42)
        for name in ["0000002A.segment", "2a.segment", "00000000.segment", "0000002a.hint", "lock", "+000002a.segment"]
        {
            #expect(Segment.number(ofName: name) == nil, "\(name)")
        }
    }
}
