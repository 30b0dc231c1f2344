// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The projection of web maps (EPSG:3857) onto the unit square: (0, 0) is the north-west corner of the tile 0/0/0, (1, 1)
/// its south-east corner.
package enum WebMercator {
    /// The latitude at which the square ends, north and south: atan(sinh(pi)) in degrees.
    package static let maxLatitude = 85.051_128_779_806_59

    /// Half a side of the square in the metres of the projection: pi times the equator's radius.
    package static let halfWorldMeters = 20_037_508.342_789_244

    /// How far east a longitude is: 0 at -180, 1 at 180. Not clamped.
    package static func x(longitude: Double) -> Double { (longitude + 180) / 360 }

    /// How far south a latitude is, in 0...1: what lies beyond the square is clamped to its edge.
    package static func y(latitude: Double) -> Double {
        let sine = sin(min(max(latitude, -maxLatitude), maxLatitude) * .pi / 180)
        return min(max(0.5 - log((1 + sine) / (1 - sine)) / (4 * .pi), 0), 1)
    }

    /// The longitude of a place, -180 at 0.
    package static func longitude(x: Double) -> Double { x * 360 - 180 }

    /// The latitude of a place in 0...1.
    package static func latitude(y: Double) -> Double { atan(sinh(.pi * (1 - 2 * y))) * 180 / .pi }
}
