// SPDX-License-Identifier: Apache-2.0

package import JSONText
import TileModel
package import TileSources

/// What an archive says of itself, in the words of MBTiles and PMTiles.
package enum ExportMetadata {
    /// The members in the order in which they are written.
    package static func members(of info: TilesetInfo) -> [(String, JSONOutput)] {
        var members: [(String, JSONOutput)] = [
            ("name", .string(info.title)),
            ("format", .string(info.format == .mvt ? "pbf" : info.format.fileExtensions[0])),
            ("type", .string("baselayer")),
            ("minzoom", .integer(info.pyramid.minLevel)),
            ("maxzoom", .integer(info.pyramid.maxLevel)),
        ]
        if let text = info.details { members.append(("description", .string(text))) }
        if let text = info.attribution { members.append(("attribution", .string(text))) }
        if let box = info.bounds {
            members.append(("bounds", .string("\(box.west),\(box.south),\(box.east),\(box.north)")))
        }
        if let center = info.center {
            members.append(("center", .string("\(center.longitude),\(center.latitude),\(center.level)")))
        }
        if let scale = info.micronsPerPixel { members.append(("microns_per_pixel", .number(scale))) }
        return members
    }

    /// `vector_layers` as TileJSON has them; nil for pixels.
    package static func vectorLayers(of info: TilesetInfo) -> JSONOutput? {
        guard !info.format.isRaster else { return nil }
        return .array(
            info.vectorLayers.map { layer in
                var members: [(String, JSONOutput)] = [
                    ("id", .string(layer.id)),
                    ("fields", .object(layer.fields.map { ($0.name, .string($0.type)) })),
                ]
                if let text = layer.description { members.append(("description", .string(text))) }
                if let level = layer.minLevel { members.append(("minzoom", .integer(level))) }
                if let level = layer.maxLevel { members.append(("maxzoom", .integer(level))) }
                return .object(members)
            }
        )
    }

    /// The whole as one JSON object.
    static func json(of info: TilesetInfo) -> [UInt8] {
        var members = members(of: info)
        if let layers = vectorLayers(of: info) { members.append(("vector_layers", layers)) }
        return Array(JSONOutput.object(members).text.utf8)
    }
}
