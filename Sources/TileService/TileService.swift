// SPDX-License-Identifier: Apache-2.0

package import HTTPFrontend
package import HTTPServer
package import LockFree
package import Telemetry
package import TileCache
package import TileModel
package import TilePipeline
import TileSources

/// The tile server: sources, memory, the miss path and the HTTP server, wired together.
///
/// `start` and `stop` come from one thread.
package final class TileService {
    /// Everything that the service is told once.
    package struct Configuration: Sendable {
        /// Files and folders to search for tilesets.
        package var paths: [String]
        package var cache: TileCacheConfiguration
        package var pipeline: TilePipeline.Configuration
        package var http: HTTPServerConfiguration
        /// How tiles are made.
        package var parameters = ReconstructionParameters.standard
        /// The same for single tilesets, by their ids. An id that is not served is harmless: it may come with a reload.
        package var parametersByTileset: [String: ReconstructionParameters] = [:]
        /// How long clients may keep tiles.
        package var caching = CachePolicies()
        /// Where to listen besides what `http` binds itself: Unix sockets, and sockets that are handed over.
        package var listeners: PreparedListeners?
        /// The file that gets a line per answer; nil: none.
        package var accessLog: String?
        /// Who is believed about the clients behind it.
        package var trustedProxies = TrustedProxies()
        /// Nil: pages of other origins may not read answers.
        package var crossOrigin: CrossOriginRules? = .open

        package init(
            paths: [String],
            cache: TileCacheConfiguration,
            pipeline: TilePipeline.Configuration,
            http: HTTPServerConfiguration
        ) {
            self.paths = paths
            self.cache = cache
            self.pipeline = pipeline
            self.http = http
        }
    }

    private let configuration: Configuration
    private let logger: Logger
    private let state: ServiceState
    private let opening: CatalogOpening
    private let server: HTTPServer
    private let accessLog: AccessLog?
    /// All metrics of the service.
    package let metrics: MetricsRegistry

    /// Searches the paths and opens what is there; nothing listens yet.
    ///
    /// Tilesets that cannot be opened are logged and left out. An empty catalog is served, too: the pages say so.
    package init(_ configuration: Configuration, logger: Logger) throws(ServiceError) {
        self.configuration = configuration
        self.logger = logger
        let opening = CatalogOpening(configuration, logger: logger)
        self.opening = opening
        let metrics = MetricsRegistry()
        self.metrics = metrics
        let cache: TileCache
        do {
            cache = try TileCache(configuration: configuration.cache, logger: logger)
        } catch {
            throw .cache(error)
        }
        cache.registerMetrics(in: metrics)
        let pipeline = TilePipeline(
            configuration: configuration.pipeline,
            cache: cache,
            metrics: metrics,
            logger: logger
        )
        let state = ServiceState(
            cache: cache,
            pipeline: pipeline,
            metrics: metrics,
            catalog: ServedCatalog(opening.open(after: nil), caching: configuration.caching),
            crossOrigin: configuration.crossOrigin,
            trustedProxies: configuration.trustedProxies
        )
        self.state = state
        let accessLog: AccessLog?
        do throws(ListenError) {
            accessLog = try configuration.accessLog.map { (path) throws(ListenError) in
                try AccessLog(path: path, reactors: configuration.http.reactors)
            }
        } catch {
            throw .frontend(error)
        }
        self.accessLog = accessLog
        let proxies = configuration.trustedProxies
        server = HTTPServer(configuration.http) { reactor, mailbox in
            let handler = TileHandler(shared: state, mailbox: mailbox)
            guard let accessLog else { return handler }
            return AccountingHandler(handler, log: accessLog, reactor: reactor, proxies: proxies)
        }
        registerMetrics()
    }

    /// Starts keeper, workers and reactors; returns when connections are accepted.
    package func start() throws(ServiceError) {
        do throws(ServiceError) {
            try startParts()
        } catch {
            stopRendering()
            throw error
        }
    }

    private func startParts() throws(ServiceError) {
        do { try state.cache.startKeeper() } catch { throw .cache(error) }
        do { try state.pipeline.start() } catch { throw .thread(error) }
        do { try state.pictures.start() } catch { throw .thread(error) }
        do { try accessLog?.start() } catch { throw .thread(error) }
        do { try server.start() } catch { throw .server(error) }
    }

    /// The ports that are listened on.
    package var ports: [UInt16] { server.ports }

    /// The tilesets that are served.
    package var tilesets: [OpenTileset] { state.catalog.current.0.entries.map(\.tileset) }

    /// Stops in order: no new connections, requests under way are answered, then everything ends. Blocks for at most
    /// about `deadline`. Returns whether every request was answered by then.
    @discardableResult
    package func stop(deadline: Duration) -> Bool {
        state.beginDraining()
        configuration.listeners?.removeFiles()
        let isDrained = server.drain(deadline: deadline)
        server.stop()
        stopRendering()
        accessLog?.stop()
        return isDrained
    }

    private func stopRendering() {
        state.pipeline.stop()
        state.pictures.stop()
        state.cache.stop()
    }

    /// Searches the paths again (and opens the access log again, for who rotates it) and serves what is there now, from each reactor's next turn on. A tileset whose files
    /// are as they were keeps its place in memory; the tiles of one that changed or went away leave it. Requests under way
    /// are answered from what they were asked of. Blocks on the file system; one thread at a time.
    ///
    /// - Returns: how many tilesets stayed as they were, and how many are new or changed.
    @discardableResult
    package func reload() -> (kept: Int, opened: Int) {
        do { try accessLog?.reopen() } catch { logger.log(.error, "\(error)") }
        let older = state.catalog.current.0
        let tilesets = opening.open(after: older)
        state.catalog.replace(by: ServedCatalog(tilesets, caching: configuration.caching, after: older))
        let ordinals = Set(tilesets.map(\.ordinal))
        let gone = older.entries.map(\.tileset.ordinal).filter { !ordinals.contains($0) }
        if !gone.isEmpty {
            let participant = state.cache.makeParticipant()
            for ordinal in gone { state.cache.removeAll(ordinal: ordinal, by: participant) }
        }
        let kept = older.entries.count - gone.count
        logger.log(
            .info,
            "opened the catalog again",
            [
                "kept": .integer(kept), "opened": .integer(tilesets.count - kept), "gone": .integer(gone.count),
            ]
        )
        return (kept, tilesets.count - kept)
    }

    private func registerMetrics() {
        let catalog = state.catalog
        metrics.counters(
            "orizuru_requests_total",
            help: "Answered requests for tiles by tileset, by the tier that answered, and by status."
        ) {
            catalog.current.0.entries.flatMap { $0.counts.series(tileset: $0.tileset.id) }
        }
        metrics.gauge("orizuru_connections", help: "Open connections.", read: server.reader(of: .open))
        let refused = "Connections that were closed at once because there were too many."
        metrics.counter(
            "orizuru_connections_refused_total",
            help: refused,
            labels: ["reason": "total"],
            read: server.reader(of: .refusedOverLimit)
        )
        metrics.counter(
            "orizuru_connections_refused_total",
            help: refused,
            labels: ["reason": "address"],
            read: server.reader(of: .refusedOverAddressLimit)
        )
        if let accessLog {
            metrics.counter(
                "orizuru_access_log_dropped_total",
                help: "Lines of the access log that were dropped because their ring was full.",
                read: { Double(accessLog.dropped.lines) }
            )
        }
        metrics.counter(
            "orizuru_http_sent_bytes_total",
            help: "Bytes handed to the kernel for clients.",
            read: server.reader(of: .bytesSent)
        )
    }
}

/// Why the service could not start.
package enum ServiceError: Error, CustomStringConvertible {
    case cache(TileCacheError)
    case thread(ThreadError)
    case server(HTTPServerError)
    case frontend(ListenError)

    package var description: String {
        switch self {
        case .cache(let error): "\(error)"
        case .thread(let error): "\(error)"
        case .server(let error): "\(error)"
        case .frontend(let error): "\(error)"
        }
    }
}
