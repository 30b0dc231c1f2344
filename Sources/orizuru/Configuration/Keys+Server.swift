// SPDX-License-Identifier: Apache-2.0

import JSONText
import Telemetry

/// The server itself: what it serves and where, its memory and threads, operators, the log.
extension ServeConfiguration.Keys {
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

    @Sendable
    private static func automaticMemory(_ machine: MachineFacts) -> ByteCount {
        let quarter = ByteCount(bytes: machine.memory.bytes / 4) ?? .gibibytes(1)
        return max(min(quarter, .gibibytes(1)), .mebibytes(16))
    }
}
