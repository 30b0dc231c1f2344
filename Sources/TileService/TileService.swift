// SPDX-License-Identifier: Apache-2.0

package import DiskTier
package import HTTPFrontend
import HTTPMessages
package import HTTPServer
package import LockFree
package import Telemetry
package import TileCache
package import TileModel
package import TilePipeline
package import TileSources

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
        /// The forms of tilesets that are known.
        package var recognizers = SourceRecognizer.core
        /// How far below their last level maps are enlarged.
        package var overzoom = OverzoomRules()
        /// Whether files are watched, so that a changed tileset is opened again by itself.
        package var watchesFiles = true
        /// The same for single tilesets, by their ids. An id that is not served is harmless: it may come with a reload.
        package var parametersByTileset: [String: ReconstructionParameters] = [:]
        /// How long clients may keep tiles.
        package var caching = CachePolicies()
        /// Where to listen besides what `http` binds itself: Unix sockets, and sockets that are handed over.
        package var listeners: PreparedListeners?
        /// The file that gets a line per answer; nil: none.
        package var accessLog: String?
        /// Where operators ask for jobs, purges and reloads; nil: nowhere.
        package var admin: ListenAddress?
        /// What their requests must carry; nil: nothing, for who listens on the loopback interface alone.
        package var adminToken: [UInt8]?
        /// Who is believed about the clients behind it.
        package var trustedProxies = TrustedProxies()
        /// The disk tier; nil: none.
        package var disk: DiskTierConfiguration?
        /// Whether there is no serving without the disk tier that was asked for; else its absence is a warning.
        package var requiresDisk = true
        /// Makes the tier that is shared with other servers; nil: none.
        package var makeSharedTier: (@Sendable (MetricsRegistry, Logger) throws(ThreadError) -> (any FleetTier)?)?
        /// How the tiers behind memory are used.
        package var tiers = TierConfiguration()
        /// How often the list of hot tiles is kept for the next start.
        package var hotKeyInterval = Duration.seconds(60)
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
    private let catalogReload: CatalogReload
    private let server: HTTPServer
    private let accessLog: AccessLog?
    private let watch: CatalogWatch?
    private let admin: (server: HTTPServer, desk: AdminDesk)?
    private let tiers: Tiers
    /// All metrics of the service.
    package let metrics: MetricsRegistry

    /// Searches the paths and opens what is there; nothing listens yet.
    ///
    /// Tilesets that cannot be opened are logged and left out. An empty catalog is served, too: the pages say so.
    package init(_ configuration: Configuration, logger: Logger) throws(ServiceError) {
        self.configuration = configuration
        self.logger = logger
        let opening = CatalogOpening(configuration, logger: logger)
        let metrics = MetricsRegistry()
        self.metrics = metrics
        let cache: TileCache
        do {
            cache = try TileCache(configuration: configuration.cache, logger: logger)
        } catch {
            throw .cache(error)
        }
        cache.registerMetrics(in: metrics)
        let watch =
            configuration.watchesFiles
            ? CatalogWatch(paths: configuration.paths, extensions: ["pmtiles", "mbtiles", "dzi"], logger: logger) : nil
        self.watch = watch
        var pipelineConfiguration = configuration.pipeline
        pipelineConfiguration.sourceChanged = { _ in watch?.sourceChanged() }
        let behind = try Tiers(configuration, cache: cache, metrics: metrics, logger: logger)
        tiers = behind
        let pipeline = TilePipeline(
            configuration: pipelineConfiguration,
            cache: cache,
            tiers: behind.stack,
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
        var http = configuration.http
        http.ownAnswerLines = Array((configuration.crossOrigin?.commonLines ?? "").utf8)
        server = HTTPServer(http) { reactor, mailbox in
            let handler = TileHandler(shared: state, mailbox: mailbox)
            guard let accessLog else { return handler }
            return AccountingHandler(handler, log: accessLog, reactor: reactor, proxies: proxies)
        }
        let catalogReload = CatalogReload(
            state,
            opening,
            caching: configuration.caching,
            accessLog: accessLog,
            logger: logger
        )
        self.catalogReload = catalogReload
        admin = configuration.admin.map { address in
            let desk = AdminDesk(
                state,
                logger: logger,
                // One that is rendered and one that comes next, for each worker.
                requestsAtOnce: 2 * configuration.pipeline.workers,
                reload: {
                    defer { watch?.catalogChanged() }
                    return catalogReload.perform()
                }
            )
            var http = HTTPServerConfiguration()
            http.listen = [address]
            http.reactors = 1
            http.methods = [.get, .head, .post, .delete]
            // A purge of much may take minutes on a shared tier.
            http.deferredDeadline = .seconds(600)
            let token = configuration.adminToken
            let server = HTTPServer(http) { _, mailbox in AdminHandler(desk: desk, mailbox: mailbox, token: token) }
            return (server, desk)
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
        do { try admin?.server.start() } catch { throw .server(error) }
        // When connections are accepted already: what comes back to memory makes nobody wait.
        let catalog = state.catalog
        do {
            try tiers.restart?.start { catalog.current.0.entries.map(\.tileset) }
        } catch {
            throw .thread(error)
        }
        let catalogReload = catalogReload
        do {
            try watch?.start(tilesets: { catalog.current.0.entries.map(\.tileset) }) { change in
                catalogReload.perform(touched: change.touched)
            }
        } catch {
            throw .thread(error)
        }
    }

    /// The ports that are listened on.
    package var ports: [UInt16] { server.ports }

    /// The port of the admin listener, where there is one.
    package var adminPort: UInt16? { admin?.server.ports.first }

    /// The tilesets that are served.
    package var tilesets: [OpenTileset] { state.catalog.current.0.entries.map(\.tileset) }

    /// Stops in order: no new connections, requests under way are answered, then everything ends. Blocks for at most
    /// about `deadline`. Returns whether every request was answered by then.
    @discardableResult
    package func stop(deadline: Duration) -> Bool {
        state.beginDraining()
        watch?.stop()
        configuration.listeners?.removeFiles()
        admin?.server.stop()
        let isDrained = server.drain(deadline: deadline)
        server.stop()
        stopRendering()
        accessLog?.stop()
        return isDrained
    }

    private func stopRendering() {
        tiers.restart?.stop(tilesets: tilesets)
        state.pipeline.stop()
        state.pictures.stop()
        admin?.desk.stop()
        tiers.close()
        state.cache.stop()
    }

    /// Opens the catalog again: see `CatalogReload`. Blocks on the file system.
    @discardableResult
    package func reload() -> (kept: Int, opened: Int) {
        defer { watch?.catalogChanged() }
        return catalogReload.perform()
    }

    private func registerMetrics() {
        let catalog = state.catalog
        metrics.counters(
            "orizuru_requests_total",
            help: "Answered requests for tiles by tileset, by the tier that answered, and by status."
        ) {
            catalog.current.0.entries.flatMap { $0.counts.series(tileset: $0.tileset.id) }
        }
        let checks =
            "Checks whether a folder or an archive of map tiles may hold a tile; absent: no file was looked into."
        metrics.counter("orizuru_bloom_checks_total", help: checks, labels: ["result": "absent"]) {
            Double(PresenceCounts.absent.value)
        }
        metrics.counter("orizuru_bloom_checks_total", help: checks, labels: ["result": "perhaps"]) {
            Double(PresenceCounts.perhaps.value)
        }
        metrics.counter(
            "orizuru_source_opens_total",
            help: "Files of tilesets that were opened, or looked for in vain."
        ) { Double(FileAccessCounts.opens.value) }
        metrics.counter(
            "orizuru_source_reads_total",
            help: "Reads of files of tilesets; what an MBTiles archive's library reads is not counted."
        ) { Double(FileAccessCounts.reads.value) }
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
            "orizuru_http_malformed_requests_total",
            help: "Requests that no handler saw, because they broke a rule of HTTP or a limit.",
            read: server.reader(of: .malformed)
        )
        for (kind, count) in [
            ("head", ServerCount.timeoutsHead), ("idle", .timeoutsIdle), ("write", .timeoutsWrite),
            ("deferred", .timeoutsDeferred), ("linger", .timeoutsLinger),
        ] {
            metrics.counter(
                "orizuru_http_timeouts_total",
                help: "Connections that were closed by a deadline, by what they were late with.",
                labels: ["deadline": kind],
                read: server.reader(of: count)
            )
        }
        metrics.counter(
            "orizuru_http_accept_pauses_total",
            help: "How often no connection was accepted for a while, because descriptors ran out.",
            read: server.reader(of: .acceptPauses)
        )
        metrics.counter(
            "orizuru_http_sent_bytes_total",
            help: "Bytes handed to the kernel for clients.",
            read: server.reader(of: .bytesSent)
        )
        metrics.counter(
            "orizuru_http_file_bytes_total",
            help: "Of them, those that went from a file to a socket without passing through the process.",
            read: server.reader(of: .bytesSentFromFiles)
        )
    }
}

/// Why the service could not start.
package enum ServiceError: Error, CustomStringConvertible {
    case cache(TileCacheError)
    case thread(ThreadError)
    case disk(DiskTierError)
    case server(HTTPServerError)
    case frontend(ListenError)

    package var description: String {
        switch self {
        case .cache(let error): "\(error)"
        case .thread(let error): "\(error)"
        case .disk(let error): "\(error)"
        case .server(let error): "\(error)"
        case .frontend(let error): "\(error)"
        }
    }
}
