// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// A rectangle in tiles of one level; it may begin and end within a tile.
package struct TileBox: Hashable, Sendable {
    package var left: Double
    package var top: Double
    package var right: Double
    package var bottom: Double

    package init(left: Double, top: Double, right: Double, bottom: Double) {
        self.left = left
        self.top = top
        self.right = right
        self.bottom = bottom
    }

    /// One whole tile.
    package init(_ tile: TileCoordinate) {
        self.init(left: Double(tile.x), top: Double(tile.y), right: Double(tile.x) + 1, bottom: Double(tile.y) + 1)
    }

    /// The box of a size around a point.
    package init(centre: (x: Double, y: Double), width: Double, height: Double) {
        self.init(
            left: centre.x - width / 2,
            top: centre.y - height / 2,
            right: centre.x + width / 2,
            bottom: centre.y + height / 2
        )
    }

    package var width: Double { right - left }
    package var height: Double { bottom - top }
    package var centre: (x: Double, y: Double) { ((left + right) / 2, (top + bottom) / 2) }

    /// The same place at a level `steps` finer (coarser where negative). `steps` is a difference of two levels.
    package func scaled(bySteps steps: Int) -> TileBox {
        let scale = steps >= 0 ? Double(1 << min(steps, 62)) : 1 / Double(1 << min(-steps, 62))
        return TileBox(left: left * scale, top: top * scale, right: right * scale, bottom: bottom * scale)
    }

    /// The smallest box that holds this one and a tile.
    package func union(_ tile: TileCoordinate) -> TileBox {
        let other = TileBox(tile)
        return TileBox(
            left: min(left, other.left),
            top: min(top, other.top),
            right: max(right, other.right),
            bottom: max(bottom, other.bottom)
        )
    }

    /// The box of the same size, moved as little as it takes to hold a tile (its near edges, where it is smaller).
    package func moved(toHold tile: TileCoordinate) -> TileBox {
        let other = TileBox(tile)
        func shift(_ start: Double, _ end: Double, _ low: Double, _ high: Double) -> Double {
            low < start ? low - start : high > end ? high - end : 0
        }
        let x = shift(left, right, other.left, other.right)
        let y = shift(top, bottom, other.top, other.bottom)
        return TileBox(left: left + x, top: top + y, right: right + x, bottom: bottom + y)
    }
}
