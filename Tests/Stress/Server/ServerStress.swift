// SPDX-License-Identifier: Apache-2.0

import DiskTier
import Foundation
import Glibc
import HTTPServer
import LockFree
import Synchronization
import Telemetry
import TestSupport
import TileCache
import TileModel
import TilePipeline
import TileService

/// What a run counted.
struct StressReport: Sendable {
    var answered = 0
    var notModified = 0
    var refused = 0
    var abandoned = 0
    var wrong: [String] = []
    var isDrained = false
    /// Of the access log; 0 where one is garbled.
    var lines = 0

    var isGood: Bool { wrong.isEmpty && answered > 100 && abandoned > 10 && isDrained && lines > 100 }

    var text: String {
        "answered \(answered), not modified \(notModified), refused \(refused), abandoned \(abandoned), "
            + "drained \(isDrained), lines logged \(lines), wrong \(wrong.count)"
            + wrong.prefix(10).map { "\n  \($0)" }.joined()
    }
}

/// The service with clients of every kind around it.
struct ServerStress {
    let options: StressOptions
    let seed: Seed

    private static let clients = 6

    func run() throws -> StressReport {
        var http = HTTPServerConfiguration()
        http.listen = [ListenAddress("127.0.0.1", port: 0)]
        http.reactors = 2
        var cache = TileCacheConfiguration(byteBudget: TileCacheConfiguration.minByteBudget)
        cache.poisonsFreedBlocks = true
        var configuration = TileService.Configuration(
            paths: [options.tilesets],
            cache: cache,
            pipeline: TilePipeline.Configuration(workers: 2, queueLimit: 8),
            http: http
        )
        // A log that a reactor fills and a writer empties, so that the sanitizers see the ring between them.
        let folder = try TemporaryDirectory()
        let logPath = folder.path("access.log")
        configuration.accessLog = logPath
        // Memory holds a part of the tiles, so look-ups on disk, writing behind and the list of hot tiles are all under way.
        configuration.disk = DiskTierConfiguration(
            folder: folder.path("tiles"),
            byteBudget: 8 << 20,
            segmentBytes: 1 << 20,
            syncInterval: .milliseconds(50),
            scrubBytesPerSecond: 64 << 20
        )
        configuration.tiers.diskDelay = .milliseconds(20)
        configuration.hotKeyInterval = .milliseconds(200)
        let service = try TileService(configuration, logger: Logger(level: .warning))
        try service.start()
        let shared = Shared(port: service.ports[0], urls: Self.urls(service))
        let threads = try (0..<Self.clients).map { index in
            try OSThread(name: "client-\(index)", stackBytes: 4 << 20) { [seed] in
                var client = StressClient(shared: shared, random: seed.generator(stream: index))
                client.run()
            }
        }
        sleep(UInt32(options.seconds))
        let isDrained = service.stop(deadline: .seconds(30))
        shared.isOver.store(true, ordering: .relaxed)
        for thread in threads { thread.join() }
        var report = shared.report.withLock { $0 }
        report.isDrained = isDrained
        report.lines = Self.wholeLines(of: logPath)
        return report
    }

    /// How many lines the access log has; 0 where one is not whole.
    private static func wholeLines(of path: String) -> Int {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return 0 }
        let lines = text.split(separator: "\n")
        return lines.allSatisfy { $0.hasPrefix("127.0.0.1 - - [") && $0.last?.isNumber == true } ? lines.count : 0
    }

    /// The URLs of all tiles of the finest four levels, in both forms.
    private static func urls(_ service: TileService) -> [String] {
        service.tilesets.flatMap { tileset -> [String] in
            let pyramid = tileset.pyramid
            return pyramid.levels.suffix(4).flatMap { level -> [String] in
                let grid = pyramid.grid(ofLevel: level)
                return (0..<grid.width * grid.height).flatMap { index -> [String] in
                    let (x, y) = (index % grid.width, index / grid.width)
                    let ext = tileset.format.fileExtensions[0]
                    return [
                        "/tiles/\(tileset.id)/\(level)/\(x)_\(y).\(ext)",
                        "/tiles/\(tileset.id)/\(level)/\(x)/\(y).\(ext)",
                    ]
                }
            }
        }
    }

    /// What the clients share.
    final class Shared: Sendable {
        let port: UInt16
        let urls: [String]
        let report = Lock(StressReport())
        /// A hash of the body and the tag of the first answer of each URL.
        let first = Lock<[String: (hash: UInt64, tag: String)]>([:])
        let isOver = Atomic<Bool>(false)

        init(port: UInt16, urls: [String]) {
            self.port = port
            self.urls = urls
        }
    }
}

/// One thread that behaves like many viewers.
private struct StressClient {
    let shared: ServerStress.Shared
    var random: SeededGenerator

    mutating func run() {
        while !shared.isOver.load(ordering: .relaxed) {
            guard let client = try? HTTPClient(port: shared.port) else {
                usleep(10_000)
                continue
            }
            for _ in 0..<Int.random(in: 1...8, using: &random) where !turn(client) { break }
            client.close()
        }
    }

    /// A few pipelined requests and their answers. False where the connection is of no more use.
    private mutating func turn(_ client: HTTPClient) -> Bool {
        let count = Int.random(in: 1...6, using: &random)
        var requests: [(url: String, isConditional: Bool)] = []
        for _ in 0..<count {
            let url = shared.urls[Int.random(in: 0..<shared.urls.count, using: &random)]
            var fields: [String] = []
            let known = shared.first.withLock { $0[url]?.tag }
            let isConditional = known != nil && Int.random(in: 0..<4, using: &random) == 0
            if isConditional, let known { fields.append("If-None-Match: \(known)") }
            if Int.random(in: 0..<16, using: &random) == 0 { fields.append("X-Orizuru-Prewarm: family") }
            guard (try? client.request(url, fields: fields)) != nil else { return false }
            requests.append((url, isConditional))
        }
        if Int.random(in: 0..<5, using: &random) == 0 {
            // A viewer that moved on.
            Int.random(in: 0..<2, using: &random) == 0 ? client.reset() : client.close()
            shared.report.withLock { $0.abandoned += 1 }
            return false
        }
        for request in requests {
            do {
                try check(client.readAnswer(), request.url)
            } catch HTTPClientError.ended(let bytes) where bytes.isEmpty {
                return false
            } catch HTTPClientError.receive {
                return false
            } catch {
                note("\(request.url): \(error)")
                return false
            }
        }
        if Int.random(in: 0..<50, using: &random) == 0 {
            guard (try? client.request("/metrics")) != nil, (try? client.readAnswer())?.status == 200 else {
                return false
            }
        }
        return true
    }

    private func check(_ answer: HTTPAnswer, _ url: String) {
        switch answer.status {
        case 200:
            var hash = StableHash()
            hash.combine(answer.body)
            let value = hash.value
            let tag = answer["etag"] ?? ""
            let first = shared.first.withLock { known in
                let first = known[url] ?? (value, tag)
                known[url] = first
                return first
            }
            if first.hash != value || first.tag != tag { note("\(url): another tile than before") }
            shared.report.withLock { $0.answered += 1 }
        case 304: shared.report.withLock { $0.notModified += 1 }
        case 503: shared.report.withLock { $0.refused += 1 }
        default: note("\(url): status \(answer.status)")
        }
    }

    private func note(_ fault: String) { shared.report.withLock { $0.wrong.append(fault) } }
}
