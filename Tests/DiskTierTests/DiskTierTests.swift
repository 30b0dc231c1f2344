// SPDX-License-Identifier: Apache-2.0

import CPlatform
import DiskFaults
import Foundation
import LockFree
import TestSupport
import Testing
import TileModel

@testable import DiskTier

@Suite("The disk tier")
struct DiskTierTests {
    @Test("what is inserted is found, in the order of asking, and the rest is absent")
    func insertAndGet() throws {
        let fixture = try DiskFixture()
        for number in 0..<5 { #expect(fixture.insert(number) == .stored) }
        let (family, keys) = TrueTiles.family(3, of: DiskFixture.edition)
        let (_, foreign) = TrueTiles.family(3, of: TrueTiles.edition(8))
        let asked = [keys[7], foreign[0], keys[2], keys[19]]
        let buffer = TierBuffer()
        let answers = fixture.tier.get(asked, of: family, into: buffer)
        #expect(answers.count == 4 && answers[1] == .absent)
        for index in [0, 2, 3] {
            guard case .found(let tile) = answers[index] else {
                Issue.record("\(answers[index])")
                continue
            }
            expectBytes(Array(buffer.bytes[tile.range]), equal: TrueTiles.bytes(of: asked[index]))
        }
        #expect(fixture.tier.mayHave(keys[0]) && !fixture.tier.mayHave(foreign[0]))
        #expect(fixture.compare(0..<6) == Self.comparison(right: 100, absent: 20))
        // Again: nothing is written twice.
        let before = fixture.files.writes
        #expect(fixture.insert(2) == .stored)
        #expect(fixture.files.writes == before)
    }

    @Test("a family is one write")
    func oneWrite() throws {
        let fixture = try DiskFixture()
        fixture.insert(0)
        let before = fixture.files.writes
        fixture.insert(1)
        fixture.insert(2)
        #expect(fixture.files.writes == before + 2)
    }

    @Test("after an orderly end everything is found again, by the hints alone")
    func reopening() throws {
        let fixture = try DiskFixture()
        for number in 0..<12 { fixture.insert(number) }
        try fixture.reopen()
        #expect(fixture.compare(0..<12) == Self.comparison(right: 240))
        #expect(fixture.metric("orizuru_disk_scanned_segments_total") == 0)
        // And again, with more.
        fixture.insert(12)
        try fixture.reopen()
        #expect(fixture.compare(0..<13) == Self.comparison(right: 260))
    }

    @Test("hints that are missing, stale, damaged or of another file cost a reading of the log, and no tile")
    func hints() throws {
        let fixture = try DiskFixture()
        for number in 0..<12 { fixture.insert(number) }
        fixture.tier.close()
        #expect(try fixture.paths(".hint").count > 3)
        let changes: [(String, ([String]) throws -> Void)] = [
            ("missing", { for path in $0 { try FileManager.default.removeItem(atPath: path) } }),
            (
                "damaged",
                { paths in
                    for path in paths {
                        var bytes = try DiskFixture.read(path)
                        bytes[bytes.count / 2] ^= 1
                        try DiskFixture.write(path, bytes)
                    }
                }
            ),
            (
                "exchanged",
                { paths in
                    let first = try DiskFixture.read(paths[0])
                    try DiskFixture.write(paths[0], DiskFixture.read(paths[1]))
                    try DiskFixture.write(paths[1], first)
                }
            ),
            ("empty", { for path in $0 { try DiskFixture.write(path, []) } }),
        ]
        for (name, change) in changes {
            try fixture.reopen { try change(fixture.paths(".hint")) }
            #expect(fixture.compare(0..<12) == Self.comparison(right: 240), "\(name)")
            #expect(fixture.metric("orizuru_disk_scanned_segments_total") >= 2, "\(name)")
        }
        // Stale: the segment is shorter than its hint says. What is cut off is absent, the rest is right.
        try fixture.reopen {
            let path = try fixture.paths(".segment")[0]
            try DiskFixture.write(path, Array(DiskFixture.read(path).dropLast(20_000)))
        }
        let sum = fixture.compare(0..<12)
        #expect(
            sum.wrong == 0 && sum.damaged == 0 && sum.absent > 0 && sum.absent < 40 && sum.right + sum.absent == 240
        )
    }

