// SPDX-License-Identifier: Apache-2.0

import DiskFaults
import Foundation
import Telemetry
import TestSupport
import Testing
import TileModel

@testable import DiskTier

/// A folder of tiles, and tiers on it one after the other.
final class DiskFixture {
    let directory: TemporaryDirectory
    let files: FaultyFileSystem
    let folder: String
    private(set) var tier: DiskTier
    private let settings: Settings

    /// How small everything is: four megabytes of segments of 256 KiB unless said.
    struct Settings {
        var byteBudget = 4 << 20
        var segmentBytes = 256 << 10
        var syncInterval = Duration.seconds(3600)
        var scrubBytesPerSecond = 0
    }

    static let edition = TrueTiles.edition(7)

    init(_ settings: Settings = Settings(), in folder: String? = nil) throws {
        directory = try TemporaryDirectory()
        files = FaultyFileSystem()
        self.folder = folder ?? directory.path("tiles")
        self.settings = settings
        tier = try Self.open(self.folder, settings, files)
    }

    deinit { tier.close() }

    private static func open(_ folder: String, _ settings: Settings, _ files: FaultyFileSystem) throws -> DiskTier {
        let configuration = DiskTierConfiguration(
            folder: folder,
            byteBudget: settings.byteBudget,
            segmentBytes: settings.segmentBytes,
            syncInterval: settings.syncInterval,
            scrubBytesPerSecond: settings.scrubBytesPerSecond
        )
        let tier = try DiskTier(configuration, files: files)
        #expect(tier.waitUntilLoaded(forAtMost: .seconds(60)))
        return tier
    }

    /// Closes the tier, lets `change` do something to the folder, and opens it again.
    func reopen(_ change: () throws -> Void = {}) throws {
        tier.close()
        try change()
        tier = try Self.open(folder, settings, files)
    }

    /// Inserts one family.
    @discardableResult
    func insert(_ number: Int, limit: Int = 8000) -> TierInsertOutcome {
        let (family, keys) = TrueTiles.family(number, of: Self.edition)
        return tier.insert(TrueTiles.write(family, keys, limit: limit))
    }

    /// What of these families is found, compared with the truth.
    func compare(_ numbers: some Sequence<Int>, limit: Int = 8000) -> TrueTiles.Comparison {
        var sum = TrueTiles.Comparison()
        for number in numbers {
            let (family, keys) = TrueTiles.family(number, of: Self.edition)
            TrueTiles.compare(tier, family, keys, limit: limit, into: &sum)
        }
        return sum
    }

    /// The paths of files with this ending, in order.
    func paths(_ suffix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(suffix) }.sorted()
            .map { folder + "/" + $0 }
    }

    /// What all files in the folder take.
    func bytesOnDisk() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: folder).reduce(0) { sum, name in
            var status = stat()
            return unsafe stat(folder + "/" + name, &status) == 0 ? sum + Int(status.st_size) : sum
        }
    }

    /// A series of the tier's metrics.
    func metric(_ series: String) -> Double {
        let registry = MetricsRegistry()
        tier.registerMetrics(in: registry)
        for line in String(decoding: registry.render(), as: UTF8.self).split(separator: "\n")
        where line.hasPrefix(series + " ") {
            return Double(line.dropFirst(series.count + 1)) ?? .nan
        }
        return .nan
    }

    static func read(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    static func write(_ path: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
}
