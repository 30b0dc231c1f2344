// SPDX-License-Identifier: Apache-2.0

import JSONText
import TileCache
import TilePipeline

/// Where tiles are kept: memory, disk, the shared tier.
extension ServeConfiguration.Keys {
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
}
