// SPDX-License-Identifier: Apache-2.0

import CPlatform
import DiskTier
import Glibc
import HTTPFrontend
import HTTPMessages
import HTTPServer
import LockFree
import Telemetry
import TileCache
import TileModel
import TilePipeline
import TileService

/// `orizuru serve`: opens the tilesets, serves until a signal, drains.
enum ServeCommand {
    /// Runs until SIGTERM or SIGINT. Returns the exit code: 0 after an orderly end, 1 where the service could not start.
    static func run(_ command: ParsedCommand) throws(ConfigurationError) -> Int32 {
        let loaded = try ServeConfiguration.load(command)
        let configuration = loaded.configuration
        let logger = Logger(level: configuration.log.level, format: configuration.log.format)
        for warning in loaded.warnings { logger.log(.warning, warning) }
        let descriptors = platform_raise_descriptor_limit()
        if descriptors >= 0, descriptors < configuration.http.connections {
            logger.log(
                .notice,
                "fewer connections than configured: this process may not open as many files (ulimit -n)",
                ["configured": .integer(configuration.http.connections), "files": .integer(descriptors)]
            )
        }
        // Before the first thread, so that every thread inherits it and only `wait` sees the signals.
        let signals: TerminationSignals
        do {
            signals = try TerminationSignals([SIGTERM, SIGINT, SIGHUP])
        } catch {
            logger.log(.error, "cannot wait for signals", ["reason": .string("\(error)")])
            return 1
        }
        let listeners: PreparedListeners
        let service: TileService
        do {
            (service, listeners) = try makeService(configuration, logger: logger)
            try service.start()
        } catch {
            logger.log(.error, "the server cannot start", ["reason": .string("\(error)")])
            return 1
        }
        announce(listeners, service.ports)
        if let address = configuration.admin.listen, let port = service.adminPort {
            let place = ListenAddress(address.address, port: port)
            Output.write("admin on http://\(place)\n", to: .standardOutput)
        }
        var signal = signals.wait()
        while signal == SIGHUP {
            service.reload()
            signal = signals.wait()
        }
        logger.log(.info, "stopping", ["signal": .string(signal == SIGINT ? "SIGINT" : "SIGTERM")])
        endAtOnceOnTheNextSignal(signals, logger: logger)
        let isDrained = service.stop(deadline: configuration.http.drainTimeout)
        logger.log(.info, "stopped", ["drained": .boolean(isDrained)])
        return 0
    }

    /// The service of a configuration, and what it listens on. Nothing is accepted yet.
    static func makeService(
        _ configuration: ServeConfiguration,
        logger: Logger
    ) throws -> (TileService, PreparedListeners) {
        let listeners = try PreparedListeners(configuration.listen, environment: variable)
        let service = try TileService(
            configuration.service(
                listeners: listeners,
                adminToken: configuration.admin.readToken(),
                environment: variable
            ),
            logger: logger
        )
        return (service, listeners)
    }

    /// Who asks twice means it; but not within half a second: timeout(1) signals the child and then its group.
    private static func endAtOnceOnTheNextSignal(_ signals: TerminationSignals, logger: Logger) {
        let grace = MonotonicClock.nanoseconds + 500_000_000
        // Without the thread the second signal waits for the drain's deadline, which is bounded.
        _ = try? OSThread(name: "signals") {
            var signal: Int32?
            repeat { signal = signals.wait() } while signal == SIGHUP || MonotonicClock.nanoseconds < grace
            logger.log(.warning, "stopped at once by a second signal")
            exit(1)
        }
    }

    /// The lines that scripts and tests wait for.
    private static func announce(_ listeners: PreparedListeners, _ ports: [UInt16]) {
        for path in listeners.unixPaths { Output.write("listening on unix:\(path)\n", to: .standardOutput) }
        let addresses = listeners.addresses.map(\.address)
        for (index, port) in ports.enumerated() {
            // Behind the addresses that were asked for come the sockets that were handed over.
            let address = index < addresses.count ? addresses[index] : "127.0.0.1"
            Output.write("listening on http://\(ListenAddress(address, port: port))\n", to: .standardOutput)
        }
    }

