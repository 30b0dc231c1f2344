// SPDX-License-Identifier: Apache-2.0

#if Redis
import Foundation
import SharedTier
import Telemetry
import TestSupport
import TileModel
import Testing

/// A shared tier under test, and families of random tiles to put into it. Closed when it goes out of use.
final class TierFixture {
    let tier: SharedTier
    let registry = MetricsRegistry()
    static let edition = TileEdition(high: 0xAAAA_0000_1111_2222, low: 0x3333_4444_5555_6666)

    init(_ url: String, _ change: (inout SharedTierConfiguration) -> Void = { _ in }) throws {
        var configuration = SharedTierConfiguration(location: try RedisLocation(parsing: url))
        // The machine may be busy: what is late here is late by a fault.
        configuration.timeout = .seconds(2)
        configuration.connectTimeout = .seconds(2)
        change(&configuration)
        tier = try SharedTier(configuration, metrics: registry, logger: .silent)
    }

    deinit { tier.close() }

    /// The 21 keys of a family.
    static func keys(_ family: TierFamilyKey, edition: TileEdition = edition) -> [TierKey] {
        (0..<3).flatMap { depth in
            (0..<1 << (2 * depth)).compactMap { index in
                let x = family.parent.x << depth + index % (1 << depth)
                let y = family.parent.y << depth + index >> depth
                let form = UInt64(family.parent.level + depth) << 8 | UInt64(TileFormat.jpeg.rawValue)
                return TierKey(edition: edition, form: form, place: UInt64(x) << 32 | UInt64(y))
            }
        }
    }

    static func family(_ number: Int) -> TierFamilyKey {
        TierFamilyKey(edition: edition, parent: TileCoordinate(level: 9, x: number, y: 7))
    }

    /// The true bytes of a tile: they follow from its key.
    static func body(_ key: TierKey, size: Int = 3000) -> [UInt8] {
        var generator = Seed(key.mixed).generator()
        return (0..<size + Int(key.mixed % 100)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    static func write(_ family: TierFamilyKey, size: Int = 3000) -> TierWrite {
        var write = TierWrite(family: family)
        for key in keys(family) { _ = write.append(key, cost: 1000, bytes: body(key, size: size)) }
        return write
    }

    func insert(_ number: Int, size: Int = 3000) -> TierInsertOutcome {
        tier.insert(Self.write(Self.family(number), size: size))
    }

    /// What a look-up of the whole family gives. Every tile that is found is compared with the true one.
    func get(_ number: Int, size: Int = 3000) -> [TierAnswer] {
        let family = Self.family(number)
        let buffer = TierBuffer()
        let keys = Self.keys(family)
        let answers = tier.get(keys, of: family, into: buffer)
        #expect(answers.count == keys.count)
        for (key, answer) in zip(keys, answers) {
            guard case .found(let tile) = answer else { continue }
            #expect(Array(buffer.bytes[tile.range]) == Self.body(key, size: size), "a wrong tile")
            #expect(tile.cost == 1000)
        }
        return answers
    }

    /// Whether all of a family is found.
    func hasAll(_ number: Int, size: Int = 3000) -> Bool { get(number, size: size).allSatisfy(\.isFound) }

    /// The value of a metric, by its name and labels as a scrape writes them.
    func metric(_ series: String) -> Int {
        for line in String(decoding: registry.render(), as: UTF8.self).split(separator: "\n")
        where line.hasPrefix(series + " ") {
            return Int(line.dropFirst(series.count + 1)) ?? -1
        }
        return -1
    }

    /// Calls until the breaker opens; returns how many calls that took.
    func callsUntilUnavailable(limit: Int = 100) -> Int {
        var calls = 0
        while tier.isAvailable && calls < limit {
            _ = get(1)
            calls += 1
        }
        return calls
    }

    func waitUntilAvailable(timeout: Double = 60) -> Bool { waitUntil(timeout: timeout) { tier.isAvailable } }
}

extension SharedTier {
    /// A claim alone.
    func claim(_ family: TierFamilyKey) -> FleetClaim { claim(family, lookingFor: [], into: TierBuffer()).claim }
}

extension TierAnswer {
    var isFound: Bool {
        if case .found = self { true } else { false }
    }
}

/// Looks for a minute, or as long as said, whether something has become true.
func waitUntil(timeout: Double = 60, _ condition: () throws -> Bool) rethrows -> Bool {
    try eventually(within: .seconds(timeout), condition)
}
#endif
