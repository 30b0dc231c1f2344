// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import TileModel

/// Which keys are asked for, and in which order: the same for every subject.
final class Workload: Sendable {
    enum Distribution: String, CaseIterable {
        case zipf
        case uniform
    }

    let name: String
    let entries: Int
    /// What one entry stores: header block and body together.
    let payloadBytes: Int
    let distribution: Distribution
    /// Keys in the order in which they are asked for, one ring for all threads, each beginning elsewhere.
    let requests: [TileKey]

    /// The ring is long enough that uniform requests reach nearly every entry.
    init(entries: Int, payloadBytes: Int, distribution: Distribution, seed: Seed) {
        name = "\(entries / 1000)k x \(payloadBytes) B, \(distribution.rawValue)"
        self.entries = entries
        self.payloadBytes = payloadBytes
        self.distribution = distribution
        var random = seed.generator(stream: entries)
        let count = entries <= 200_000 ? 1 << 20 : 1 << 22
        // Which key has which rank has nothing to do with its number.
        let shuffled = (0..<entries).shuffled(using: &random)
        switch distribution {
        case .uniform: requests = (0..<count).map { _ in Self.key(Int.random(in: 0..<entries, using: &random)) }
        case .zipf:
            let ranks = ZipfRanks(count: entries, exponent: 0.99)
            requests = (0..<count).map { _ in Self.key(shuffled[ranks.next(using: &random)]) }
        }
    }

    /// A slide's tiles, numbered.
    static func key(_ number: Int) -> TileKey {
        TileKey(
            ordinal: 1 + UInt32(number >> 16),
            tile: TileCoordinate(level: 15, x: number & 0xFF, y: number >> 8 & 0xFF),
            variant: TileVariant(format: .jpeg)
        )!
    }

    /// What every subject stores first in a key's payload, so that a sum of first bytes shows that all were read.
    static func firstByte(_ key: TileKey) -> UInt8 { UInt8(truncatingIfNeeded: key.low) }
}

/// Zipf's distribution by its inverse cumulative sum.
private struct ZipfRanks {
    private let cumulative: [Double]

    init(count: Int, exponent: Double) {
        var sum = 0.0
        cumulative = (1...count).map { rank in
            sum += pow(Double(rank), -exponent)
            return sum
        }
    }

    func next(using random: inout SeededGenerator) -> Int {
        let wanted = Double.random(in: 0..<cumulative[cumulative.count - 1], using: &random)
        var low = 0
        var high = cumulative.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] <= wanted { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
