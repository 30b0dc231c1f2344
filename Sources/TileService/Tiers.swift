// SPDX-License-Identifier: Apache-2.0

import DiskTier
import LockFree
import Telemetry
import TileCache
import TileModel
import TilePipeline

/// The tiers behind memory as one service has them: opened, in their order, and with what brings memory back.
struct Tiers {
    let disk: DiskTier?
    let shared: (any FleetTier)?
    let stack: TierStack
    /// Nil where there is no disk to keep the list on.
    let restart: WarmRestart?

    init(
        _ configuration: TileService.Configuration,
        cache: TileCache,
        metrics: MetricsRegistry,
        logger: Logger
    ) throws(ServiceError) {
        disk = try Self.openDisk(configuration, logger)
        disk?.registerMetrics(in: metrics)
        do throws(ThreadError) {
            shared = try configuration.makeSharedTier?(metrics, logger) ?? nil
        } catch {
            disk?.close()
            throw .thread(error)
        }
        let tiers: [any Tier] = [disk as (any Tier)?, shared].compactMap { $0 }
        stack = TierStack(tiers, configuration: configuration.tiers, cache: cache, metrics: metrics, logger: logger)
        restart = disk.map { [stack] disk in
            WarmRestart(
                stack,
                store: DiskHotKeys(disk),
                cache: cache,
                metrics: metrics,
                logger: logger,
                interval: configuration.hotKeyInterval
            )
        }
    }

    /// Closes the tiers: after the last write.
    func close() {
        disk?.close()
        shared?.close()
    }

    private static func openDisk(
        _ configuration: TileService.Configuration,
        _ logger: Logger
    ) throws(ServiceError) -> DiskTier? {
        guard let disk = configuration.disk else { return nil }
        do throws(DiskTierError) {
            let tier = try DiskTier(disk, logger: logger)
            logger.log(
                .info,
                "keeping tiles on disk",
                ["folder": .string(disk.folder), "bytes": .integer(disk.byteBudget)]
            )
            return tier
        } catch {
            if configuration.requiresDisk { throw .disk(error) }
            logger.log(.warning, "serving without a disk tier", ["reason": .string("\(error)")])
            return nil
        }
    }
}

/// The list of hot tiles beside the log of the disk tier.
private final class DiskHotKeys: HotKeyStore {
    private let disk: DiskTier
    private static let name = "hot-tiles"

    init(_ disk: DiskTier) { self.disk = disk }

    func storeHotKeys(_ bytes: [UInt8]) -> Bool { disk.storeSideFile(Self.name, bytes) }
    func waitUntilReady(forAtMost limit: Duration) -> Bool { disk.waitUntilLoaded(forAtMost: limit) }
    func loadHotKeys() -> [UInt8]? { disk.sideFile(Self.name) }
    var maxHotKeyBytes: Int { disk.maxSideFileBytes }
}
