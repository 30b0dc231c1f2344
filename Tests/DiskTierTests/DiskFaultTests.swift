// SPDX-License-Identifier: Apache-2.0

import DiskFaults
import Foundation
import LockFree
import TestSupport
import Testing
import TileModel

@testable import DiskTier

@Suite("The disk tier on a bad disk")
struct DiskFaultTests {
    @Test("cut at every byte of the last record, the log has every earlier tile and no wrong one")
    func truncation() throws {
        let fixture = try DiskFixture()
        fixture.insert(0, limit: 300)
        fixture.tier.close()
        let path = try #require(try fixture.paths(".segment").last)
        let whole = try DiskFixture.read(path)
        let last = try #require(TrueTiles.family(0, of: DiskFixture.edition).keys.last)
        let record = RecordHeader.recordByteCount(bodyCount: TrueTiles.bytes(of: last, limit: 300).count)
        for length in whole.count - record...whole.count {
            for hasHint in [false, true] {
                try fixture.reopen {
                    for hint in try fixture.paths(".hint") where !hasHint {
                        try FileManager.default.removeItem(atPath: hint)
                    }
                    try DiskFixture.write(path, Array(whole[..<length]))
                }
                let sum = fixture.compare([0], limit: 300)
                #expect(sum.wrong == 0 && sum.right >= 19, "\(length) of \(whole.count) bytes, hint \(hasHint): \(sum)")
                #expect(length < whole.count || sum.right == 20)
            }
        }
        #expect(fixture.insert(1, limit: 300) == .stored)
        #expect(fixture.compare([1], limit: 300).right == 20)
    }

    @Test("with any byte of a record's header changed, no wrong tile is given, with hints and without")
    func headers() throws {
        let fixture = try DiskFixture()
        fixture.insert(0, limit: 300)
        fixture.insert(1, limit: 300)
        fixture.tier.close()
        let path = try #require(try fixture.paths(".segment").last)
        let hint = try #require(try fixture.paths(".hint").last)
        let whole = try DiskFixture.read(path)
        let hintBytes = try DiskFixture.read(hint)
        // The eleventh record.
        var offset = SegmentHeader.byteCount
        for key in TrueTiles.family(0, of: DiskFixture.edition).keys[..<10] {
            offset += RecordHeader.recordByteCount(bodyCount: TrueTiles.bytes(of: key, limit: 300).count)
        }
        for index in offset..<offset + RecordHeader.byteCount {
            for hasHint in [false, true] {
                try fixture.reopen {
                    var bytes = whole
                    bytes[index] ^= UInt8(1 + index % 255)
                    try DiskFixture.write(path, bytes)
                    if hasHint {
                        try DiskFixture.write(hint, hintBytes)
                    } else {
                        try? FileManager.default.removeItem(atPath: hint)
                    }
                }
                let sum = fixture.compare([0, 1], limit: 300)
                // Without the hint nothing says where the twelfth record begins.
                let expected = hasHint ? 39 : 10
                #expect(sum.wrong == 0 && sum.right == expected, "byte \(index - offset), hint \(hasHint): \(sum)")
                #expect(fixture.compare([0, 1], limit: 300).damaged == 0, "it is forgotten, and rendered again")
            }
        }
    }

