// SPDX-License-Identifier: Apache-2.0

package import JSONText
import TileModel

/// The document `/tilejson/{id}.json` of a map. Source: TileJSON 3.0.0.
package enum TileJSONDocument {
    /// - Parameter base: what absolute URLs begin with, such as `https://tiles.example.org`; clients need absolute ones.
    package static func json(of tileset: TilesetSummary, base: String) -> JSONOutput {
        let bounds = tileset.bounds ?? .webMercator
        let levels = tileset.pyramid.levels
        // Inside the bounds and the levels, as the specification asks; a zoom that shows most of the bounds.
        let span = max(bounds.east - bounds.west, 0.000_001)
        let zoom = min(max(Int((360 / span).logarithm2), levels.lowerBound), levels.upperBound)
        var members: [(String, JSONOutput)] = [
            ("tilejson", .string("3.0.0")),
            ("name", .string(tileset.title)),
            ("tiles", .array([.string(base + tileset.tileTemplate(level: "{z}"))])),
            ("scheme", .string("xyz")),
            ("minzoom", .integer(levels.lowerBound)),
            ("maxzoom", .integer(levels.upperBound)),
            ("bounds", .array([bounds.west, bounds.south, bounds.east, bounds.north].map(JSONOutput.number))),
            (
                "center",
                .array([
                    .number((bounds.west + bounds.east) / 2), .number((bounds.south + bounds.north) / 2),
                    .integer(zoom),
                ])
            ),
            // Not of TileJSON, but read by MapLibre, whose own default is 512.
            ("tileSize", .integer(tileset.pyramid.tileSize)),
            ("format", .string(tileset.format.fileExtensions[0])),
        ]
        if let attribution = tileset.attribution { members.append(("attribution", .string(attribution))) }
        return .object(members)
    }
}

extension Double {
    /// The largest whole number that two can be raised to without exceeding a value of at least 1; 0 below.
    fileprivate var logarithm2: Int { self >= 1 ? Int(exponent) : 0 }
}
