// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import TileModel

/// A built `orizuru serve` on a free port, killed when it goes out of use.
final class RunningServer {
    let process: ServerProcess
    let port: UInt16

    init(_ paths: [String], _ options: [String] = [], environment: [String: String] = [:]) throws {
        // Nothing is left behind in the folder of whoever runs the tests.
        let disk = options.contains("--cache-dir") ? [] : ["--no-disk-cache"]
        process = try ServerProcess(
            "orizuru",
            ["serve"] + paths + ["--listen", "127.0.0.1:0"] + disk + options,
            environment: environment
        )
        port = try process.waitUntilListening()
    }

    /// One GET on a connection of its own.
    func get(_ path: String, fields: [String] = []) throws -> HTTPAnswer {
        let client = try HTTPClient(port: port)
        defer { client.close() }
        try client.request(path, fields: fields)
        return try client.readAnswer()
    }

    /// The value of one series of `/metrics`, 0 where it is not there.
    func metric(_ series: String) throws -> Double {
        for line in try get("/metrics").text.split(separator: "\n") where line.hasPrefix(series + " ") {
            return Double(line.dropFirst(series.count + 1)) ?? .nan
        }
        return 0
    }

    /// The tilesets of `/catalog.json`.
    func catalog() throws -> [CatalogEntry] {
        struct Catalog: Decodable { let tilesets: [CatalogEntry] }
        return try JSONDecoder().decode(Catalog.self, from: Data(try get("/catalog.json").body)).tilesets
    }

    /// A kilobyte count of `/proc/PID/status`, in bytes.
    func memory(_ name: String) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") } ?? ""
        return (line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0) << 10
    }
}

/// What tests read of a tileset in the catalog.
struct CatalogEntry: Decodable {
    let id: String
    let kind: String
    let width: Int
    let height: Int
    let tileSize: Int
    let overlap: Int
    let minLevel: Int
    let maxLevel: Int
    let format: String
    let tiles: String
    let micronsPerPixel: Double?
    /// West, south, east, north; nil where it is null.
    let bounds: [Double]?

    /// The geometry, from the numbers alone.
    var pyramid: Pyramid? {
        kind == "slide"
            ? Pyramid(deepZoom: GridSize(width: width, height: height), tileSize: tileSize, overlap: overlap)
            : Pyramid(mapTileSize: tileSize, levels: minLevel...maxLevel)
    }

    /// The URL of a tile by the template.
    func url(_ tile: TileCoordinate) -> String {
        tiles.replacingOccurrences(of: "{level}", with: "\(tile.level)")
            .replacingOccurrences(of: "{x}", with: "\(tile.x)").replacingOccurrences(of: "{y}", with: "\(tile.y)")
    }
}

extension Pyramid {
    /// Every tile of every level.
    var allTiles: [TileCoordinate] {
        levels.flatMap { level in
            let grid = grid(ofLevel: level)
            return (0..<grid.height).flatMap { y in
                (0..<grid.width).map { x in TileCoordinate(level: level, x: x, y: y) }
            }
        }
    }
}

/// The sample tilesets of the package.
let sampleFolder = SharedData.packageRoot.appending(path: "tiles-sample").path
