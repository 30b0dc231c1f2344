// SPDX-License-Identifier: Apache-2.0

import Testing
import TileModel

@Suite("The projection of web maps")
struct WebMercatorTests {
    @Test("the corners and the middle of the square are where the projection puts them")
    func corners() {
        #expect(WebMercator.x(longitude: -180) == 0 && WebMercator.x(longitude: 180) == 1)
        #expect(abs(WebMercator.y(latitude: WebMercator.maxLatitude)) < 1e-12)
        #expect(abs(WebMercator.y(latitude: -WebMercator.maxLatitude) - 1) < 1e-12)
        #expect(abs(WebMercator.y(latitude: 0) - 0.5) < 1e-15)
    }

    @Test("the poles are clamped to the edge of the square")
    func poles() {
        #expect(WebMercator.y(latitude: 90) == WebMercator.y(latitude: WebMercator.maxLatitude))
        #expect(WebMercator.y(latitude: -90) <= 1)
    }

    @Test("a latitude comes back", arguments: [-85.0, -33.3, 0.0, 1e-9, 48.137, 84.99])
    func roundTrip(latitude: Double) {
        #expect(abs(WebMercator.latitude(y: WebMercator.y(latitude: latitude)) - latitude) < 1e-9)
        #expect(abs(WebMercator.longitude(x: WebMercator.x(longitude: latitude)) - latitude) < 1e-9)
    }
}
