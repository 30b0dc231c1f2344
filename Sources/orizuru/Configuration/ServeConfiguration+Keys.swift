// SPDX-License-Identifier: Apache-2.0

extension ServeConfiguration {
    /// Every key of the configuration. Flags, environment variables, help and the example come from this
    /// table; a new key is defined in one of the files Keys+..., listed in `all` and read in `ServeConfiguration.init`.
    enum Keys {
        /// All of them, in the order of help and example.
        static let all: [ConfigurationKeyFacts] = [
            paths.facts, listen.facts, admin.facts, adminTokenFile.facts, memory.facts, workers.facts, reactors.facts,
            queueLimit.facts,
            lookAhead.facts, reconstruction.facts, quality.facts, tilesetQuality.facts,
            overzoom.facts, watch.facts,
            evictionPolicy.facts, warmTimeToLive.facts,
            cacheDir.facts, cacheSize.facts, diskAdmission.facts, diskQueue.facts, diskPatience.facts,
            diskFlushInterval.facts,
            redis.facts, sharedPrefix.facts, sharedTimeToLive.facts, sharedTimeout.facts, sharedConnectTimeout.facts,
            sharedConnections.facts, sharedPatience.facts, sharedLease.facts,
            maxAge.facts, staleWhileRevalidate.facts, staleIfError.facts, cacheControl.facts, corsOrigin.facts,
            trustedProxies.facts, headerBytes.facts, targetBytes.facts, connections.facts,
            connectionsPerAddress.facts, requestsPerConnection.facts, headerTimeout.facts, idleTimeout.facts,
            writeRate.facts, drainTimeout.facts,
            logLevel.facts, logFormat.facts, accessLog.facts,
        ]

        // The groups of help and example.
        static let general = "Server"
        static let admins = "Operators"
        static let picture = "Pictures"
        static let maps = "Tilesets"
        static let cache = "Memory cache"
        static let disk = "Disk"
        static let shared = "Shared tier"
        static let http = "HTTP"
        static let log = "Log"
    }
}
