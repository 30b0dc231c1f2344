// SPDX-License-Identifier: Apache-2.0

import HTTPFrontend
import HTTPMessages
import LockFree
import Synchronization
import Telemetry
import TileCache
import TilePipeline

/// What the handlers of all reactors share: immutable, or safe from any thread.
final class ServiceState: Sendable {
    let cache: TileCache
    let pipeline: TilePipeline
    let pictures: PicturePool
    let metrics: MetricsRegistry
    let catalog: CatalogHolder
    let latency: RequestLatency
    let crossOrigin: CrossOriginRules?
    /// Who is believed about the address that a client asked for: what absolute URLs begin with.
    let trustedProxies: TrustedProxies
    /// For each of several allowed origins.
    let origins: OriginLines
    /// The whole header block of the answer to a preflight.
    let preflight: [UInt8]
    /// What a 304 carries besides ETag, Cache-Control and Date.
    let notModifiedHead: [UInt8]
    /// The fields of every document and error.
    let documentHeaders: [(StaticString, String)]
    private let isDraining = Atomic<Bool>(false)

    init(
        cache: TileCache,
        pipeline: TilePipeline,
        metrics: MetricsRegistry,
        catalog: ServedCatalog,
        crossOrigin: CrossOriginRules?,
        trustedProxies: TrustedProxies
    ) {
        self.cache = cache
        self.pipeline = pipeline
        pictures = PicturePool(pipeline: pipeline, threads: 1)
        self.trustedProxies = trustedProxies
        self.metrics = metrics
        self.catalog = CatalogHolder(catalog)
        latency = RequestLatency(registry: metrics)
        self.crossOrigin = crossOrigin
        origins = OriginLines(crossOrigin)
        let lines = crossOrigin?.commonLines ?? ""
        let preflightLines = crossOrigin == nil ? "" : CrossOriginRules.preflightLines
        preflight = Array((lines + preflightLines + "Allow: GET, HEAD, OPTIONS\r\n\r\n").utf8)
        notModifiedHead = Array((lines + "\r\n").utf8)
        let own: [(StaticString, String)] = [
            ("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", Pages.contentSecurityPolicy),
        ]
        documentHeaders = own + (crossOrigin?.commonFields ?? [])
    }

    /// Whether new clients should be sent here: until the service begins to stop.
    var isReady: Bool { !isDraining.load(ordering: .relaxed) }

    /// `/readyz` says 503 from now on.
    func beginDraining() { isDraining.store(true, ordering: .relaxed) }
}

/// The catalog that is being served. Reactors ask once a turn whether there is a newer one, which costs one load.
final class CatalogHolder: Sendable {
    private let state: Lock<(catalog: ServedCatalog, generation: Int)>
    private let generation = Atomic<Int>(0)

    init(_ catalog: ServedCatalog) { state = Lock((catalog, 0)) }

    /// The newest catalog and its number.
    var current: (ServedCatalog, Int) { state.withLock { ($0.catalog, $0.generation) } }

    /// The newest catalog where it is newer than the one of that number. A reactor that sees it a turn late answers
    /// from the catalog that it still holds, so the load is relaxed: the lock orders the catalog itself.
    func newer(than known: Int) -> (ServedCatalog, Int)? {
        generation.load(ordering: .relaxed) == known ? nil : current
    }

    /// Serves another catalog from each reactor's next turn on.
    func replace(by catalog: ServedCatalog) {
        state.withLock { state in
            state = (catalog, state.generation + 1)
            generation.store(state.generation, ordering: .relaxed)
        }
    }
}