    private static func variable(_ name: String) -> String? {
        // SAFETY: getenv's text is copied at once; nothing changes the environment while the server starts.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}

extension ServeConfiguration.Admin {
    /// The token of the file, without the white space around it; nil where there is no file.
    fileprivate func readToken() throws(ConfigurationError) -> [UInt8]? {
        guard let tokenFile else { return nil }
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
        let bytes = try BoundedFile.read(tokenFile, maxBytes: 4096)
        let token = Array(bytes.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
        guard token.count >= 16, token.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ConfigurationError(
                "\(tokenFile) holds no token: at least 16 printable characters without spaces are needed "
                    + "(openssl rand -hex 32 makes one)"
            )
        }
        return token
    }
}

extension ServeConfiguration {
    /// What the service is told, from what the operator said.
    fileprivate func service(
        listeners: PreparedListeners,
        adminToken: [UInt8]?,
        environment: (String) -> String?
    ) -> TileService.Configuration {
        var cache = TileCacheConfiguration(byteBudget: memory.bytes)
        cache.policy = eviction.policy
        cache.warmTimeToLive = eviction.warmTimeToLive
        var server = HTTPServerConfiguration()
        server.listen = listeners.addresses
        server.listeningSockets = listeners.descriptors
        server.reactors = reactors
        server.requestLimits = RequestLimits(
            headByteCount: http.headerBytes.bytes,
            targetByteCount: http.targetBytes.bytes
        )
        server.connectionLimit = http.connections
        server.connectionLimitPerAddress = http.connectionsPerAddress ?? http.connections
        server.requestLimitPerConnection = http.requestsPerConnection ?? Int.max
        server.headDeadline = http.headerTimeout
        server.idleDeadline = http.idleTimeout
        server.writeBytesPerPeriod = http.writeRate.bytes * 10
        var pipeline = TilePipeline.Configuration(workers: workers, queueLimit: queueLimit)
        pipeline.looksAhead = looksAhead
        var service = TileService.Configuration(
            paths: paths,
            cache: cache,
            pipeline: pipeline,
            http: server
        )
        service.parameters = parameters
        service.recognizers = Integrations.sourceRecognizers
        service.overzoom = maps.overzoom ?? OverzoomRules()
        service.watchesFiles = maps.watches
        service.parametersByTileset = parametersByTileset
        service.caching.standard.maxAge = Int(http.maxAge.components.seconds)
        service.caching.standard.staleWhileRevalidate = http.staleWhileRevalidate.map { Int($0.components.seconds) }
        service.caching.standard.staleIfError = http.staleIfError.map { Int($0.components.seconds) }
        service.caching.byTileset = http.cacheControl ?? [:]
        service.crossOrigin = http.corsOrigin.flatMap(CrossOriginRules.init(allowedOrigins:))
        service.trustedProxies = http.trustedProxies ?? TrustedProxies()
        service.accessLog = log.access
        service.listeners = listeners
        service.admin = admin.listen
        service.adminToken = adminToken
        service.tiers.admission = disk.admission
        service.tiers.waitingBytes = disk.queue.bytes
        service.tiers.patience = disk.patience
        service.tiers.fleetPatience = shared.patience
        if let folder = disk.folder.path(environment: environment) {
            var tier = DiskTierConfiguration(folder: folder, byteBudget: disk.size.bytes)
            tier.syncInterval = disk.flushInterval
            service.disk = tier
        }
        // Nobody asked for the user's folder by name: a second server on the machine serves without one.
        service.requiresDisk = disk.folder != .automatic
        service.makeSharedTier = { [shared] (metrics, logger) throws(ThreadError) -> (any FleetTier)? in
            try Integrations.makeSharedTier(shared, metrics: metrics, logger: logger)
        }
        return service
    }
}
