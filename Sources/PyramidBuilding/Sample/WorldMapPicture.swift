// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs
package import TileModel

/// A map of a world that never existed, in Web Mercator: seas by depth, land by height and climate, ice, relief in a
/// north-western light, coastlines and a graticule. Drawn anew for each zoom level, so that lines stay fine.
///
/// Heights are noise on a sphere, so the map meets itself at the date line. Colours are few on purpose: tiles
/// compress well as PNG. Arithmetic is portable: the same pixels on every machine.
package struct WorldMapPicture: Sendable {
    /// The side of a tile in pixels.
    package static let tileSize = 256

    private let heights: LatticeNoise
    private let climate: LatticeNoise
    private let ridges: LatticeNoise

    package init(seed: UInt32 = 1) {
        heights = LatticeNoise(seed: seed &* 16 &+ 13)
        climate = LatticeNoise(seed: seed &* 16 &+ 14)
        ridges = LatticeNoise(seed: seed &* 16 &+ 15)
    }

    /// What is known of one row of pixels.
    private struct Row {
        let sine: Float
        let cosine: Float
        /// Degrees north.
        let latitude: Float
    }

    /// The pixels of a tile, RGB.
    package func render(_ tile: TileCoordinate) -> RasterImage {
        let side = Self.tileSize
        let world = side << tile.level
        // One pixel more on each side: relief and coastlines look at their neighbours.
        let span = side + 2
        let columns = (0..<span).map { column -> (sine: Float, cosine: Float) in
            let turns = (Float(tile.x * side + column - 1) + 0.5) / Float(world) - 0.5
            return (Portable.sine(turns: turns), Portable.cosine(turns: turns))
        }
        let rows = (0..<span).map { Self.row(tile.y * side + $0 - 1, of: world) }
        var elevations: [Float] = []
        elevations.reserveCapacity(span * span)
        for row in rows {
            for column in columns {
                elevations.append(
                    elevation(
                        row.cosine * column.cosine,
                        row.cosine * column.sine,
                        row.sine,
                        octaves: 6 + tile.level
                    )
                )
            }
        }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(side * side * 3)
        for y in 0..<side {
            for x in 0..<side {
                let at = (y + 1) * span + x + 1
                let here = elevations[at]
                let isCoast =
                    here >= 0
                    && (elevations[at - 1] < 0 || elevations[at + 1] < 0 || elevations[at - span] < 0
                        || elevations[at + span] < 0)
                let slope =
                    (elevations[at + span + 1] - elevations[at - span - 1]) * Float(1 << tile.level) * 5
                var color: (Int, Int, Int)
                if isCoast {
                    color = (74, 98, 116)
                } else if here < 0 {
                    color = Self.sea(depth: -here, latitude: rows[y + 1].latitude)
                } else {
                    let column = columns[x + 1]
                    let row = rows[y + 1]
                    let wet = climate.fractal(
                        row.cosine * column.cosine * 2.2,
                        row.cosine * column.sine * 2.2,
                        row.sine * 2.2,
                        octaves: 4
                    )
                    color = Self.land(height: here, latitude: row.latitude, wet: wet)
                    // Five shades of relief.
                    let shade = Int((min(max(slope, -1), 1) * 2).rounded())
                    color = Self.shaded(color, by: shade * -9)
                }
                if isGraticule(tile.x * side + x, tile.y * side + y, level: tile.level) {
                    color = Self.shaded(color, by: here < 0 ? 22 : -26)
                }
                for channel in [color.0, color.1, color.2] { pixels.append(UInt8(min(max(channel, 0), 255))) }
            }
        }
        return RasterImage(width: side, height: side, channels: 3, pixels: pixels)
    }

    /// Height above the sea at a place on the unit sphere: 0 the coast, about 1 the highest peaks.
    private func elevation(_ x: Float, _ y: Float, _ z: Float, octaves: Int) -> Float {
        let base = heights.fractal(x * 1.55 + 8, y * 1.55 + 8, z * 1.55 + 8, octaves: octaves)
        let ridge = ridges.fractal(x * 2.4 + 3, y * 2.4 + 3, z * 2.4 + 3, octaves: 5)
        let crest = max(1 - abs(2 * ridge - 1) * 5, 0)
        let land = (base - 0.515) * 3.2
        return land > 0 ? land * 0.62 + crest * min(land * 3.5, 0.45) : land
    }

    private static func row(_ y: Int, of world: Int) -> Row {
        // The inverse of Mercator: sin(latitude) = tanh(pi * (1 - 2y)).
        let power = Portable.exponential(2 * 3.141_592_653_589_793 * (1 - 2 * (Double(y) + 0.5) / Double(world)))
        let sine = (power - 1) / (power + 1)
        let cosine = (1 - sine * sine).squareRoot()
        // The angle of a sine by halving: portable, and a degree's hundredth is enough.
        var low = -90.0
        var high = 90.0
        for _ in 0..<20 {
            let middle = (low + high) / 2
            if Double(Portable.sine(turns: Float(middle / 360))) < sine { low = middle } else { high = middle }
        }
        return Row(sine: Float(sine), cosine: Float(cosine), latitude: Float((low + high) / 2))
    }

    /// Whether a line of the graticule runs through the pixel: every 45 degrees of longitude (finer when closer), and
    /// the rows that divide the map alike.
    private func isGraticule(_ x: Int, _ y: Int, level: Int) -> Bool {
        let spacing = (Self.tileSize << level) / (level < 2 ? 8 : level < 4 ? 16 : 32)
        return x % spacing == 0 || y % spacing == 0
    }

    // MARK: Colours

    private static func sea(depth: Float, latitude: Float) -> (Int, Int, Int) {
        if abs(latitude) + depth * 7 > 81.5, abs(latitude) > 76 { return (226, 238, 244) }
        switch depth {
        case ..<0.05: return (176, 214, 232)
        case ..<0.14: return (158, 202, 226)
        case ..<0.28: return (140, 188, 218)
        case ..<0.50: return (124, 174, 209)
        default: return (110, 161, 199)
        }
    }

    private static func land(height: Float, latitude: Float, wet: Float) -> (Int, Int, Int) {
        let cold = abs(latitude) + height * 44 + (wet - 0.5) * 16
        if cold > 84 { return (246, 248, 250) }
        if cold > 77 { return (214, 218, 208) }
        switch height {
        case 0.62...: return (238, 238, 236)
        case 0.46...: return (188, 172, 150)
        case 0.32...: return (203, 188, 152)
        default: break
        }
        let isDry = wet < 0.47 && abs(latitude) < 42
        if height > 0.18 { return isDry ? (226, 208, 160) : (186, 200, 146) }
        if isDry { return (236, 222, 176) }
        if wet > 0.56 { return (150, 190, 134) }
        return (176, 206, 150)
    }

    private static func shaded(_ color: (Int, Int, Int), by amount: Int) -> (Int, Int, Int) {
        (color.0 + amount, color.1 + amount, color.2 + amount)
    }
}
