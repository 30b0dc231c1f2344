// SPDX-License-Identifier: Apache-2.0

import LockFree
import Telemetry
import TileModel

#if Redis
import SharedTier
#endif

/// The optional integrations that this executable was built with: the one file of the command that knows the package's
/// traits. What was left out is named where somebody asks for it.
enum Integrations {
    /// Makes the shared tier once the metrics and the log are there.
    typealias SharedTierMaker = @Sendable (MetricsRegistry, Logger) throws(ThreadError) -> any FleetTier

    /// How to make the shared tier that was configured, or why it cannot be used: a sentence that repeats no password.
    static func sharedTier(_ shared: ServeConfiguration.Shared, at url: String) -> Result<SharedTierMaker, Refusal> {
        #if Redis
        let location: RedisLocation
        do throws(RedisLocationError) {
            location = try RedisLocation(parsing: url)
        } catch {
            return .failure(Refusal(reason: error.description))
        }
        var configuration = SharedTierConfiguration(location: location)
        configuration.prefix = shared.prefix
        configuration.timeToLive = shared.timeToLive
        configuration.timeout = shared.timeout
        configuration.connectTimeout = shared.connectTimeout
        configuration.connections = shared.connections
        return .success { [configuration] (metrics, logger) throws(ThreadError) -> any FleetTier in
            try SharedTier(configuration, metrics: metrics, logger: logger)
        }
        #else
        return .failure(
            Refusal(
                reason: "the shared tier needs the package trait Redis, which this executable was built without; "
                    + "build with `--traits Redis` or `make serve-all`"
            )
        )
        #endif
    }

    /// Why an integration cannot be used.
    struct Refusal: Error {
        let reason: String
    }
}
