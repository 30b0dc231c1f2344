// SPDX-License-Identifier: Apache-2.0

/// A longitude and latitude box in degrees, WGS 84.
package struct GeographicBounds: Hashable, Sendable {
    package let west: Double
    package let south: Double
    package let east: Double
    package let north: Double

    /// What a square web map covers (EPSG:3857).
    package static let webMercator = GeographicBounds(
        unchecked: -180,
        south: -WebMercator.maxLatitude,
        east: 180,
        north: WebMercator.maxLatitude
    )

    private init(unchecked west: Double, south: Double, east: Double, north: Double) {
        self.west = west
        self.south = south
        self.east = east
        self.north = north
    }

    /// Nil where a number is not finite or out of range, or where the box is empty.
    package init?(west: Double, south: Double, east: Double, north: Double) {
        guard (-180...180).contains(west), (-180...180).contains(east), (-90...90).contains(south),
            (-90...90).contains(north), west < east, south < north
        else { return nil }
        self.init(unchecked: west, south: south, east: east, north: north)
    }
}
