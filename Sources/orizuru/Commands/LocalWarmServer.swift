// SPDX-License-Identifier: Apache-2.0

import Glibc
import Telemetry
import TileService

/// A server of one's own for the length of a pre-warm: renders into a cache folder on disk, which a later `orizuru serve`
/// with the same folder answers from. Listens on a free port of the loopback interface.
final class LocalWarmServer {
    private let service: TileService
    /// The address to warm.
    let url: String

    /// - Parameters:
    ///   - path: what to serve.
    ///   - cacheFolder: where tiles are kept; no other process may be using it.
    init(path: String, cacheFolder: String) throws {
        let command = try CommandLineParser(program: .orizuru).parse([
            "serve", path, "--listen", "127.0.0.1:0", "--cache-dir", cacheFolder,
        ])
        guard case .run(let serve) = command else { preconditionFailure("a command line of our own is no command") }
        let configuration = try ServeConfiguration.load(serve).configuration
        // What goes wrong is said; that tilesets were opened is not news here.
        let logger = Logger(level: .warning, format: configuration.log.format)
        (service, _) = try ServeCommand.makeService(configuration, logger: logger)
        try service.start()
        url = "http://127.0.0.1:\(service.ports.first ?? 0)"
    }

    /// Waits until what was rendered is on disk, and stops. Returns how many writes were lost on the way.
    func finish() -> Int {
        // A disk that stands still for a minute is given up on: what it did not take is counted as lost.
        var rounds = 0
        while rounds < 6000, series("orizuru_write_behind_bytes", { _, value in value > 0 }) > 0 {
            usleep(10_000)
            rounds += 1
        }
        service.stop(deadline: .seconds(5))
        var lost = 0
        _ = series("orizuru_write_behind_total") { labels, value in
            if !labels.contains("outcome=\"stored\""), value > 0 { lost += Int(value) }
            return false
        }
        return lost
    }

    /// How many series of a metric are as `isMeant` says of their labels and values.
    private func series(_ name: String, _ isMeant: (String, Double) -> Bool) -> Int {
        String(decoding: service.metrics.render(), as: UTF8.self).split(separator: "\n").count { line in
            guard line.hasPrefix(name + "{"), let space = line.lastIndex(of: " "),
                let value = Double(line[line.index(after: space)...])
            else { return false }
            return isMeant(String(line[..<space]), value)
        }
    }
}
