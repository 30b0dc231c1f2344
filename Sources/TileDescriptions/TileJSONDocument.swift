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
        let center = tileset.center.flatMap { $0.isInside(bounds, levels) ? $0 : nil }
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
                    .number(center?.longitude ?? (bounds.west + bounds.east) / 2),
                    .number(center?.latitude ?? (bounds.south + bounds.north) / 2),
                    .integer(center?.level ?? zoom),
                ])
            ),
            // Not of TileJSON, but read by MapLibre, whose own default is 512.
            ("tileSize", .integer(tileset.pyramid.tileSize)),
            ("format", .string(tileset.format.fileExtensions[0])),
        ]
        if let attribution = tileset.attribution { members.append(("attribution", .string(attribution))) }
        if let details = tileset.details { members.append(("description", .string(details))) }
        if !tileset.format.isRaster {
            // Required of vector tiles, also where nothing is known of them.
            members.append(("vector_layers", .array(tileset.vectorLayers.map(Self.json))))
        }
        return .object(members)
    }

    private static func json(_ layer: VectorLayer) -> JSONOutput {
        var members: [(String, JSONOutput)] = [
            ("id", .string(layer.id)),
            ("fields", .object(layer.fields.map { ($0.name, .string($0.type)) })),
        ]
        if let text = layer.description { members.append(("description", .string(text))) }
        if let level = layer.minLevel { members.append(("minzoom", .integer(level))) }
        if let level = layer.maxLevel { members.append(("maxzoom", .integer(level))) }
        return .object(members)
    }
}

extension MapCenter {
    /// Whether a viewer that keeps to bounds and levels can begin here.
    fileprivate func isInside(_ bounds: GeographicBounds, _ levels: ClosedRange<Int>) -> Bool {
        (bounds.west...bounds.east).contains(longitude) && (bounds.south...bounds.north).contains(latitude)
            && levels.contains(level)
    }
}

extension Double {
    /// The largest whole number that two can be raised to without exceeding a value of at least 1; 0 below.
    fileprivate var logarithm2: Int { self >= 1 ? Int(exponent) : 0 }
}
