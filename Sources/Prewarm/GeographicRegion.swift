// SPDX-License-Identifier: Apache-2.0

internal import JSONText
package import TileModel

/// The part of the earth that is wanted: boxes and polygons of longitudes and latitudes, WGS 84. Pure.
package struct GeographicRegion: Equatable, Sendable {
    /// A box; west of its west edge where it crosses the antimeridian.
    package struct Box: Equatable, Sendable {
        package let west, south, east, north: Double

        /// Nil where a number is out of range or the south is north of the north. `east < west` crosses the antimeridian;
        /// so does a longitude beyond 180 or -180.
        package init?(west: Double, south: Double, east: Double, north: Double) {
            guard (-360...360).contains(west), (-360...360).contains(east), (-90...90).contains(south),
                (-90...90).contains(north), south <= north
            else { return nil }
            self.west = west
            self.south = south
            self.east = east
            self.north = north
        }
    }

    /// A position of GeoJSON.
    package struct Position: Equatable, Sendable {
        package let longitude, latitude: Double
    }

    package var boxes: [Box] = []
    /// Each a list of rings: an outline and its holes.
    package var polygons: [[[Position]]] = []

    package init() {}

    package var isEmpty: Bool { boxes.isEmpty && polygons.isEmpty }

    // MARK: Onto a map

    /// Smaller than any pixel that matters, larger than what rounding makes of a box whose edge lies between two tiles.
    private static let tolerance = 1.0 / 1024

    /// The region in pixels of a map's finest level. Poles are cut off where the map ends, and a box that is only a point
    /// or a line wants the pixels it lies in.
    package func region(in pyramid: Pyramid) -> WarmRegion {
        let side = Double(pyramid.size.width)
        var pixelBoxes: [PixelBox] = []
        for box in boxes {
            let top = WebMercator.y(latitude: box.north) * side, bottom = WebMercator.y(latitude: box.south) * side
            for (west, east) in Self.halves(box) {
                let left = WebMercator.x(longitude: west) * side, right = WebMercator.x(longitude: east) * side
                let (minX, maxX) = Self.interval(left, right, side)
                let (minY, maxY) = Self.interval(top, bottom, side)
                pixelBoxes.append(PixelBox(minX: minX, minY: minY, maxX: maxX, maxY: maxY))
            }
        }
        var pixelPolygons: [PixelPolygon] = []
        for rings in polygons {
            let projected = rings.map { ring in
                ring.map {
                    PixelPolygon.Point(
                        x: WebMercator.x(longitude: $0.longitude) * side,
                        y: WebMercator.y(latitude: $0.latitude) * side
                    )
                }
            }
            for shift in [-side, 0, side] {
                let moved = projected.map { $0.map { PixelPolygon.Point(x: $0.x + shift, y: $0.y) } }
                // What lies beyond the antimeridian is seen on the other side.
                if let polygon = PixelPolygon(rings: moved), polygon.rightmost > 0, polygon.leftmost < side {
                    pixelPolygons.append(polygon)
                }
            }
        }
        return WarmRegion(boxes: pixelBoxes, polygons: pixelPolygons)
    }

    /// A box as boxes between -180 and 180.
    private static func halves(_ box: Box) -> [(west: Double, east: Double)] {
        let width = box.east < box.west ? box.east + 360 - box.west : box.east - box.west
        if width >= 360 { return [(-180, 180)] }
        var west = box.west
        while west < -180 { west += 360 }
        while west > 180 || west == 180 && width > 0 { west -= 360 }
        let east = west + width
        return east <= 180 ? [(west, east)] : [(west, 180), (-180, east - 360)]
    }

    private static func interval(_ low: Double, _ high: Double, _ side: Double) -> (Double, Double) {
        guard high - low > 4 * tolerance else {
            // A point: it has the pixel that it lies in, the last one where it lies at the very end.
            let place = min(max((low + high) / 2, 0), side.nextDown)
            return (place.rounded(.down), place.rounded(.down) + 1)
        }
        return (low + tolerance, high - tolerance)
    }

    // MARK: GeoJSON (RFC 7946)

    /// The longest file that is read.
    package static let maxFileBytes = 64 << 20

    /// Adds the polygons of a GeoJSON text: of a geometry, a feature or a collection of them.
    package mutating func add(geoJSON bytes: [UInt8], name: String) throws(PrewarmError) {
        let root: JSONNode
        do throws(JSONError) {
            root = try JSONReader.read(bytes, dialect: .json)
        } catch {
            throw .region(name: name, reason: error.description)
        }
        let before = polygons.count
        try add(root, name: name)
        guard polygons.count > before else {
            throw .region(name: name, reason: "it has no Polygon and no MultiPolygon")
        }
    }

    private mutating func add(_ node: JSONNode, name: String) throws(PrewarmError) {
        switch node["type"]?.string {
        case "FeatureCollection":
            for feature in node["features"]?.array ?? [] { try add(feature, name: name) }
        case "Feature":
            if let geometry = node["geometry"], geometry.value != .null { try add(geometry, name: name) }
        case "GeometryCollection":
            for geometry in node["geometries"]?.array ?? [] { try add(geometry, name: name) }
        case "Polygon": polygons.append(try Self.rings(node["coordinates"], node, name))
        case "MultiPolygon":
            for polygon in node["coordinates"]?.array ?? [] { polygons.append(try Self.rings(polygon, node, name)) }
        case let type?:
            throw .region(
                name: name,
                reason:
                    "line \(node.line): \"\(PrewarmError.printable(type))\" has no area; Polygon and MultiPolygon are read"
            )
        case nil:
            throw .region(name: name, reason: "line \(node.line): an object has no \"type\", so it is no GeoJSON")
        }
    }

    private static func rings(_ node: JSONNode?, _ owner: JSONNode, _ name: String) throws(PrewarmError)
        -> [[Position]]
    {
        guard let list = node?.array, !list.isEmpty else {
            throw .region(name: name, reason: "line \(owner.line): a polygon has no \"coordinates\"")
        }
        var rings: [[Position]] = []
        for ring in list {
            var positions: [Position] = []
            for position in ring.array ?? [] {
                guard let numbers = position.array, numbers.count >= 2, let longitude = numbers[0].number,
                    let latitude = numbers[1].number, (-540...540).contains(longitude), (-90...90).contains(latitude)
                else {
                    throw .region(name: name, reason: "line \(position.line): that is no longitude and latitude")
                }
                positions.append(Position(longitude: longitude, latitude: latitude))
            }
            guard positions.count >= 4 else {
                throw .region(name: name, reason: "line \(ring.line): a ring has fewer than four positions")
            }
            rings.append(positions)
        }
        return rings
    }
}

extension JSONNode {
    fileprivate var number: Double? {
        switch value {
        case .integer(let number): Double(number)
        case .number(let number): number.isFinite ? number : nil
        default: nil
        }
    }
}
