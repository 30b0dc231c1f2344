// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization
import Telemetry
import TestSupport
import Testing
import TileModel

@testable import TileCache

@Suite("The memory cache, one thread")
struct TileCacheTests {
    @Test(
        "what was inserted is found with its headers and body, byte for byte",
        arguments: [0, 1, 63, 1000, 70_000, 300_000]
    )
    func insertAndFind(bytes: Int) throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        for headers in [0, 1, 200] {
            let stored = [UInt8](repeating: 7, count: headers)
            #expect(cache.put(headers, bytes: bytes, headers: stored, by: thread).isInserted)
            thread.goOnline()
            let tile = try #require(cache.find(key(headers), by: thread))
            #expect(unsafe Array(tile.headers) == stored)
            #expect(unsafe Array(tile.body) == body(headers, bytes: bytes))
            #expect(cache.find(key(headers + 1000), by: thread) == nil)
            thread.goOffline()
        }
        expectConsistent(cache)
    }

    @Test("the second request makes a tile hot: after a render the next one, after a look-ahead the one after that")
    func promotion() throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        cache.put(1, arrival: .requested, by: thread)
        cache.put(2, arrival: .speculative, by: thread)
        cache.put(3, arrival: .restored, by: thread)
        #expect((1...3).map { cache.get($0, by: thread)?.tier } == [.warm, .warm, .hot])
        #expect((1...3).map { cache.get($0, by: thread)?.tier } == [.hot, .warm, .hot])
        #expect((1...3).map { cache.get($0, by: thread)?.tier } == [.hot, .hot, .hot])
        let statistics = cache.statistics
        #expect(statistics.hotEntries == 3 && statistics.warmEntries == 0 && statistics.warmBytes == 0)
        #expect(statistics.hotHits == 6 && statistics.warmHits == 3 && statistics.misses == 0)
        expectConsistent(cache)
    }

    @Test("a look that does not count changes nothing")
    func peek() throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        cache.put(1, by: thread)
        let before = cache.statistics
        thread.withGuard {
            for _ in 0..<5 { #expect(cache.peek(key(1), by: thread)?.tier == .warm) }
        }
        #expect(cache.contains(key(1), by: thread) && !cache.contains(key(2), by: thread))
        #expect(cache.statistics == before)
    }

    @Test("inserting a key again keeps the first body and pins it where asked")
    func insertTwice() throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        let first = cache.put(1, bytes: 10, pinned: true, by: thread)
        let second = cache.put(1, bytes: 20, pinned: true, by: thread)
        #expect(first.isInserted && second.isAlreadyThere)
        let pin = try #require(second.pin)
        #expect(unsafe pin.body.count == 10)
        pin.release()
        first.pin?.release()
        #expect(cache.statistics.entries == 1 && cache.statistics.liveBlocks == 1)
        expectConsistent(cache)
    }

    @Test("a pinned tile stays readable after removal and its memory is freed by the last release")
    func pins() throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        let pin = try #require(cache.put(1, bytes: 500, pinned: true, by: thread).pin)
        let again = pin.retain()
        #expect(cache.remove(key(1), by: thread))
        #expect(!cache.remove(key(1), by: thread))
        cache.collector.reclaim()
        #expect(cache.statistics.liveBlocks == 1)
        #expect(unsafe Array(pin.body) == body(1, bytes: 500))
        pin.release()
        #expect(unsafe Array(again.body) == body(1, bytes: 500))
        unsafe PinnedTile.release(again.object)
        #expect(cache.statistics.liveBlocks == 0)
    }

    @Test("a removed tile that a reader borrowed is freed only after the reader moved on")
    func borrowedWhileRemoved() throws {
        let cache = try TileCache.make()
        let reader = cache.makeParticipant()
        let writer = cache.makeParticipant()
        cache.put(1, bytes: 500, by: writer)
        reader.goOnline()
        let tile = try #require(cache.find(key(1), by: reader))
        cache.remove(key(1), by: writer)
        for _ in 0..<5 { cache.collector.reclaim() }
        #expect(cache.statistics.retiredBytes > 0 && cache.statistics.liveBlocks == 1)
        #expect(unsafe Array(tile.body) == body(1, bytes: 500))
        // A pin taken now still holds: the cache's own reference is not dropped before the reader is off-line.
        let pin = tile.pin()
        reader.goOffline()
        cache.collector.reclaim()
        #expect(cache.statistics.retiredBytes == 0 && cache.statistics.liveBlocks == 1)
        #expect(unsafe Array(pin.body) == body(1, bytes: 500))
        pin.release()
        #expect(cache.statistics.liveBlocks == 0)
    }

    @Test("a pin outlives even the cache")
    func pinOutlivesCache() throws {
        let pin: PinnedTile
        let uncached: PinnedTile
        do {
            let cache = try TileCache.make()
            let thread = cache.makeParticipant()
            pin = try #require(cache.put(1, bytes: 500, pinned: true, by: thread).pin)
            uncached = unsafe body(2, bytes: 9).withUnsafeBytes { body in
                unsafe cache.makeUncached(headers: UnsafeRawBufferPointer(start: nil, count: 0), body: body)
            }
            #expect(cache.statistics.uncachedBytes > 0)
        }
        #expect(unsafe Array(pin.body) == body(1, bytes: 500))
        #expect(unsafe Array(uncached.body) == body(2, bytes: 9))
        pin.release()
        uncached.release()
    }

    @Test("removing a tileset removes all of its tiles and no other's")
    func removeAll() throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        for number in 0..<300 { cache.put(number, bytes: 100, ordinal: UInt32(number % 3), by: thread) }
        #expect(cache.removeAll(ordinal: 1, by: thread) == 100)
        for number in 0..<300 {
            #expect(cache.contains(key(number, ordinal: UInt32(number % 3)), by: thread) == (number % 3 != 1))
        }
        #expect(cache.statistics.retiredBytes == 0 && cache.statistics.departed[.removed] == 100)
        expectConsistent(cache)
    }

    @Test("two blocks of one key, as racing inserts leave them, are resolved to the one nearer to home")
    func duplicates() throws {
        let cache = try TileCache.make()
        let thread = cache.makeParticipant()
        let hash = KeyHash.of(key(5))
        // What a racing thread would have published: a second block of the same key behind the first.
        cache.put(5, by: thread)
        let other = cache.put(6, by: thread)
        #expect(other.isInserted)
        let places = thread.withGuard { cache.table.places(of: key(5), hash: hash) }
        let word = try #require(places.nearest).word
        #expect(places.further.isEmpty)
        _ = unsafe BucketTable.block(word).references.pointee.wrappingAdd(1, ordering: .relaxed)
        #expect(cache.table.publish(word, hash: hash) != nil)
        #expect(thread.withGuard { cache.table.places(of: key(5), hash: hash) }.further.count == 1)
        // Removing takes both.
        #expect(cache.remove(key(5), by: thread))
        #expect(thread.withGuard { cache.table.places(of: key(5), hash: hash) }.nearest == nil)
    }

    @Test("a tile that is too large, or finds no slot, is refused with its reason, and nothing leaks")
    func refusals() throws {
        let cache = try TileCache.make { $0.expectedEntryBytes = 1 << 20 }
        let thread = cache.makeParticipant()
        #expect(cache.put(1, bytes: 600_000, by: thread).refusal == .tooLarge)
        #expect(cache.put(1, headers: [UInt8](repeating: 1, count: 70_000), by: thread).refusal == .tooLarge)
        // 64 buckets of 7 slots: more keys than slots.
        var full = 0
        for number in 0..<1000 where cache.put(number, bytes: 64, by: thread).refusal == .tableFull { full += 1 }
        #expect(full >= 1000 - 64 * 7)
        #expect(cache.statistics.refused[.tableFull] == full)
        #expect(cache.statistics.liveBlocks == cache.statistics.entries)
        expectConsistent(cache)
    }

    @Test("the metrics carry the names that stay")
    func metrics() throws {
        let cache = try TileCache.make()
        let registry = MetricsRegistry()
        cache.registerMetrics(in: registry)
        cache.put(1, by: cache.makeParticipant())
        let text = String(decoding: registry.render(), as: UTF8.self)
        for line in [
            "orizuru_memory_budget_bytes 4194304\n", "orizuru_memory_entries{segment=\"warm\"} 1\n",
            "orizuru_evictions_total{reason=\"pressure\"} 0\n", "orizuru_retired_bytes 0\n",
            "orizuru_memory_refused_total{reason=\"no-room\"} 0\n",
        ] {
            #expect(text.contains(line))
        }
        #expect(text.contains("\norizuru_memory_bytes \(cache.reservedBytes)\n"))
    }
}