    @Test(
        "with any byte of a file's own header changed, its tiles are absent, none is wrong, and the other files' are found"
    )
    func fileHeaders() throws {
        let fixture = try DiskFixture()
        fixture.insert(0, limit: 300)
        try fixture.reopen()
        fixture.insert(1, limit: 300)
        fixture.tier.close()
        let path = try #require(try fixture.paths(".segment").first)
        let hint = try #require(try fixture.paths(".hint").first)
        #expect(try fixture.paths(".segment").count == 2)
        let whole = try DiskFixture.read(path)
        let hintBytes = try DiskFixture.read(hint)
        for index in 0..<SegmentHeader.byteCount {
            for hasHint in [false, true] {
                try fixture.reopen {
                    var bytes = whole
                    bytes[index] ^= UInt8(1 + index)
                    try DiskFixture.write(path, bytes)
                    if hasHint {
                        try DiskFixture.write(hint, hintBytes)
                    } else {
                        try? FileManager.default.removeItem(atPath: hint)
                    }
                }
                let sum = fixture.compare(0..<2, limit: 300)
                #expect(
                    sum == DiskTierTests.comparison(right: 20, absent: 20),
                    "byte \(index), hint \(hasHint): \(sum)"
                )
                #expect(fixture.metric("orizuru_disk_ignored_segments_total") == 1)
            }
        }
        #expect(fixture.insert(0, limit: 300) == .stored)
        #expect(fixture.compare(0..<2, limit: 300).right == 40)
    }

    @Test("a damaged body is skipped, counted, and never given; what follows is found", arguments: [false, true])
    func bodies(hasHint: Bool) throws {
        let fixture = try DiskFixture()
        for number in 0..<3 { fixture.insert(number) }
        try fixture.reopen {
            let path = try #require(try fixture.paths(".segment").first)
            var bytes = try DiskFixture.read(path)
            bytes[SegmentHeader.byteCount + RecordHeader.byteCount] ^= 0x40
            try DiskFixture.write(path, bytes)
            if !hasHint { for hint in try fixture.paths(".hint") { try FileManager.default.removeItem(atPath: hint) } }
        }
        let sum = fixture.compare(0..<3)
        #expect(sum.wrong == 0 && sum.right == 59 && sum.damaged == (hasHint ? 1 : 0))
        let found = hasHint ? "read" : "load"
        #expect(fixture.metric("orizuru_disk_damaged_total{found=\"\(found)\"}") == 1)
        #expect(fixture.compare(0..<3) == DiskTierTests.comparison(right: 59, absent: 1))
        // It is rendered and written again.
        #expect(fixture.insert(0) == .stored)
        #expect(fixture.compare(0..<3).right == 60)
    }

    @Test("the scrub finds damage before anybody asks")
    func scrub() throws {
        let settings = DiskFixture.Settings(syncInterval: .milliseconds(10), scrubBytesPerSecond: 256 << 20)
        let fixture = try DiskFixture(settings)
        for number in 0..<6 { fixture.insert(number) }
        try fixture.reopen {
            let path = try #require(try fixture.paths(".segment").first)
            var bytes = try DiskFixture.read(path)
            bytes[SegmentHeader.byteCount + RecordHeader.byteCount] ^= 0x40
            try DiskFixture.write(path, bytes)
        }
        #expect(eventually { fixture.metric("orizuru_disk_damaged_total{found=\"scrub\"}") > 0 })
        #expect(fixture.metric("orizuru_disk_damaged_total{found=\"scrub\"}") == 1)
        #expect(fixture.compare(0..<6) == DiskTierTests.comparison(right: 119, absent: 1))
    }

    @Test("a disk that is full refuses families, serves what it has, and takes more when there is room")
    func fullDisk() throws {
        for canReserve in [true, false] {
            let fixture = try DiskFixture()
            fixture.files.faults.canReserve = canReserve
            for number in 0..<3 { fixture.insert(number) }
            fixture.files.faults.bytesLeft = 30_000
            fixture.files.faults.isFull = true
            var refused = 0
            for number in 3..<10 where fixture.insert(number) == .refused(.full) { refused += 1 }
            #expect(refused >= 5, "room can be made: \(canReserve)")
            #expect(fixture.metric("orizuru_disk_refused_total{reason=\"full\"}") == Double(refused))
            let sum = fixture.compare(0..<10)
            #expect(sum.wrong == 0 && sum.damaged == 0 && sum.right >= 20)
            fixture.files.faults.bytesLeft = nil
            fixture.files.faults.isFull = false
            // It is not asked more than once a second.
            #expect(eventually { fixture.insert(20) == .stored })
            #expect(fixture.compare([20]).right == 20)
            try fixture.reopen()
            #expect(fixture.compare(0..<30).wrong == 0)
            #expect(fixture.compare([20]).right == 20)
        }
    }

    @Test(
        "a real file system that is full: families are refused, tiles served, and more taken when there is room",
        .enabled(if: SmallMount.isPossible, "needs root, to mount a small tmpfs")
    )
    func fullMount() throws {
        let mount = try SmallMount(bytes: 3 << 20)
        // The budget is larger than the disk.
        let fixture = try DiskFixture(.init(byteBudget: 64 << 20, segmentBytes: 512 << 10), in: mount.path + "/tiles")
        // Somebody else needs most of it.
        try DiskFixture.write(mount.path + "/other", [UInt8](repeating: 1, count: 2_800_000))
        var stored = 0
        var refused = 0
        for number in 0..<40 {
            switch fixture.insert(number) {
            case .stored: stored += 1
            case .refused(.full): refused += 1
            case .refused(let reason): Issue.record("\(reason)")
            }
            let sum = fixture.compare(0...number)
            #expect(sum.wrong == 0 && sum.damaged == 0)
        }
        #expect(stored == 0 && refused == 40, "\(stored) stored, \(refused) refused")
        #expect(fixture.metric("orizuru_disk_refused_total{reason=\"full\"}") == Double(refused))
        try FileManager.default.removeItem(atPath: mount.path + "/other")
        #expect(eventually { fixture.insert(50) == .stored })
        #expect(fixture.compare([50]).right == 20)
        // Without anybody else it goes on for ever, dropping the oldest.
        for number in 60..<120 {
            _ = fixture.insert(number)
            let last = fixture.compare([number])
            #expect(last.wrong == 0)
        }
        #expect(fixture.metric("orizuru_disk_evicted_segments_total") > 0)
        fixture.tier.close()
    }

    @Test("a read that fails is a tile that is not there, counted; the tile comes back with the next render")
    func readError() throws {
        let fixture = try DiskFixture()
        for number in 0..<3 { fixture.insert(number) }
        fixture.files.faults.readError = EIO
        #expect(fixture.compare([1]) == DiskTierTests.comparison(damaged: 20))
        #expect(fixture.metric("orizuru_disk_errors_total{operation=\"read\"}") >= 1)
        fixture.files.faults.readError = nil
        #expect(fixture.compare(0..<3) == DiskTierTests.comparison(right: 40, absent: 20))
        #expect(fixture.insert(1) == .stored)
        #expect(fixture.compare(0..<3).right == 60)
    }

    @Test("a write that fails leaves its file, and the next goes to another one")
    func writeError() throws {
        let fixture = try DiskFixture()
        fixture.insert(0)
        fixture.files.faults.writeError = EIO
        #expect(fixture.insert(1) == .refused(.failed))
        #expect(fixture.compare(0..<2) == DiskTierTests.comparison(right: 20, absent: 20))
        fixture.files.faults.writeError = nil
        #expect(eventually { fixture.insert(1) == .stored })
        #expect(fixture.metric("orizuru_disk_errors_total{operation=\"write\"}") >= 1)
        #expect(fixture.metric("orizuru_disk_segments") == 2)
        try fixture.reopen()
        #expect(fixture.compare(0..<2).right == 40)
    }

    @Test("where making durable fails, the file is written no more, and read in whole at the next start")
    func syncError() throws {
        let fixture = try DiskFixture(.init(syncInterval: .milliseconds(10)))
        fixture.files.faults.syncError = EIO
        fixture.insert(0)
        #expect(eventually { fixture.metric("orizuru_disk_errors_total{operation=\"sync\"}") >= 1 })
        #expect(fixture.compare([0]).right == 20, "it can be read, and is checked")
        fixture.files.faults.syncError = nil
        #expect(eventually { fixture.insert(1) == .stored })
        #expect(fixture.metric("orizuru_disk_segments") == 2)
        try fixture.reopen()
        #expect(fixture.metric("orizuru_disk_scanned_segments_total") == 1)
        #expect(fixture.compare(0..<2).right == 40)
    }

    @Test("what was written is made durable in time, and only then again when there is more")
    func flushes() throws {
        let fixture = try DiskFixture(.init(syncInterval: .milliseconds(10)))
        fixture.insert(0)
        #expect(eventually { fixture.metric("orizuru_disk_flushes_total") == 1 })
        usleep(100_000)
        #expect(fixture.metric("orizuru_disk_flushes_total") == 1)
    }

    @Test("killed in the middle of any call that changes the disk, the next process finds no wrong tile")
    func kills() throws {
        let run = try ServerProcess("stress-disk", ["--kills", "12"])
        #expect(run.waitForExit(timeout: 300) == 0, "\(run.output) \(run.errors)")
        #expect(run.output.contains("none wrong"))
    }

    @Test("inspecting tells tiles, editions, damage and hints, and changes nothing")
    func inspection() throws {
        let fixture = try DiskFixture()
        for number in 0..<6 { fixture.insert(number) }
        // Also while it is in use.
        let live = try DiskTier.inspect(fixture.folder, verify: true)
        #expect(live.tiles == 120 && live.isSound && live.editions == [DiskFixture.edition: 120])
        fixture.tier.close()
        let report = try DiskTier.inspect(fixture.folder, verify: true)
        #expect(report.tiles == 120 && report.isSound && report.files.allSatisfy(\.hasHint))
        let path = try #require(try fixture.paths(".segment").first)
        var bytes = try DiskFixture.read(path)
        bytes[SegmentHeader.byteCount + RecordHeader.byteCount] ^= 0x40
        try DiskFixture.write(path, bytes)
        let damaged = try DiskTier.inspect(fixture.folder, verify: true)
        #expect(damaged.damagedTiles == 1 && damaged.tiles == 119 && !damaged.isSound)
        #expect(try DiskTier.inspect(fixture.folder, verify: false).tiles == 120)
        bytes[SegmentHeader.byteCount] ^= 1
        try DiskFixture.write(path, bytes)
        #expect(try DiskTier.inspect(fixture.folder, verify: true).files.first?.fault?.contains("unreadable") == true)
        #expect(try DiskFixture.read(path) == bytes)
        #expect(DiskTier.isTileFolder(fixture.folder) && !DiskTier.isTileFolder("/proc"))
        #expect(throws: DiskTierError.self) { try DiskTier.inspect("/nonexistent/folder", verify: false) }
    }
}