    @Test("a file of an older version is dropped, counted, and the rest is found")
    func olderVersion() throws {
        let fixture = try DiskFixture()
        for number in 0..<6 { fixture.insert(number) }
        try fixture.reopen {
            let path = try fixture.paths(".segment")[0]
            var bytes = try DiskFixture.read(path)
            unsafe bytes.withUnsafeMutableBytes { buffer in
                let start = buffer.baseAddress!
                unsafe start.store(UInt32(0), at: 8)
                unsafe start.store(platform_crc32c(0, start, 60), at: 60)
            }
            try DiskFixture.write(path, bytes)
            try DiskFixture.write(fixture.folder + "/00000fff.segment", Array("not a segment at all".utf8))
        }
        let sum = fixture.compare(0..<6)
        #expect(sum.wrong == 0 && sum.right > 20 && sum.absent > 20 && sum.right + sum.absent == 120)
        #expect(fixture.metric("orizuru_disk_ignored_segments_total") == 2)
        #expect(try fixture.paths("00000fff.segment").isEmpty)
        #expect(fixture.insert(6) == .stored)
    }

    @Test("the budget holds at every moment, and the oldest leave first")
    func budget() throws {
        let fixture = try DiskFixture()
        for number in 0..<150 {
            #expect(fixture.insert(number) == .stored)
            #expect(try fixture.bytesOnDisk() <= 4 << 20)
        }
        let old = fixture.compare(0..<20)
        let young = fixture.compare(135..<150)
        #expect(old.right == 0 && young == Self.comparison(right: 300))
        #expect(fixture.metric("orizuru_disk_evicted_segments_total") > 10)
        // A smaller budget holds from the opening on.
        fixture.tier.close()
        let tier = try DiskTier(
            DiskTierConfiguration(folder: fixture.folder, byteBudget: 2 << 20, segmentBytes: 256 << 10)
        )
        defer { tier.close() }
        #expect(try fixture.bytesOnDisk() <= 2 << 20)
    }

    @Test("tiles in use are written once more instead of leaving, a quarter of a segment at most")
    func secondChance() throws {
        let fixture = try DiskFixture()
        let (family, keys) = TrueTiles.family(0, of: DiskFixture.edition)
        let looked = Array(keys[..<8])
        for number in 0..<200 {
            fixture.insert(number)
            // Somebody looks at eight tiles of the first family all the time, and nobody at anything else.
            var sum = TrueTiles.Comparison()
            TrueTiles.compare(fixture.tier, family, looked, into: &sum)
            #expect(sum == Self.comparison(right: 8), "after family \(number)")
        }
        #expect(fixture.metric("orizuru_disk_second_chances_total") >= 16)
        let all = fixture.compare(0..<200)
        #expect(all.wrong == 0 && all.damaged == 0)
        // Everything is asked for all the time: the budget holds, and the log does not write itself again for ever.
        let writes = fixture.files.writes
        for number in 200..<300 {
            fixture.insert(number)
            _ = fixture.compare(0..<300)
            #expect(try fixture.bytesOnDisk() <= 4 << 20)
        }
        #expect(fixture.files.writes - writes < 100 * 21)
        try fixture.reopen()
        #expect(fixture.compare(0..<300).wrong == 0)
    }

    @Test("what was deleted is not found, not after a restart either, and can be inserted again")
    func deletion() throws {
        let fixture = try DiskFixture()
        for number in 0..<6 { fixture.insert(number) }
        let (family, keys) = TrueTiles.family(1, of: DiskFixture.edition)
        #expect(fixture.tier.delete(Array(keys[0..<5]), of: family))
        #expect(fixture.compare(0..<6) == Self.comparison(right: 115, absent: 5))
        try fixture.reopen()
        #expect(fixture.compare(0..<6) == Self.comparison(right: 115, absent: 5))
        try fixture.reopen {
            for path in try fixture.paths(".hint") { try FileManager.default.removeItem(atPath: path) }
        }
        #expect(fixture.compare(0..<6) == Self.comparison(right: 115, absent: 5))
        #expect(fixture.insert(1) == .stored)
        try fixture.reopen()
        #expect(fixture.compare(0..<6) == Self.comparison(right: 120))
    }

    @Test("a second one is refused the folder, by name, until the first has closed")
    func lock() throws {
        let fixture = try DiskFixture()
        fixture.insert(0)
        let configuration = DiskTierConfiguration(folder: fixture.folder, byteBudget: 64 << 20)
        let error = #expect(throws: DiskTierError.self) { try DiskTier(configuration) }
        #expect(error == .inUse(folder: fixture.folder))
        #expect("\(error as Any)".contains(fixture.folder))
        #expect(fixture.compare([0]).right == 20)
        fixture.tier.close()
        try DiskTier(configuration).close()
    }

