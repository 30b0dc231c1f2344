// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
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
            signals = try TerminationSignals()
        } catch {
            logger.log(.error, "cannot wait for signals", ["reason": .string("\(error)")])
            return 1
        }
        let service: TileService
        do {
            service = try TileService(configuration.service, logger: logger)
            try service.start()
        } catch {
            logger.log(.error, "the server cannot start", ["reason": .string(error.description)])
            return 1
        }
        for port in service.ports { announce(configuration.listen.address, port) }
        let signal = signals.wait()
        logger.log(.info, "stopping", ["signal": .string(signal == SIGINT ? "SIGINT" : "SIGTERM")])
        endAtOnceOnTheNextSignal(signals, logger: logger)
        let isDrained = service.stop(deadline: configuration.http.drainTimeout)
        logger.log(.info, "stopped", ["drained": .boolean(isDrained)])
        return 0
    }

    /// Who asks twice means it; but not within half a second: timeout(1) signals the child and then its group.
    private static func endAtOnceOnTheNextSignal(_ signals: TerminationSignals, logger: Logger) {
        let grace = MonotonicClock.nanoseconds + 500_000_000
        // Without the thread the second signal waits for the drain's deadline, which is bounded.
        _ = try? OSThread(name: "signals") {
            repeat { _ = signals.wait() } while MonotonicClock.nanoseconds < grace
            logger.log(.warning, "stopped at once by a second signal")
            exit(1)
        }
    }

    /// The line that scripts and tests wait for.
    private static func announce(_ address: String, _ port: UInt16) {
        Output.write("listening on http://\(ListenAddress(address, port: port))\n", to: .standardOutput)
    }
}

extension ServeConfiguration {
    /// What the service is told, from what the operator said.
    fileprivate var service: TileService.Configuration {
        var cache = TileCacheConfiguration(byteBudget: memory.bytes)
        cache.policy = eviction.policy
        cache.warmTimeToLive = eviction.warmTimeToLive
        var server = HTTPServerConfiguration()
        server.listen = [listen]
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
        var service = TileService.Configuration(
            paths: paths,
            cache: cache,
            pipeline: TilePipeline.Configuration(workers: workers, queueLimit: queueLimit),
            http: server
        )
        service.parameters = parameters
        service.maxAge = Int(http.maxAge.components.seconds)
        service.crossOrigin = http.corsOrigin.flatMap(CrossOriginRules.init(allowedOrigin:))
        return service
    }
}
