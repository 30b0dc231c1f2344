// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing
import TileModel

/// The configurations in `config/` for caches in front, run as they stand there but for ports and folders.
@Suite("Caches in front", .serialized)
struct FrontCacheTests {
    private static func isExecutable(_ path: String) -> Bool { FileManager.default.isExecutableFile(atPath: path) }

    private static func text(_ name: String) throws -> String {
        try String(contentsOf: SharedData.packageRoot.appending(path: "config/\(name)"), encoding: .utf8)
    }

    /// A port that was free a moment ago.
    private static func freePort() throws -> UInt16 {
        let server = try RunningServer([sampleFolder])
        defer {
            server.process.signal(SIGKILL)
            _ = server.process.waitForExit()
        }
        return server.port
    }

    /// Waits until something answers.
    private static func wait(_ port: UInt16) throws {
        #expect(
            eventually { (try? HTTPClient.get(port: port, "/catalog.json").status) == 200 },
            "nothing answers on port \(port)"
        )
    }

    private static let tile = "/dzi/tissue_files/12/3_2.jpg"

    @Test(
        "nginx with config/nginx.conf serves tiles out of its cache, asks again by their tags, and keeps no metrics",
        .enabled(if: isExecutable("/usr/sbin/nginx"), "needs nginx (Debian: nginx-light)")
    )
    func nginx() throws {
        let server = try RunningServer([sampleFolder], ["--http-max-age", "1s"])
        let folder = try TemporaryDirectory()
        try folder.makeFolder("cache/orizuru")
        try folder.makeFolder("run")
        let port = try Self.freePort()
        let configuration = try Self.text("nginx.conf")
            .replacingOccurrences(of: "/var/cache/nginx", with: folder.path("cache"))
            .replacingOccurrences(of: "/run/orizuru-nginx", with: folder.path("run"))
            .replacingOccurrences(of: "127.0.0.1:8080", with: "127.0.0.1:\(server.port)")
            .replacingOccurrences(of: "listen 8000", with: "listen 127.0.0.1:\(port)")
        let file = try folder.write("nginx.conf", configuration.utf8)
        // It drops root for its workers, which must reach its folders.
        let user = geteuid() == 0 ? "user root; " : ""
        let nginx = try ServerProcess("/usr/sbin/nginx", ["-c", file, "-g", "\(user)daemon off;"])
        defer {
            nginx.signal(SIGQUIT)
            _ = nginx.waitForExit(timeout: 20)
        }
        try Self.wait(port)
        let truth = try server.get(Self.tile)
        let first = try HTTPClient.get(port: port, Self.tile)
        #expect(first.status == 200 && first.body == truth.body && first["x-front-cache"] == "MISS", "\(nginx.errors)")
        let again = try HTTPClient.get(port: port, Self.tile)
        #expect(again.body == truth.body && again["x-front-cache"] == "HIT")
        #expect(again["etag"] == truth["etag"])
        let known = try HTTPClient.get(port: port, Self.tile, fields: ["If-None-Match: \(truth["etag"] ?? "")"])
        #expect(known.status == 304)
        let part = try HTTPClient.get(port: port, Self.tile, fields: ["Range: bytes=0-99"])
        #expect(part.status == 206 && part.body == Array(truth.body[..<100]))
        #expect(try HTTPClient.get(port: port, "/dzi/tissue_files/12/999_999.jpg").status == 404)
        let metrics = try HTTPClient.get(port: port, "/metrics")
        #expect(metrics.status == 200 && metrics["x-front-cache"] == nil)
    }

    @Test(
        "Varnish with config/varnish.vcl keeps tiles, and sends all tiles of a family to one of two servers",
        .enabled(if: isExecutable("/usr/sbin/varnishd"), "needs varnishd (Debian: varnish)")
    )
    func varnish() throws {
        // Without looking ahead, which renders families that the other server is asked for.
        let servers = try (0..<2).map { _ in try RunningServer([sampleFolder], ["--look-ahead", "off"]) }
        let folder = try TemporaryDirectory()
        let port = try Self.freePort()
        let configuration = try Self.text("varnish.vcl")
            .replacingOccurrences(of: "\"8080\"", with: "\"\(servers[0].port)\"")
            .replacingOccurrences(of: "\"8081\"", with: "\"\(servers[1].port)\"")
        let file = try folder.write("orizuru.vcl", configuration.utf8)
        let varnish = try ServerProcess(
            "/usr/sbin/varnishd",
            [
                "-F", "-f", file, "-a", "127.0.0.1:\(port)", "-s", "malloc,64M", "-n", folder.path("varnish"), "-j",
                "none",
            ]
        )
        defer {
            varnish.signal(SIGTERM)
            _ = varnish.waitForExit(timeout: 20)
        }
        try Self.wait(port)
        let truth = try servers[0].get(Self.tile)
        let first = try HTTPClient.get(port: port, Self.tile)
        #expect(
            first.status == 200 && first.body == truth.body && first["x-front-cache"] == "MISS",
            "\(varnish.errors)"
        )
        #expect(try HTTPClient.get(port: port, Self.tile)["x-front-cache"] == "HIT")
        // Every family of the slide through Varnish: rendered by one server alone.
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 2900, height: 2150), tileSize: 256, overlap: 0))
        let tiles = pyramid.allTiles.filter { $0.level >= 11 }
        for tile in tiles {
            let answer = try HTTPClient.get(port: port, "/dzi/tissue_files/\(tile.level)/\(tile.x)_\(tile.y).jpg")
            #expect(answer.status == 200)
        }
        let grid = pyramid.grid(ofLevel: 10)
        // The first server was asked for one tile by the test itself.
        let renders = try servers.map { try $0.metric("orizuru_family_renders_total") }
        #expect(renders[0] + renders[1] <= Double(grid.area + 1), "\(renders) for \(grid.area) families")
        #expect(renders[0] > 1 && renders[1] > 1, "both take part: \(renders)")
        // One that ends is taken out, and the other serves everything.
        servers[1].process.signal(SIGKILL)
        _ = servers[1].process.waitForExit()
        usleep(6_000_000)
        for tile in tiles.prefix(40) {
            let path = "/dzi/tissue_files/\(tile.level)/\(tile.x)_\(tile.y).jpg?again"
            #expect(try HTTPClient.get(port: port, path).status == 200)
        }
    }
}
