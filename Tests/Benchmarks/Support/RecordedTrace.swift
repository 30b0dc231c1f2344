// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
package import TileModel

/// What recorded viewers asked for, over a slide of 16384 x 16384.
package struct RecordedTrace: Sendable {
    package struct Request: Sendable {
        /// Seconds since the first.
        package let time: Double
        package let tile: TileCoordinate
    }

    package let viewer: String
    package let requests: [Request]
    /// Whether it is asked for by the Deep Zoom URLs, otherwise by the XYZ ones.
    package let isDeepZoom: Bool

    /// The level of the parents, below which tiles are rendered.
    package static let parentLevel = 12

    /// All that were recorded. Throws where the shared data is absent.
    package static func all() throws -> [RecordedTrace] {
        struct Line: Decodable {
            let t: Double
            let level: Int
            let x: Int
            let y: Int
        }
        return try [("openseadragon", "osd", 0), ("maplibre", "maplibre", 8), ("leaflet", "leaflet", 8)].map {
            viewer,
            file,
            levelsAdded in
            let text = String(decoding: try SharedData.bytes("traces/\(file)-explore-15ms.jsonl"), as: UTF8.self)
            let requests = try text.split(separator: "\n").map { text in
                let line = try JSONDecoder().decode(Line.self, from: Data(text.utf8))
                let tile = TileCoordinate(level: line.level + levelsAdded, x: line.x, y: line.y)
                return Request(time: line.t, tile: tile)
            }
            return RecordedTrace(viewer: viewer, requests: requests, isDeepZoom: levelsAdded == 0)
        }
    }

    /// The path of a request, where the slide is served as `tileset`.
    package func url(_ request: Request, tileset: String) -> String {
        let (level, x, y) = (request.tile.level, request.tile.x, request.tile.y)
        return isDeepZoom ? "/dzi/\(tileset)_files/\(level)/\(x)_\(y).jpg" : "/tiles/\(tileset)/\(level)/\(x)/\(y).jpg"
    }
}
