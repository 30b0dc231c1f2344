// SPDX-License-Identifier: Apache-2.0

import JSONText
import Telemetry
import TileCache
import TileModel
import TilePipeline

extension ServeConfiguration {
    /// Every key of the configuration. Flags, environment variables, help and the example come from this
    /// table; a new key is defined here, listed in `all` and read in `ServeConfiguration.init`.
    enum Keys {
        static let paths = ConfigurationKey(
            "paths",
            .paths,
            standard: .array([]),
            group: "What is served",
            help: """
                Slides, pyramids, tile folders, or folders that hold them up to three levels deep. In a file, relative to \
                the file's folder; in the environment, joined by colons.
                """
        )
        static let listen = ConfigurationKey(
            "listen",
            .listenPlaces,
            standard: .string("127.0.0.1:8080"),
            group: general,
            help: """
                Where to listen. The default answers this machine alone; 0.0.0.0:8080 or [::]:8080 answers the network. \
                Port 0 picks a free port, which the line 'listening on' names. unix: is a socket in the file system, for \
                a proxy on this machine; systemd takes the sockets of a socket unit.
                """
        )
        static let admin = ConfigurationKey(
            "admin",
            SettingKind.listenAddress.orNone("off"),
            standard: .string("off"),
            group: admins,
            help: """
                Where operators start and end pre-warm jobs, purge tiles and reload the catalog (GET / there lists what \
                there is). An address that others can reach needs adminTokenFile.
                """
        )
        static let adminTokenFile = ConfigurationKey(
            "adminTokenFile",
            SettingKind.filePath.orNone("off"),
            standard: .string("off"),
            group: admins,
            help: """
                A file with the token that requests of operators must carry: 'Authorization: Bearer TOKEN'. At least 16 \
                characters; readable by this server's user alone.
                """
        )
        static let memory = ConfigurationKey(
            "memory",
            .bytes(.mebibytes(4)...(.gibibytes(16384))).orAutomatic(automaticMemory),
            standard: .string("auto"),
            group: general,
            help: """
                The budget of the memory cache; never exceeded. auto: a quarter of the memory that this process may use, \
                at most 1GiB.
                """
        )
        static let workers = ConfigurationKey(
            "workers",
            .count(1...512, of: "threads").orAutomatic { min($0.cores, 512) },
            standard: .string("auto"),
            group: general,
            help: "Threads that render tiles, at low priority. auto: one per core."
        )
        static let reactors = ConfigurationKey(
            "reactors",
            .count(1...255, of: "threads").orAutomatic { min($0.cores, 255) },
            standard: .string("auto"),
            group: general,
            help: "Threads that own the sockets. auto: one per core."
        )
        static let queueLimit = ConfigurationKey(
            "queueLimit",
            .count(1...1_000_000, of: "families"),
            standard: .integer(1024),
            group: general,
            help: """
                How many families may wait to be rendered; beyond it, requests for tiles that are not cached are answered \
                503 with Retry-After.
                """
        )
        static let lookAhead = ConfigurationKey(
            "lookAhead",
            .onOrOff,
            standard: .string("on"),
            group: general,
            help: """
                Whether idle workers render what will probably be asked for next: the rest of a viewport that is filling, \
                the edge towards which a viewer moves, the middle before it is zoomed into. Costs at most about a quarter \
                more renders; off saves them.
                """
        )
        static let reconstruction = ConfigurationKey<ReconstructionParameters.Mode>(
            "reconstruction",
            .choice("MODE"),
            standard: .string("rounded"),
            group: picture,
            help: """
                How tiles are rebuilt from residuals. rounded: nearer to the original picture. exact: the bytes of the \
                reference implementation.
                """
        )
        static let quality = ConfigurationKey(
            "quality",
            SettingKind.count(1...100).orNone("auto"),
            standard: .string("auto"),
            group: picture,
            help: """
                The JPEG quality of tiles that are encoded. auto: \(ReconstructionParameters.defaultQuality) in rounded \
                mode, \(ReconstructionParameters.exactQuality) in exact mode, which knows no other.
                """
        )
        static let tilesetQuality = ConfigurationKey(
            "tilesetQuality",
            SettingKind.qualityRules.orNone("off"),
            standard: .string("off"),
            group: picture,
            help: "The JPEG quality of single tilesets, by id, in place of quality. Stored tiles are sent as they are."
        )
        static let overzoom = ConfigurationKey(
            "maps.overzoom",
            SettingKind.overzoomRules.orNone("off"),
            standard: .string("off"),
            group: maps,
            help: """
                How many levels below their last one maps of JPEG or PNG tiles are served, cut out of their finest tiles \
                and enlarged. off: none.
                """
        )
        static let watch = ConfigurationKey<SettingSwitch>(
            "maps.watch",
            .choice("SWITCH"),
            standard: .string("on"),
            group: maps,
            help: """
                Whether files are watched (inotify), so that a tileset that changes is opened again by itself. off: on \
                SIGHUP alone.
                """
        )
        static let evictionPolicy = ConfigurationKey<EvictionPolicy>(
            "eviction.policy",
            .choice("POLICY"),
            standard: .string(EvictionPolicy.hitDensity.rawValue),
            group: cache,
            help: """
                What leaves the memory cache first. hit-density: what will be asked for least, as learned from what is \
                asked for, by size and cost; a crawler does not flush what people look at. age-frequency: by age and \
                number of uses alone.
                """
        )
        static let warmTimeToLive = ConfigurationKey(
            "eviction.warmTimeToLive",
            SettingKind.duration(.seconds(1)...(.seconds(365 * 86_400))).orNone("off"),
            standard: .string("off"),
            group: cache,
            help: "How long a tile that nobody has asked for stays in memory. off: until its room is needed."
        )
        static let redis = ConfigurationKey(
            "redis",
            SettingKind.secretText(
                "URL",
                "a URL such as redis://HOST:6379/0, unix:/run/redis/redis.sock or "
                    + "redis-cluster://HOST:PORT,HOST:PORT, with USER:PASSWORD@ where needed"
            ).orNone("off"),
            standard: .string("off"),
            group: shared,
            help: """
                A Redis-compatible server or cluster that several of these servers share: a tile that one of them rendered \
                is rendered by no other. Needs the package trait Redis. Everything is served without it where it fails. \
                A password is better kept in the environment or in the file than on the command line, which others see.
                """
        )
        static let sharedPrefix = ConfigurationKey(
            "shared.prefix",
            SettingKind.keyPrefix.orNone("off"),
            standard: .string("off"),
            group: shared,
            help: "Stands in front of every key, where several installations use one database."
        )
        static let sharedTimeToLive = ConfigurationKey(
            "shared.timeToLive",
            .duration(.seconds(60)...(.seconds(3650 * 86_400))),
            standard: .string("7d"),
            group: shared,
            help: "How long the shared server keeps a tile, a tenth more or less."
        )
        static let sharedTimeout = ConfigurationKey(
            "shared.timeout",
            .duration(.milliseconds(1)...(.seconds(60))),
            standard: .string("50ms"),
            group: shared,
            help: """
                How long a call of the shared server may take in all. Beyond it the tile comes from elsewhere; after five \
                such calls in a row the server is left alone for a while.
                """
        )
        static let sharedConnectTimeout = ConfigurationKey(
            "shared.connectTimeout",
            .duration(.milliseconds(1)...(.seconds(60))),
            standard: .string("50ms"),
            group: shared,
            help: "How long opening a connection may take of that."
        )
        static let sharedConnections = ConfigurationKey(
            "shared.connections",
            .count(1...256, of: "connections"),
            standard: .integer(4),
            group: shared,
            help: "Connections to each shared server. A family of tiles is one question, so that a few are enough."
        )
        static let sharedPatience = ConfigurationKey(
            "shared.patience",
            .duration(.milliseconds(1)...(.seconds(600))),
            standard: .string("2s"),
            group: shared,
            help: "How long a family of tiles that another server renders is waited for; then it is rendered here, too."
        )
        static let sharedLease = ConfigurationKey(
            "shared.lease",
            .duration(.milliseconds(10)...(.seconds(600))),
            standard: .string("3s"),
            group: shared,
            help: "How long others believe that a server renders a family of tiles of which nothing more is heard."
        )
        static let cacheDir = ConfigurationKey(
            "cacheDir",
            .cacheFolder,
            standard: .string("auto"),
            group: disk,
            help: """
                The folder where rendered tiles outlive the process; one server's alone. auto: orizuru below the user's \
                cache folder ($XDG_CACHE_HOME, else ~/.cache), unless another server uses that. off: none, as \
                --no-disk-cache says, too.
                """
        )
        static let cacheSize = ConfigurationKey(
            "cacheSize",
            .bytes(.mebibytes(64)...(.gibibytes(16384))),
            standard: .string("20GiB"),
            group: disk,
            help: "What all files in that folder may take together; never exceeded."
        )
        static let diskAdmission = ConfigurationKey<TierConfiguration.Admission>(
            "disk.admission",
            .choice("RULE"),
            standard: .string(TierConfiguration.Admission.families.rawValue),
            group: disk,
            help: """
                Which tiles are written to disk and to the shared tier. families: all that is rendered, a family at a time. \
                second-request: only tiles that are asked for again, which keeps visitors who come once from filling them.
                """
        )
        static let diskQueue = ConfigurationKey(
            "disk.queue",
            .bytes(.mebibytes(1)...(.gibibytes(64))),
            standard: .string("64MiB"),
            group: disk,
            help: "Finished tiles that may wait to be written, in bytes for each tier; beyond it they are not written."
        )
        static let diskPatience = ConfigurationKey(
            "disk.patience",
            .duration(.milliseconds(1)...(.seconds(60))),
            standard: .string("30ms"),
            group: disk,
            help: """
                How long a request waits for the tiers behind memory; then its tile is rendered. A tier that is late three \
                times in a row is left alone for a while.
                """
        )
        static let diskFlushInterval = ConfigurationKey(
            "disk.flushInterval",
            .duration(.milliseconds(10)...(.seconds(3600))),
            standard: .string("1s"),
            group: disk,
            help: "How often what was written is made durable: tiles younger than that are lost where the power fails."
        )
        static let maxAge = ConfigurationKey(
            "http.maxAge",
            .duration(.zero...(.seconds(365 * 86_400))),
            standard: .string("1h"),
            group: http,
            help: """
                How long browsers and proxies may keep a tile without asking again (Cache-Control: max-age). URLs that \
                carry the version of their tileset may be kept for ever, whatever stands here.
                """
        )
        static let staleWhileRevalidate = ConfigurationKey(
            "http.staleWhileRevalidate",
            SettingKind.duration(.seconds(1)...(.seconds(365 * 86_400))).orNone("off"),
            standard: .string("1d"),
            group: http,
            help: "How long after maxAge browsers may show the old tile while they fetch the new one."
        )
        static let staleIfError = ConfigurationKey(
            "http.staleIfError",
            SettingKind.duration(.seconds(1)...(.seconds(365 * 86_400))).orNone("off"),
            standard: .string("off"),
            group: http,
            help: "How long after maxAge browsers and proxies may show the old tile while this server cannot be asked."
        )
        static let cacheControl = ConfigurationKey(
            "http.cacheControl",
            SettingKind.cacheRules.orNone("off"),
            standard: .string("off"),
            group: http,
            help: "Cache-Control of single tilesets, by id, in place of the three keys above."
        )
        static let corsOrigin = ConfigurationKey(
            "http.corsOrigin",
            SettingKind.origins.orNone("off"),
            standard: .string("*"),
            group: http,
            help: """
                Which web pages of other origins may read tiles (Access-Control-Allow-Origin). Of several, each is told \
                its own name, and answers vary by Origin. off: none.
                """
        )
        static let trustedProxies = ConfigurationKey(
            "http.trustedProxies",
            SettingKind.trustedProxies.orNone("off"),
            standard: .string("off"),
            group: http,
            help: """
                Whose X-Forwarded-For, -Proto and -Host are believed, for the access log and for URLs in documents. \
                Name your own proxies only.
                """
        )
        static let headerBytes = ConfigurationKey(
            "http.headerBytes",
            .bytes(.kibibytes(1)...(.kibibytes(63))),
            standard: .string("16KiB"),
            group: http,
            help: "The longest request line and headers together that are read; beyond it, 431."
        )
        static let targetBytes = ConfigurationKey(
            "http.targetBytes",
            .bytes(.kibibytes(1)...(.kibibytes(62))),
            standard: .string("8KiB"),
            group: http,
            help: "The longest path and query of a request that are read; beyond it, 414."
        )
        static let connections = ConfigurationKey(
            "http.connections",
            .count(1...1_000_000, of: "connections"),
            standard: .integer(10_000),
            group: http,
            help: "How many connections may be open; more are refused. Mind the limit of open files (ulimit -n)."
        )
        static let connectionsPerAddress = ConfigurationKey(
            "http.connectionsPerAddress",
            SettingKind.count(1...1_000_000, of: "connections").orNone("off"),
            standard: .string("off"),
            group: http,
            help: """
                How many of them one address may hold. off: no limit, which suits a server behind a proxy or a class \
                behind one router.
                """
        )
        static let requestsPerConnection = ConfigurationKey(
            "http.requestsPerConnection",
            SettingKind.count(1...1_000_000_000, of: "requests").orNone("off"),
            standard: .integer(100_000),
            group: http,
            help: "After how many requests a connection is closed. off: never."
        )
        static let headerTimeout = ConfigurationKey(
            "http.headerTimeout",
            .duration(.milliseconds(100)...(.seconds(600))),
            standard: .string("10s"),
            group: http,
            help: "How long a request may take to arrive, from its first byte to the end of its headers."
        )
        static let idleTimeout = ConfigurationKey(
            "http.idleTimeout",
            .duration(.milliseconds(100)...(.seconds(86_400))),
            standard: .string("75s"),
            group: http,
            help:
                "How long a connection may rest between requests. People dwell: more than a minute saves new connections."
        )
        static let writeRate = ConfigurationKey(
            "http.writeRate",
            .bytes(.kibibytes(0)...(.gibibytes(1))),
            standard: .string("1KiB"),
            group: http,
            help: "The slowest reading, in bytes per second, that a client may show before it is cut off. 0: no limit."
        )
        static let drainTimeout = ConfigurationKey(
            "http.drainTimeout",
            .duration(.zero...(.seconds(3600))),
            standard: .string("10s"),
            group: http,
            help: "On SIGTERM: how long requests that have begun may take to finish."
        )
        static let logLevel = ConfigurationKey<LogLevel>(
            "log.level",
            .choice("LEVEL", named: \.name),
            standard: .string("info"),
            group: log,
            help: "The least serious message that is written to standard error."
        )
        static let logFormat = ConfigurationKey(
            "log.format",
            SettingKind<LogFormat>.choice("FORMAT").orNone("auto"),
            standard: .string("auto"),
            group: log,
            help: "auto: text on a terminal, JSON lines otherwise."
        )
        static let accessLog = ConfigurationKey(
            "log.access",
            SettingKind.filePath.orNone("off"),
            standard: .string("off"),
            group: log,
            help: """
                A file that gets a line for each answer, in the combined format with the microseconds it took. Opened \
                again on SIGHUP. Where the disk is too slow, lines are dropped and counted; no answer waits.
                """
        )

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

        private static let general = "Server"
        private static let admins = "Operators"
        private static let picture = "Pictures"
        private static let maps = "Tilesets"
        private static let cache = "Memory cache"
        private static let disk = "Disk"
        private static let shared = "Shared tier"
        private static let http = "HTTP"
        private static let log = "Log"

        @Sendable
        private static func automaticMemory(_ machine: MachineFacts) -> ByteCount {
            let quarter = ByteCount(bytes: machine.memory.bytes / 4) ?? .gibibytes(1)
            return max(min(quarter, .gibibytes(1)), .mebibytes(16))
        }
    }
}
