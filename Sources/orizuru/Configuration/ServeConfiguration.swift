// SPDX-License-Identifier: Apache-2.0

import HTTPFrontend
import HTTPServer
import Telemetry
import TileCache
import TileModel
import TilePipeline
import TileService

/// Everything that `orizuru serve` is told: one value, complete and valid, made by `ServeConfiguration.load`.
///
/// What the keys mean, their defaults and bounds stand in `Keys`.
struct ServeConfiguration: Sendable, Equatable {
    /// Not empty.
    let paths: [String]
    let listen: [ListenPlace]
    let admin: Admin
    /// The byte budget of the memory cache.
    let memory: ByteCount
    /// Threads that render.
    let workers: Int
    /// Threads that own sockets.
    let reactors: Int
    /// Families that may wait for a worker.
    let queueLimit: Int
    /// Whether idle workers render ahead.
    let looksAhead: Bool
    /// Reconstruction mode and quality.
    let parameters: ReconstructionParameters
    let maps: Maps
    /// The same of single tilesets.
    let parametersByTileset: [String: ReconstructionParameters]
    let eviction: Eviction
    let disk: Disk
    let shared: Shared
    let http: HTTP
    let log: Log

    /// What is served of maps beyond their stored tiles, and how changes are noticed.
    struct Maps: Sendable, Equatable {
        /// Nil: none.
        let overzoom: OverzoomRules?
        let watches: Bool
    }

    /// The memory cache's choice of what leaves.
    struct Eviction: Sendable, Equatable {
        let policy: EvictionPolicy
        /// Nil: no limit.
        let warmTimeToLive: Duration?
    }

    /// What is kept on disk.
    struct Disk: Sendable, Equatable {
        let folder: CacheFolder
        let size: ByteCount
        let admission: TierConfiguration.Admission
        let queue: ByteCount
        let patience: Duration
        let flushInterval: Duration
    }

    /// The tier that several servers share.
    struct Shared: Sendable, Equatable {
        /// May hold a password. Nil: there is none.
        let url: String?
        let prefix: String
        let timeToLive: Duration
        let timeout: Duration
        let connectTimeout: Duration
        let connections: Int
        let patience: Duration
        let lease: Duration
    }

    /// Limits, deadlines and headers of the HTTP server.
    struct HTTP: Sendable, Equatable {
        /// Of tiles whose URL carries no version.
        let maxAge: Duration
        let staleWhileRevalidate: Duration?
        let staleIfError: Duration?
        /// Of single tilesets.
        let cacheControl: CacheRules?
        /// Nil: no such header.
        let corsOrigin: [String]?
        let trustedProxies: TrustedProxies?
        let headerBytes: ByteCount
        let targetBytes: ByteCount
        let connections: Int
        /// Nil: no limit.
        let connectionsPerAddress: Int?
        /// Nil: no limit.
        let requestsPerConnection: Int?
        let headerTimeout: Duration
        let idleTimeout: Duration
        /// Bytes per second; 0: no limit.
        let writeRate: ByteCount
        let drainTimeout: Duration
    }

    /// The log to standard error.
    struct Log: Sendable, Equatable {
        let level: LogLevel
        /// Nil: text where standard error is a terminal, JSON lines otherwise.
        let format: LogFormat?
        /// The file that gets a line per answer; nil: none.
        let access: String?
    }

    /// The listener for operators.
    struct Admin: Sendable, Equatable {
        /// Nil: there is none.
        let listen: ListenAddress?
        let tokenFile: String?
    }

