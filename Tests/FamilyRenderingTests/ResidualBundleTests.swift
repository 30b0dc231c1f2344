// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import TestSupport
import Testing

@Suite("Residual bundles")
struct ResidualBundleTests {
    private func entry(_ header: ResidualBundle.Header, _ bytes: ArraySlice<UInt8>) throws -> Range<Int>? {
        try unsafe bytes.withUnsafeBytes { try unsafe header.packRange(indexEntry: $0) }
    }

    /// Three columns, two rows; two families have no pack.
    private let packs: [[UInt8]?] = [
        [1, 1, 1, 1, 1], nil, [2, 2, 2, 2, 2, 2], [3, 3, 3, 3, 3, 3, 3], nil, [4, 4, 4, 4, 4],
    ]

    @Test("what is written is read, families without a pack included")
    func roundTrip() throws {
        let file = ResidualBundle.file(columns: 3, rows: 2, packs: packs)
        let header = try ResidualBundle.Header.parse(file, fileSize: file.count)
        #expect(header.columns == 3 && header.rows == 2)
        #expect(header.indexRange.upperBound == file.count)
        for row in 0..<2 {
            for column in 0..<3 {
                let place = try #require(header.indexEntryRange(column: column, row: row))
                let range = try entry(header, file[place])
                #expect(range.map { Array(file[$0]) } == packs[row * 3 + column])
            }
        }
        #expect(header.indexEntryRange(column: 3, row: 0) == nil)
        #expect(header.indexEntryRange(column: 0, row: 2) == nil)
        #expect(header.indexEntryRange(column: -1, row: 0) == nil)
    }

    @Test("header fields that lie are refused")
    func lyingHeaders() throws {
        let file = ResidualBundle.file(columns: 3, rows: 2, packs: packs)
        let lies: [(Int, [UInt8])] = [
            (0, [0x4F, 0x52, 0x49, 0x47]), (4, [2, 0]), (6, [0, 0]), (6, [4, 0]), (8, [0, 0]), (10, [7, 0, 0, 0]),
            (14, [0, 0, 0, 0, 0, 0, 0, 0]), (14, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
            (14, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]), (14, [56, 0, 0, 0, 0, 0, 0, 0]),
        ]
        for (offset, bytes) in lies {
            var damaged = file
            damaged.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
            #expect(throws: PackError.self, "at \(offset): \(bytes)") {
                try ResidualBundle.Header.parse(damaged, fileSize: damaged.count)
            }
        }
        for count in 0..<32 {
            #expect(throws: PackError.self) { try ResidualBundle.Header.parse(Array(file[..<count]), fileSize: 1000) }
            #expect(throws: PackError.self) { try ResidualBundle.Header.parse(file, fileSize: count) }
        }
    }

    @Test("index entries that point outside, into the header or into the index are refused")
    func lyingEntries() throws {
        let file = ResidualBundle.file(columns: 3, rows: 2, packs: packs)
        let header = try ResidualBundle.Header.parse(file, fileSize: file.count)
        let index = header.indexOffset
        func lie(_ offset: UInt64, _ length: UInt32) -> ArraySlice<UInt8> {
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: offset >> (8 * UInt64($0))) }
            return (bytes + (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * UInt32($0))) })[...]
        }
        #expect(try entry(header, lie(UInt64.max, 0)) == nil)
        #expect(try entry(header, lie(32, 5)) == 32..<37)
        let lies: [(UInt64, UInt32)] = [
            (0, 10), (31, 10), (32, 4), (UInt64(file.count), 5), (UInt64(file.count) - 4, 5), (.max, 5),
            (UInt64(Int.max), 5), (32, .max), (UInt64(index) - 4, 5), (UInt64(index), 12),
            (32, UInt32(file.count - 32)),
        ]
        for (offset, length) in lies {
            #expect(throws: PackError.self, "\(length) bytes at \(offset)") { try entry(header, lie(offset, length)) }
        }
        #expect(throws: PackError.self) { try entry(header, [1, 2, 3]) }
    }

    @Test("a pack behind the index is accepted: the format does not say where the index lies")
    func indexFirst() throws {
        let bytes = ResidualBundle.header(columns: 1, rows: 1, indexOffset: 32) + ResidualBundle.indexEntry(44..<50)
        let file = bytes + [1, 2, 3, 4, 5, 6]
        let header = try ResidualBundle.Header.parse(file, fileSize: file.count)
        #expect(try entry(header, file[32..<44]) == 44..<50)
    }

    @Test("bit-flipped bundles are refused or read within the file, never a trap")
    func fuzz() throws {
        let seed = Seed.ofThisRun
        print("bundle fuzz: \(seed)")
        let file = ResidualBundle.file(columns: 3, rows: 2, packs: packs)
        for round in 0..<3000 {
            var generator = seed.generator(stream: round)
            var damaged = file
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                damaged[Int.random(in: 0..<damaged.count, using: &generator)] ^=
                    1 << UInt8.random(in: 0..<8, using: &generator)
            }
            guard let header = try? ResidualBundle.Header.parse(damaged, fileSize: damaged.count) else { continue }
            #expect(header.indexRange.upperBound <= damaged.count)
            for column in 0..<min(header.columns, 100) {
                guard let place = header.indexEntryRange(column: column, row: 0),
                    let range = try? entry(header, damaged[place])
                else { continue }
                #expect(range.lowerBound >= 32 && range.upperBound <= damaged.count)
            }
        }
    }

    @Test(
        "the shared slide's bundle holds its packs byte for byte, and our writer writes the same bundle",
        .enabled(if: SharedData.isPresent, SharedData.reason)
    )
    func sharedBundle() throws {
        let bundle = try SharedData.bytes("\(SlideFixture.path)/residuals.bundle")
        var packs: [[UInt8]?] = []
        for name in ["0_0", "1_0", "0_1", "1_1"] {
            packs.append(try SharedData.bytes("\(SlideFixture.path)/residual_packs/\(name).pack"))
        }
        expectBytes(ResidualBundle.file(columns: 2, rows: 2, packs: packs), equal: bundle)
    }
}
