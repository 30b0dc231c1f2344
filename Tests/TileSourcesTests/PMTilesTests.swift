// SPDX-License-Identifier: Apache-2.0

import Foundation
import GZip
import Telemetry
import TestSupport
import Testing
import TileModel

@testable import TileSources

@Suite("PMTiles archives")
struct PMTilesTests {
    private typealias Entry = PMTilesDirectory.Entry

    /// A PNG of one pixel with a mark.
    private static func tile(_ mark: UInt8) -> [UInt8] {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8)
            + [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 1, 2, 3, 4, mark] + [0, 0, 0, 0] + Array("IEND".utf8)
            + [0xAE, 0x42, 0x60, 0x82]
    }

    /// An archive of the given directories and tile bytes; `change` has the last word on the header.
    private static func archive(
        root: [Entry],
        leaves: [[Entry]] = [],
        leafPadding: Int = 0,
        tiles: [UInt8] = tile(0),
        levels: ClosedRange<Int> = 0...3,
        isCompressed: Bool = true,
        format: TileFormat = .png,
        change: (inout [UInt8]) -> Void = { _ in }
    ) throws -> [UInt8] {
        let pack: ([UInt8]) throws -> [UInt8] = { isCompressed ? try GZip.deflate($0) : $0 }
        let rootBytes = try pack(PMTilesDirectory(entries: root).bytes)
        let metadata = try pack(Array(#"{"name":"Test","attribution":"Us"}"#.utf8))
        var leafBytes = try leaves.flatMap { try pack(PMTilesDirectory(entries: $0).bytes) }
        leafBytes += [UInt8](repeating: 0, count: leafPadding)
        var place = PMTilesHeader.byteCount
        func section(_ count: Int) -> Range<Int> {
            defer { place += count }
            return place..<place + count
        }
        var header = PMTilesHeader(
            root: section(rootBytes.count),
            metadata: section(metadata.count),
            leaves: section(leafBytes.count),
            tiles: section(tiles.count),
            internalCompression: isCompressed ? .gzip : .none,
            tileCompression: .none,
            format: format,
            levels: levels
        )
        header.bounds = GeographicBounds(west: -10, south: -20, east: 30, north: 40.5)
        header.center = MapCenter(longitude: 1.5, latitude: -2.5, level: 2)
        var bytes = header.bytes
        change(&bytes)
        return bytes + rootBytes + metadata + leafBytes + tiles
    }

    private func open(_ bytes: [UInt8], in folder: TemporaryDirectory) throws -> PMTilesSource {
        try PMTilesSource(path: try folder.write("a.pmtiles", bytes), logger: .silent)
    }

    /// Why an archive is refused.
    private func refusal(_ bytes: [UInt8]) throws -> String {
        let folder = try TemporaryDirectory()
        do {
            _ = try open(bytes, in: folder)
            return "opened"
        } catch let error as SourceError {
            return error.description
        }
    }

    private static let one = Entry(first: 0, offset: 0, count: UInt32(tile(0).count), run: 1)

    @Test("a header is read as it was written")
    func header() throws {
        // A section without bytes is read as one at no place, so there is none.
        let bytes = try Self.archive(root: [Self.one], leaves: [[Self.one]])
        let header = try PMTilesHeader(parsing: bytes, fileSize: bytes.count)
        #expect(header.bounds == GeographicBounds(west: -10, south: -20, east: 30, north: 40.5))
        #expect(header.center == MapCenter(longitude: 1.5, latitude: -2.5, level: 2))
        #expect(header.levels == 0...3)
        #expect(header.format == .png)
        #expect(Array(bytes[..<PMTilesHeader.byteCount]) == header.bytes)
    }

    @Test("runs, holes and leaf directories are found, with and without compression", arguments: [true, false])
    func lookUps(isCompressed: Bool) throws {
        let folder = try TemporaryDirectory()
        let length = UInt32(Self.tile(0).count)
        let tiles = (0..<4).flatMap { Self.tile(UInt8($0)) }
        let leaf = [
            Entry(first: 21, offset: 0, count: length, run: 4),
            Entry(first: 30, offset: UInt64(length * 2), count: length, run: 1),
        ]
        let leafBytes = PMTilesDirectory(entries: leaf).bytes
        let leafLength = UInt32(isCompressed ? try GZip.deflate(leafBytes).count : leafBytes.count)
        let root = [
            Entry(first: 0, offset: 0, count: length, run: 1),
            Entry(first: 1, offset: UInt64(length), count: length, run: 3),
            Entry(first: 21, offset: 0, count: leafLength, run: 0),
        ]
        let bytes = try Self.archive(root: root, leaves: [leaf], tiles: tiles, isCompressed: isCompressed)
        let source = try open(bytes, in: folder)
        let buffer = TileBuffer()
        let marks: [Int: UInt8] = [0: 0, 1: 1, 2: 1, 3: 1, 21: 0, 22: 0, 23: 0, 24: 0, 30: 2]
        // Before it is known what the archive holds, and afterwards.
        for round in 0..<2 {
            if round == 1 { #expect(eventually { source.presence.isKnown }) }
            for number in 0..<85 {
                let tile = try #require(TileCoordinate(hilbertIdentifier: number))
                let mark = try? source.readTile(tile, into: buffer)
                #expect((mark != nil) == (marks[number] != nil), "\(number)")
                if let expected = marks[number] { #expect(buffer.bytes == Self.tile(expected)) }
                if mark == nil {
                    #expect(throws: SourceError.missing(tile)) { try source.storedRange(of: tile, atLeast: 1) }
                }
            }
        }
        let denied = (0..<85).compactMap(TileCoordinate.init(hilbertIdentifier:)).count { !source.presence.mayHold($0) }
        #expect(denied >= 74, "all holes but for a false one or two")
        #expect(source.info.title == "Test")
        #expect(source.info.attribution == "Us")
        #expect(try source.tileNumbers(ofLevel: 1)?.sorted() == [1, 2, 3])
        #expect(try source.tileNumbers(ofLevel: 3)?.sorted() == [21, 22, 23, 24, 30])
    }

    @Test("lies in the header are named")
    func lyingHeaders() throws {
        func refused(_ change: @escaping (inout [UInt8]) -> Void) throws -> String {
            try refusal(try Self.archive(root: [Self.one], change: change))
        }
        #expect(try refusal([]).contains("empty"))
        #expect(try refusal(Array("PMTiles".utf8)).contains("shorter than the header"))
        #expect(try refused { $0[0] = 0 }.contains("does not begin with"))
        #expect(try refused { $0[7] = 4 }.contains("version 4"))
        #expect(try refused { $0[97] = 3 }.contains("directories are compressed by brotli"))
        #expect(try refused { $0[97] = 4 }.contains("directories are compressed by zstd"))
        #expect(try refused { $0[98] = 3 }.contains("tiles are compressed by brotli"))
        #expect(try refused { $0[98] = 4 }.contains("tiles are compressed by zstd"))
        #expect(try refused { $0[98] = 9 }.contains("unknown method 9"))
        #expect(try refused { $0[99] = 7 }.contains("unknown type 7"))
        #expect(try refused { $0[100] = 4 }.contains("levels 4 to 3"))
        #expect(try refused { $0[101] = 31 }.contains("levels 0 to 31"))
        for (place, name) in [(8, "root directory"), (24, "metadata"), (40, "leaf directories"), (56, "tiles")] {
            let outside = try refused { bytes in
                for index in 0..<8 { bytes[place + index] = 0xFF }
                bytes[place + 8] = 1
            }
            #expect(outside.contains(name) && outside.contains("outside the file"), "\(outside)")
            #expect(try refused { $0[place + 8 + 5] = 1 }.contains("outside the file"))
        }
        #expect(try refused { for index in 16..<24 { $0[index] = 0 } }.contains("root directory has no bytes"))
    }

    @Test("lies in directories are named")
    func lyingDirectories() throws {
        func refused(_ directory: [UInt8]) throws -> String {
            do throws(PMTilesDirectory.Failure) {
                _ = try PMTilesDirectory(parsing: directory, compression: .none, tileBytes: 100, leafBytes: 100)
                return "read"
            } catch {
                return error.reason
            }
        }
        #expect(try refused([0]) == "read")
        #expect(try refused([1, 0, 1, 100, 1]) == "read")
        #expect(try refused([1, 0, 1, 101, 1]).contains("outside the section"))
        #expect(try refused([1, 0, 1, 100, 2]).contains("outside the section"))
        #expect(try refused([1, 0, 0, 101, 1]).contains("outside the section"))
        #expect(try refused([1, 0, 1, 0, 1]).contains("an entry of 0 bytes"))
        #expect(try refused([1, 0, 1, 10, 0]).contains("first entry has no offset"))
        #expect(try refused([2, 5, 0, 1, 1, 1, 1, 1, 1]).contains("do not ascend"))
        #expect(try refused([2, 0, 1]).contains("says that it has 2 entries"))
        #expect(try refused([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]).contains("entries"))
        #expect(try refused([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2]).contains("no number"))
        #expect(try refused([1, 0, 1, 10]).contains("says that it has 1 entries"))
        #expect(try refused([1, 0, 1, 0x8A, 0x80]).contains("where"))
        #expect(try refused([1, 0, 1, 10, 1, 0]).contains("behind the last entry"))
        #expect(try refused([]).contains("no number"))
        // More entries than are read, and bytes for all of them.
        let many = PMTilesDirectory.maxEntries + 1
        let count = [UInt8(many & 0x7F | 0x80), UInt8(many >> 7 & 0x7F | 0x80), UInt8(many >> 14)]
        #expect(try refused(count + [UInt8](repeating: 0, count: 4 * many)).contains("a directory of 1048577 entries"))
    }

    @Test("rings and bombs of leaf directories are refused")
    func rings() throws {
        // A leaf that points at itself: its own bytes do not depend on where it lies.
        let pointer = Entry(first: 5, offset: 0, count: 8, run: 0)
        var length = UInt32(PMTilesDirectory(entries: [pointer]).bytes.count)
        let ring = [Entry(first: 5, offset: 0, count: length, run: 0)]
        length = UInt32(PMTilesDirectory(entries: ring).bytes.count)
        let bytes = try Self.archive(root: ring, leaves: [ring], isCompressed: false)
        #expect(try refusal(bytes).contains("as in a ring"))
        let twice = try Self.archive(
            root: [
                Entry(first: 0, offset: 0, count: length, run: 0), Entry(first: 9, offset: 0, count: length, run: 0),
            ],
            leaves: [[Entry(first: 9, offset: 0, count: Self.one.count, run: 1)]],
            isCompressed: false
        )
        #expect(try refusal(twice).contains("two entries point at the leaf directory"))
        let bomb = try GZip.deflate([UInt8](repeating: 0, count: PMTilesDirectory.maxBytes + 1))
        let failure = #expect(throws: PMTilesDirectory.Failure.self) {
            try PMTilesDirectory(parsing: bomb, compression: .gzip, tileBytes: 1, leafBytes: 1)
        }
        #expect(failure?.reason.contains("more than") == true)
    }

    @Test("leaves of an index that is too large to be looked at as a whole are listed once, however many point at them")
    func unfolding() throws {
        let folder = try TemporaryDirectory()
        let length = UInt32(Self.tile(0).count)
        let leaf = [Entry(first: 9, offset: 0, count: length, run: 1)]
        let count = UInt32(PMTilesDirectory(entries: leaf).bytes.count)
        let root = [Entry(first: 5, offset: 0, count: count, run: 0), Entry(first: 9, offset: 0, count: count, run: 0)]
        let source = try open(
            try Self.archive(root: root, leaves: [leaf], leafPadding: 16 << 20, isCompressed: false),
            in: folder
        )
        let error = #expect(throws: SourceError.self) { try source.tileNumbers(ofLevel: 2) }
        #expect(error?.description.contains("not in ascending order") == true)
        // As it should be, the same is listed.
        let good = try open(
            try Self.archive(root: [root[1]], leaves: [leaf], leafPadding: 16 << 20, isCompressed: false),
            in: folder
        )
        #expect(try good.tileNumbers(ofLevel: 2) == [9])
    }

    @Test("every cut and every flipped byte of an archive is refused or read, never trapped on")
    func damage() throws {
        let folder = try TemporaryDirectory()
        let leaf = [Entry(first: 5, offset: 0, count: UInt32(Self.tile(0).count), run: 2)]
        let length = UInt32(PMTilesDirectory(entries: leaf).bytes.count)
        let root = [Self.one, Entry(first: 5, offset: 0, count: length, run: 0)]
        let whole = try Self.archive(root: root, leaves: [leaf], isCompressed: false)
        let buffer = TileBuffer()
        func tryAll(_ bytes: [UInt8]) {
            guard let source = try? open(bytes, in: folder) else { return }
            for number in 0..<21 {
                guard let tile = TileCoordinate(hilbertIdentifier: number), source.info.pyramid.contains(tile) else {
                    continue
                }
                _ = try? source.readTile(tile, into: buffer)
            }
        }
        // Files younger than a tick of the clock are waited for: a few are enough.
        for count in stride(from: 0, to: whole.count, by: 7) { tryAll(Array(whole[..<count])) }
        var random = Seed.ofThisRun.generator()
        print("damaged archives: \(Seed.ofThisRun)")
        for _ in 0..<60 {
            var bytes = whole
            for _ in 0..<3 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            tryAll(bytes)
        }
    }

    @Test("a file that is written to after it was opened is not read any more")
    func changed() throws {
        let folder = try TemporaryDirectory()
        let bytes = try Self.archive(root: [Self.one])
        let source = try open(bytes, in: folder)
        let path = folder.path("a.pmtiles")
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: UInt64(bytes.count - 20))
        try file.write(contentsOf: Data([1]))
        try file.close()
        let buffer = TileBuffer()
        let tile = TileCoordinate(level: 0, x: 0, y: 0)
        #expect(throws: SourceError.changed(path: path)) { try source.readTile(tile, into: buffer) }
        #expect(buffer.count == 0)
        #expect(throws: SourceError.changed(path: path)) { try source.storedRange(of: tile, atLeast: 1) }
        // A hole of the file that was opened is not called one of the file that is there now.
        let hole = TileCoordinate(level: 3, x: 1, y: 1)
        #expect(throws: (any Error).self) { try source.readTile(hole, into: buffer) }
        if !source.presence.mayHold(hole) {
            #expect(throws: SourceError.changed(path: path)) { try source.readTile(hole, into: buffer) }
        }
    }

    @Test("the bytes of a large tile can be sent from the file, those of a small one are read")
    func ranges() throws {
        let folder = try TemporaryDirectory()
        let source = try open(try Self.archive(root: [Self.one]), in: folder)
        let tile = TileCoordinate(level: 0, x: 0, y: 0)
        let count = Self.tile(0).count
        #expect(try source.storedRange(of: tile, atLeast: count + 1) == nil)
        let range = try #require(try source.storedRange(of: tile, atLeast: count))
        #expect(range.count == count && range.tile.format == .png && !range.isCompressed)
        let descriptor = try #require(range.openDescriptor())
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try handle.seek(toOffset: UInt64(range.offset))
        #expect(try handle.read(upToCount: range.count) == Data(Self.tile(0)))
    }

    @Test("the cache of directories stays below its bound and forgets what was not used")
    func cache() throws {
        let entry = Entry(first: 0, offset: 0, count: 1, run: 1)
        let directory = PMTilesDirectory(entries: [Entry](repeating: entry, count: 10))
        let cache = DirectoryCache(byteLimit: directory.memoryBytes * 3)
        let archive = cache.newArchive()
        let keys = (0..<5).map { DirectoryCache.Key(archive: archive, offset: UInt64($0), count: 1) }
        for key in keys[..<3] { cache.insert(directory, as: key) }
        #expect(cache.find(keys[0]) != nil)
        cache.insert(directory, as: keys[3])
        #expect(cache.find(keys[0]) != nil && cache.find(keys[3]) != nil)
        #expect(cache.find(keys[1]) == nil, "the one that was not used for the longest")
        #expect(cache.bytes == directory.memoryBytes * 3)
        cache.remove(archive: archive)
        #expect(cache.bytes == 0 && cache.find(keys[0]) == nil)
    }

    @Test("of tiny directories the cache keeps so many and no more")
    func cacheOfTinyDirectories() {
        let cache = DirectoryCache(byteLimit: 64 << 20)
        let archive = cache.newArchive()
        let directory = PMTilesDirectory(entries: [Self.one])
        for offset in 0...DirectoryCache.placeLimit {
            cache.insert(directory, as: DirectoryCache.Key(archive: archive, offset: UInt64(offset), count: 1))
        }
        #expect(cache.count == DirectoryCache.placeLimit)
        #expect(cache.find(DirectoryCache.Key(archive: archive, offset: 0, count: 1)) == nil)
    }
}