    /// Reads every key out of the settings, and checks what several keys say together.
    init(_ settings: inout SettingReader) throws(ConfigurationError) {
        paths = try settings.read(Keys.paths)
        listen = try settings.read(Keys.listen)
        admin = Admin(
            listen: try settings.read(Keys.admin),
            tokenFile: try settings.read(Keys.adminTokenFile)
        )
        memory = try settings.read(Keys.memory)
        workers = try settings.read(Keys.workers)
        reactors = try settings.read(Keys.reactors)
        queueLimit = try settings.read(Keys.queueLimit)
        maps = Maps(overzoom: try settings.read(Keys.overzoom), watches: try settings.read(Keys.watch) == .on)
        looksAhead = try settings.read(Keys.lookAhead)
        eviction = Eviction(
            policy: try settings.read(Keys.evictionPolicy),
            warmTimeToLive: try settings.read(Keys.warmTimeToLive)
        )
        disk = Disk(
            folder: try settings.read(Keys.cacheDir),
            size: try settings.read(Keys.cacheSize),
            admission: try settings.read(Keys.diskAdmission),
            queue: try settings.read(Keys.diskQueue),
            patience: try settings.read(Keys.diskPatience),
            flushInterval: try settings.read(Keys.diskFlushInterval)
        )
        shared = Shared(
            url: try settings.read(Keys.redis),
            prefix: try settings.read(Keys.sharedPrefix) ?? "",
            timeToLive: try settings.read(Keys.sharedTimeToLive),
            timeout: try settings.read(Keys.sharedTimeout),
            connectTimeout: try settings.read(Keys.sharedConnectTimeout),
            connections: try settings.read(Keys.sharedConnections),
            patience: try settings.read(Keys.sharedPatience),
            lease: try settings.read(Keys.sharedLease)
        )
        http = HTTP(
            maxAge: try settings.read(Keys.maxAge),
            staleWhileRevalidate: try settings.read(Keys.staleWhileRevalidate),
            staleIfError: try settings.read(Keys.staleIfError),
            cacheControl: try settings.read(Keys.cacheControl),
            corsOrigin: try settings.read(Keys.corsOrigin),
            trustedProxies: try settings.read(Keys.trustedProxies),
            headerBytes: try settings.read(Keys.headerBytes),
            targetBytes: try settings.read(Keys.targetBytes),
            connections: try settings.read(Keys.connections),
            connectionsPerAddress: try settings.read(Keys.connectionsPerAddress),
            requestsPerConnection: try settings.read(Keys.requestsPerConnection),
            headerTimeout: try settings.read(Keys.headerTimeout),
            idleTimeout: try settings.read(Keys.idleTimeout),
            writeRate: try settings.read(Keys.writeRate),
            drainTimeout: try settings.read(Keys.drainTimeout)
        )
        log = Log(
            level: try settings.read(Keys.logLevel),
            format: try settings.read(Keys.logFormat),
            access: try settings.read(Keys.accessLog)
        )
        let quality = try settings.read(Keys.quality)
        parameters = try Self.parameters(&settings, quality, Keys.quality.facts)
        var byTileset: [String: ReconstructionParameters] = [:]
        for (id, quality) in try settings.read(Keys.tilesetQuality) ?? [:] {
            byTileset[id] = try Self.parameters(&settings, quality, Keys.tilesetQuality.facts)
        }
        parametersByTileset = byTileset
        try Self.check(&settings, paths: paths, http: http)
        if let address = admin.listen, admin.tokenFile == nil, !address.isLoopback {
            throw ConfigurationError(
                "\(settings.place(of: Keys.admin.facts)): \(address) can be reached by others, so \(Keys.adminTokenFile.facts.path) "
                    + "has to name a file with a token; or listen on 127.0.0.1"
            )
        }
        if let url = shared.url, let reason = Integrations.refusal(ofSharedTierAt: url) {
            throw ConfigurationError("\(settings.place(of: Keys.redis.facts)): \(reason)")
        }
    }

    /// `key`: where the quality is set.
    private static func parameters(
        _ settings: inout SettingReader,
        _ quality: Int?,
        _ key: ConfigurationKeyFacts
    ) throws(ConfigurationError) -> ReconstructionParameters {
        let mode = try settings.read(Keys.reconstruction)
        guard let parameters = ReconstructionParameters(mode: mode, quality: quality) else {
            let exact = settings.place(of: Keys.reconstruction.facts)
            throw ConfigurationError(
                """
                \(settings.place(of: key)): exact reconstruction (\(exact)) always has quality \
                \(ReconstructionParameters.exactQuality); leave \(key.path) out or set it to \(key.standardText ?? ""), or \
                choose rounded
                """
            )
        }
        return parameters
    }

    private static func check(
        _ settings: inout SettingReader,
        paths: [String],
        http: HTTP
    ) throws(ConfigurationError) {
        if paths.isEmpty {
            throw ConfigurationError(
                "there is nothing to serve: name a slide, a pyramid or a folder of them, as in 'orizuru serve ./slides'"
            )
        }
        if http.targetBytes >= http.headerBytes {
            throw ConfigurationError(
                """
                \(settings.place(of: Keys.targetBytes.facts)) is \(http.targetBytes), not less than http.headerBytes \
                (\(http.headerBytes)), of which it is a part; lower the one or raise the other
                """
            )
        }
    }
}
