// SPDX-License-Identifier: Apache-2.0

import DiskFaults
import TestSupport
import Testing
import TileModel

@testable import DiskTier

@Suite("The index of the disk tier")
struct IndexTests {
    @Test("random operations give what a dictionary gives")
    func model() {
        let seed = Seed.ofThisRun
        var generator = seed.generator()
        let index = TileIndex()
        var model: [UInt64: IndexEntry] = [:]
        // Few hashes in one shard and with few homes, so that probes run into each other.
        let hashes = (0..<300).map { (number: UInt64) -> UInt64 in
            let shard = (number % 3) << 56
            return shard | (number & 15) | (number << 20)
        }
        for step in 1...60_000 {
            let hash = hashes.randomElement(using: &generator) ?? 0
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<5:
                let segment = UInt32.random(in: 1...50, using: &generator)
                let entry = IndexEntry(hash: hash, segment: segment, offset: step * 8, bodyCount: UInt32(step))
                let isNewer = (model[hash]?.location ?? 0) < entry.location
                #expect(index.put(entry) == isNewer, "\(seed)")
                if isNewer { model[hash] = entry }
            case 5..<7:
                let location = Bool.random(using: &generator) ? model[hash]?.location ?? 1 : 1
                let isThere = model[hash]?.location == location
                #expect(index.remove(hash, at: location) == isThere, "\(seed)")
                if isThere { model[hash] = nil }
            case 7:
                let isUsing = Bool.random(using: &generator)
                if isUsing { model[hash]?.flags.insert(.used) }
                #expect(index.find(hash, using: isUsing) == model[hash], "\(seed)")
            case 8:
                if let location = model[hash]?.location { index.mark(hash, at: location, .verified) }
                model[hash]?.flags.insert(.verified)
            default:
                index.remove(hash)
                model[hash] = nil
            }
        }
        for hash in hashes { #expect(index.find(hash) == model[hash], "\(seed)") }
        #expect(index.totals.tiles == model.count)
        #expect(index.totals.bytes == model.values.reduce(0) { $0 + Int($1.bodyCount) })
    }

    @Test("while the index is read in, a deletion hides what is older, and not what is newer")
    func deletions() {
        let index = TileIndex()
        index.put(IndexEntry(hash: 1, segment: 2, offset: 64, bodyCount: 0, flags: .deletion))
        index.put(IndexEntry(hash: 1, segment: 1, offset: 64, bodyCount: 9))
        #expect(index.find(1) == nil)
        index.put(IndexEntry(hash: 2, segment: 2, offset: 64, bodyCount: 0, flags: .deletion))
        index.put(IndexEntry(hash: 2, segment: 3, offset: 64, bodyCount: 9))
        index.removeDeletions()
        #expect(index.find(1) == nil)
        #expect(index.find(2)?.segment == 3)
        #expect(index.totals.tiles == 1)
    }

    @Test("real keys fill the 256 shards evenly: chi-square, for slides, for maps, and for the low bits as well")
    func shards() {
        var sets: [String: [TierKey]] = [:]
        if let slide = Pyramid(deepZoom: GridSize(width: 60_000, height: 45_000), tileSize: 256, overlap: 0) {
            sets["slide"] = Self.keys(of: slide, levels: slide.maxLevel - 2...slide.maxLevel, TrueTiles.edition(1))
        }
        if let map = Pyramid(mapTileSize: 256, levels: 0...8) {
            sets["map"] = Self.keys(of: map, levels: 5...8, TrueTiles.edition(2))
        }
        sets["many slides"] = (0..<2000).flatMap { TrueTiles.family(0, of: TrueTiles.edition($0)).keys }
        for (name, keys) in sets {
            #expect(keys.count > 30_000)
            let high = Self.chiSquare(keys.map { TileIndex.shard(of: $0.mixed) })
            let low = Self.chiSquare(keys.map { Int($0.mixed & 255) })
            // 255 degrees of freedom: mean 255, deviation 22.6. 368 is exceeded once in 300,000 times; the keys are fixed.
            #expect(high < 368, "\(name)")
            #expect(low < 368, "\(name)")
            // And no hash twice.
            #expect(Set(keys.map(\.mixed)).count == keys.count)
        }
    }

    private static func keys(of pyramid: Pyramid, levels: ClosedRange<Int>, _ edition: TileEdition) -> [TierKey] {
        levels.flatMap { level in
            let grid = pyramid.grid(ofLevel: level)
            return (0..<grid.height).flatMap { y in
                (0..<grid.width).compactMap { x in
                    TileKey(
                        ordinal: 5,
                        tile: TileCoordinate(level: level, x: x, y: y),
                        variant: TileVariant(format: .jpeg)
                    ).map { TierKey($0, of: edition) }
                }
            }
        }
    }

    private static func chiSquare(_ shards: [Int]) -> Double {
        var counts = [Int](repeating: 0, count: TileIndex.shardCount)
        for shard in shards { counts[shard] += 1 }
        let expected = Double(shards.count) / Double(counts.count)
        return counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    }
}