    @Test("after the end every call says so")
    func closed() throws {
        let fixture = try DiskFixture()
        fixture.insert(0)
        fixture.tier.close()
        #expect(!fixture.tier.isAvailable)
        #expect(fixture.insert(1) == .refused(.unavailable))
        #expect(fixture.compare([0]) == Self.comparison(unavailable: 20))
        let (family, keys) = TrueTiles.family(0, of: DiskFixture.edition)
        #expect(!fixture.tier.delete(keys, of: family))
    }

    @Test("a family that fits no segment is refused, and smaller ones go on")
    func tooLarge() throws {
        let fixture = try DiskFixture()
        #expect(fixture.insert(0, limit: 400_000) == .refused(.tooLarge))
        #expect(fixture.insert(1) == .stored)
        #expect(fixture.compare([1]).right == 20)
    }

    @Test("a tile's place in its file is given only once it was compared, and can be read after its segment has left")
    func regions() throws {
        let fixture = try DiskFixture()
        fixture.insert(0)
        let (_, keys) = TrueTiles.family(0, of: DiskFixture.edition)
        #expect(fixture.tier.region(of: keys[3]) == nil, "nobody has compared it yet")
        _ = fixture.compare([0])
        let region = try #require(fixture.tier.region(of: keys[3]))
        defer { close(region.descriptor) }
        for number in 1..<150 { fixture.insert(number) }
        #expect(fixture.compare([0]).right < 20)
        var bytes = [UInt8](repeating: 0, count: region.byteCount)
        let got = unsafe pread(region.descriptor, &bytes, bytes.count, off_t(region.offset))
        #expect(got == bytes.count)
        expectBytes(bytes, equal: TrueTiles.bytes(of: keys[3]))
    }

    @Test("small files beside the log come back, stay old where the new one cannot be written, and have a limit")
    func sideFiles() throws {
        let fixture = try DiskFixture()
        #expect(fixture.tier.sideFile("hot-keys") == nil)
        #expect(fixture.tier.storeSideFile("hot-keys", [1, 2, 3]))
        #expect(fixture.tier.storeSideFile("hot-keys", [4, 5]))
        fixture.files.faults.writeError = EIO
        #expect(!fixture.tier.storeSideFile("hot-keys", [6]))
        fixture.files.faults.writeError = nil
        #expect(!fixture.tier.storeSideFile("hot-keys", [UInt8](repeating: 0, count: 1 << 20)))
        try fixture.reopen()
        #expect(fixture.tier.sideFile("hot-keys") == [4, 5])
    }

    @Test("reads, writes and deletions from many threads give only right tiles")
    func threads() throws {
        let fixture = try DiskFixture(.init(syncInterval: .milliseconds(5), scrubBytesPerSecond: 64 << 20))
        let tier = fixture.tier
        let seed = Seed.ofThisRun
        let wrong = Lock(0)
        let threads = try (0..<4).map { number in
            try OSThread(name: "disk-\(number)") {
                var generator = seed.generator(stream: number)
                var sum = TrueTiles.Comparison()
                for _ in 0..<400 {
                    let (family, keys) = TrueTiles.family(
                        Int.random(in: 0..<250, using: &generator),
                        of: DiskFixture.edition
                    )
                    switch Int.random(in: 0..<8, using: &generator) {
                    case 0..<3: _ = tier.insert(TrueTiles.write(family, keys))
                    case 3: _ = tier.delete([keys[Int.random(in: 0..<20, using: &generator)]], of: family)
                    default: TrueTiles.compare(tier, family, keys, into: &sum)
                    }
                }
                wrong.withLock { $0 += sum.wrong + sum.damaged }
            }
        }
        for thread in threads { thread.join() }
        #expect(wrong.withLock { $0 } == 0, "\(seed)")
        try fixture.reopen()
        let sum = fixture.compare(0..<250)
        #expect(sum.wrong == 0 && sum.damaged == 0 && sum.right > 500, "\(seed)")
    }

    static func comparison(
        right: Int = 0,
        absent: Int = 0,
        damaged: Int = 0,
        unavailable: Int = 0
    ) -> TrueTiles.Comparison {
        var sum = TrueTiles.Comparison()
        sum.right = right
        sum.absent = absent
        sum.damaged = damaged
        sum.unavailable = unavailable
        return sum
    }
}
