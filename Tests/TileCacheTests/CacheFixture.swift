// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing
import TileModel

@testable import TileCache

/// A clock that stands still until it is moved.
final class ManualClock: Sendable {
    private let milliseconds = Atomic<UInt32>(1_000_000)

    var now: UInt32 { milliseconds.load(ordering: .relaxed) }

    func advance(seconds: Double) {
        milliseconds.wrappingAdd(UInt32(seconds * 1000), ordering: .relaxed)
    }
}

/// Keys of a map, numbered.
func key(_ number: Int, ordinal: UInt32 = 1) -> TileKey {
    TileKey(
        ordinal: ordinal,
        tile: TileCoordinate(level: 20, x: number & 0xFFFF, y: number >> 16),
        variant: TileVariant(format: .jpeg)
    )!
}

/// The body that a key must have: every byte follows from the key and the length.
func body(_ number: Int, bytes: Int) -> [UInt8] {
    // 7 * 183 = 1 modulo 256: the pattern's place where the key's body begins.
    let start = (number &* 31 &* 183) & 0xFF
    return Array(bodyPattern[start..<start + bytes])
}

private let bodyPattern = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 7) }

extension TileCache {
    /// A cache whose clock a test moves.
    static func make(
        budget: Int = TileCacheConfiguration.minByteBudget,
        policy: EvictionPolicy = .hitDensity,
        clock: ManualClock = ManualClock(),
        poisons: Bool = true,
        adjust: (inout TileCacheConfiguration) -> Void = { _ in }
    ) throws -> TileCache {
        var configuration = TileCacheConfiguration(byteBudget: budget, policy: policy)
        configuration.clock = { clock.now }
        configuration.poisonsFreedBlocks = poisons
        // The bodies of tests repeat after 256 numbers.
        configuration.sharesEqualBodies = false
        adjust(&configuration)
        return try TileCache(configuration: configuration)
    }

    @discardableResult
    func put(
        _ number: Int,
        bytes: Int = 1000,
        headers: [UInt8] = Array("Content-Type: image/jpeg\r\n\r\n".utf8),
        arrival: TileArrival = .requested,
        ordinal: UInt32 = 1,
        pinned: Bool = false,
        by participant: CacheParticipant
    ) -> InsertOutcome {
        unsafe headers.withUnsafeBytes { headers in
            unsafe body(number, bytes: bytes).withUnsafeBytes { body in
                unsafe insert(
                    key(number, ordinal: ordinal),
                    headers: headers,
                    body: body,
                    cost: 1000,
                    arrival: arrival,
                    pinned: pinned,
                    by: participant
                )
            }
        }
    }

    /// The body of a key, copied, and the tier; nil on a miss. Counts the use.
    func get(_ number: Int, by participant: CacheParticipant) -> (body: [UInt8], tier: TileTier)? {
        participant.withGuard {
            find(key(number), by: participant).map { unsafe (Array($0.body), $0.tier) }
        }
    }
}

extension InsertOutcome {
    var isInserted: Bool {
        if case .inserted = self { return true }
        return false
    }

    var isAlreadyThere: Bool {
        if case .alreadyThere = self { return true }
        return false
    }

    var refusal: InsertRefusal? {
        if case .refused(let reason) = self { return reason }
        return nil
    }

    var pin: PinnedTile? {
        switch self {
        case .inserted(let pin), .alreadyThere(let pin): pin
        case .refused: nil
        }
    }
}

/// What has to hold in a cache while nobody uses it.
func expectConsistent(_ cache: TileCache, sourceLocation: SourceLocation = #_sourceLocation) {
    var entries = 0
    var bytes = 0
    var hot = 0
    var overflow = 0
    for position in cache.table.positions {
        let word = unsafe cache.table.slot(position).pointee.load(ordering: .relaxed)
        guard word != 0 else { continue }
        let block = BucketTable.block(word)
        #expect(block.isAlive, sourceLocation: sourceLocation)
        entries += 1
        bytes += block.pooledBytes
        let use = UseWord(bits: unsafe block.use.pointee.load(ordering: .relaxed))
        #expect(!use.isUnlinked, sourceLocation: sourceLocation)
        if use.isHot { hot += 1 }
        let distance = position / 8 - cache.table.home(block.mixedKey)
        overflow += distance >= 0 ? distance : distance + cache.table.bucketCount
    }
    let statistics = cache.statistics
    #expect(statistics.entries == entries, sourceLocation: sourceLocation)
    #expect(statistics.hotEntries == hot, sourceLocation: sourceLocation)
    #expect(statistics.warmBytes + statistics.hotBytes == bytes, sourceLocation: sourceLocation)
    #expect(cache.table.overflowSum == overflow, sourceLocation: sourceLocation)
    #expect(statistics.highestReservedBytes <= statistics.budgetBytes, sourceLocation: sourceLocation)
    let usage = cache.pool.usage
    #expect(
        usage.liveBytes + usage.freeBytes + cache.fixedBytes <= cache.reservedBytes + Chunk.page,
        "live and free bytes are charged",
        sourceLocation: sourceLocation
    )
}
