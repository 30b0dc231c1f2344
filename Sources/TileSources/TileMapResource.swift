// SPDX-License-Identifier: Apache-2.0

import TileModel

/// What a `tilemapresource.xml` says of the tiles beside it: the description that the Tile Map Service has of a map, as
/// gdal2tiles and others write it. Where it lies, rows count from the bottom.
///
/// A value, read from bytes that nobody vouches for: linear in them, no element is kept but what is named here.
/// Source: OSGeo Tile Map Service Specification 1.0.0, "TileMap Resource".
struct TileMapResource: Hashable, Sendable {
    /// The file's name.
    static let fileName = "tilemapresource.xml"

    var title: String?
    var details: String?
    /// The levels that it names, all between the first and the last; nil where it names none.
    var levels: ClosedRange<Int>?
    private var profile = ""
    private var system = ""
    /// As written: the least and the greatest of x and of y.
    private var box: [Double] = []

    /// The longest text that is looked at.
    private static let maxText = 4096

    /// Nil where the bytes are no such document.
    init?(_ bytes: [UInt8]) {
        var reader = XMLReader(bytes)
        var path: [String] = []
        var text = ""
        var isWhole = false
        while let event = try? reader.next() {
            switch event {
            case .start(let element):
                path.append(element.name)
                text = ""
                guard path[0] == "TileMap" else { return nil }
                note(element, depth: path.count)
            case .text(let part):
                if text.utf8.count + part.utf8.count <= Self.maxText { text += part }
            case .end(let name):
                if path.count == 2 { note(text, of: name) }
                text = ""
                path.removeLast()
                isWhole = path.isEmpty
            }
        }
        guard isWhole else { return nil }
    }

    private mutating func note(_ element: XMLReader.Element, depth: Int) {
        switch (element.name, depth) {
        case ("TileSets", 2): profile = element["profile"]?.lowercased() ?? ""
        case ("TileSet", 3):
            guard let order = element["order"].flatMap({ Int($0) }), (0...Pyramid.maxMapLevel).contains(order) else {
                return
            }
            levels = min(levels?.lowerBound ?? order, order)...max(levels?.upperBound ?? order, order)
        case ("BoundingBox", 2):
            let numbers = ["minx", "miny", "maxx", "maxy"].compactMap { element[$0].flatMap { Double($0) } }
            if numbers.count == 4, numbers.allSatisfy(\.isFinite) { box = numbers }
        default: break
        }
    }

    private mutating func note(_ text: String, of element: String) {
        let text = Self.trimmed(text)
        guard !text.isEmpty else { return }
        switch element {
        case "Title": title = text
        case "Abstract": details = text
        case "SRS": system = text
        default: break
        }
    }

    private static func trimmed(_ text: String) -> String {
        var rest = text[...]
        while rest.first?.isWhitespace == true { rest = rest.dropFirst() }
        while rest.last?.isWhitespace == true { rest = rest.dropLast() }
        return String(rest)
    }

    /// The reason why its tiles cannot be served as a web map; nil where they can.
    var obstacle: String? {
        let what: String
        switch profile {
        case "mercator", "global-mercator": return nil
        case "geodetic", "global-geodetic", "raster": what = "the profile \(profile)"
        default:
            // Codes of the same projection, older ones as well.
            let isMercator = ["3857", "3785", "900913", "41001"].contains { system.hasSuffix($0) }
            guard !isMercator, !system.isEmpty else { return nil }
            what = "another reference system than EPSG:3857"
        }
        return """
            \(Self.fileName) says that its tiles are of \(what), which is not served; write them in web mercator \
            (gdal2tiles.py --profile=mercator), or pictures as Deep Zoom (orizuru build)
            """
    }

    /// What it covers, in degrees: the first reading of its box that touches a tile which is there. Writers give degrees
    /// or metres, and some put the latitude first.
    func bounds(around tile: TileCoordinate) -> GeographicBounds? {
        guard box.count == 4 else { return nil }
        let halfWorld = WebMercator.halfWorldMeters
        let degrees = box.enumerated().map { index, meters in
            let share = 0.5 + meters / (2 * halfWorld)
            return index % 2 == 0
                ? WebMercator.longitude(x: min(max(share, 0), 1)) : WebMercator.latitude(y: min(max(1 - share, 0), 1))
        }
        let side = Double(1 << tile.level)
        let (west, east) = (Double(tile.x) / side, Double(tile.x + 1) / side)
        let (top, bottom) = (Double(tile.y) / side, Double(tile.y + 1) / side)
        for reading in [box, [box[1], box[0], box[3], box[2]], degrees] {
            guard
                let bounds = GeographicBounds(
                    west: reading[0],
                    south: reading[1],
                    east: reading[2],
                    north: reading[3]
                )
            else { continue }
            let isAside =
                WebMercator.x(longitude: bounds.east) < west || WebMercator.x(longitude: bounds.west) > east
                || WebMercator.y(latitude: bounds.south) < top || WebMercator.y(latitude: bounds.north) > bottom
            if !isAside { return bounds }
        }
        return nil
    }
}
