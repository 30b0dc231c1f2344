// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// A rectangle in pixels of a pyramid's finest level; half-open, and of fractions where a map's projection gives them.
package struct PixelBox: Equatable, Sendable {
    package let minX, minY, maxX, maxY: Double

    package init(minX: Double, minY: Double, maxX: Double, maxY: Double) {
        self.minX = minX
        self.minY = minY
        self.maxX = maxX
        self.maxY = maxY
    }

    package init(_ rect: PixelRect) {
        self.init(
            minX: Double(rect.x),
            minY: Double(rect.y),
            maxX: Double(rect.x) + Double(rect.width),
            maxY: Double(rect.y) + Double(rect.height)
        )
    }

    /// What a tile covers, cut at the picture's edge. The tile may lie on a level above the pyramid's own.
    init(of tile: TileCoordinate, in pyramid: Pyramid) {
        let side = Double(pyramid.tileSize << (pyramid.maxLevel - tile.level))
        self.init(
            minX: Double(tile.x) * side,
            minY: Double(tile.y) * side,
            maxX: min(Double(tile.x + 1) * side, Double(pyramid.size.width)),
            maxY: min(Double(tile.y + 1) * side, Double(pyramid.size.height))
        )
    }

    func touches(_ other: PixelBox) -> Bool {
        minX < other.maxX && other.minX < maxX && minY < other.maxY && other.minY < maxY
    }

    func contains(_ other: PixelBox) -> Bool {
        minX <= other.minX && other.maxX <= maxX && minY <= other.minY && other.maxY <= maxY
    }
}

/// The part of a pyramid that is wanted: boxes and polygons, in pixels of its finest level. What any of them touches is
/// wanted. Pure.
package struct WarmRegion: Equatable, Sendable {
    package let boxes: [PixelBox]
    package let polygons: [PixelPolygon]

    package init(boxes: [PixelBox], polygons: [PixelPolygon] = []) {
        self.boxes = boxes
        self.polygons = polygons
    }

    /// Rectangles of whole pixels, cut at the picture's edges; those that lie outside want nothing.
    package init(_ rects: [PixelRect]) { self.init(boxes: rects.map(PixelBox.init)) }

    /// Whether any of a tile's place is wanted.
    package func touches(_ tile: TileCoordinate, of pyramid: Pyramid) -> Bool {
        touches(PixelBox(of: tile, in: pyramid))
    }

    /// Whether any of a box is wanted.
    func touches(_ box: PixelBox) -> Bool {
        boxes.contains { $0.touches(box) } || polygons.contains { $0.touches(box) }
    }

    /// Whether all of a box is wanted by one of the shapes. False may mean that several together want all of it.
    func contains(_ box: PixelBox) -> Bool {
        boxes.contains { $0.contains(box) } || polygons.contains { $0.contains(box) }
    }
}

/// A polygon with holes: what an odd number of its edges separates from the outside is inside.
package struct PixelPolygon: Equatable, Sendable {
    package struct Point: Equatable, Sendable {
        package let x, y: Double

        package init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }

    private struct Edge: Equatable, Sendable {
        let from, to: Point

        /// Whether any of it lies inside the box, its border left out. (Liang and Barsky 1984.)
        func crosses(_ box: PixelBox) -> Bool {
            var enters = 0.0, leaves = 1.0
            let (dx, dy) = (to.x - from.x, to.y - from.y)
            for (step, room) in [
                (-dx, from.x - box.minX), (dx, box.maxX - from.x), (-dy, from.y - box.minY), (dy, box.maxY - from.y),
            ] {
                if step == 0 {
                    if room <= 0 { return false }
                } else if step < 0 {
                    enters = max(enters, room / step)
                } else {
                    leaves = min(leaves, room / step)
                }
            }
            return enters < leaves
        }
    }

    private let bounds: PixelBox
    private let edges: [Edge]
    /// The edges that reach into each of some equally high strips, so that a small box is compared with few of them.
    private let strips: [[Int32]]

    /// - Parameter rings: outlines and holes, each of at least three points; closed by themselves.
    package init?(rings: [[Point]]) {
        guard !rings.isEmpty, rings.allSatisfy({ $0.count >= 3 }) else { return nil }
        let points = rings.joined()
        guard points.allSatisfy({ $0.x.isFinite && $0.y.isFinite }) else { return nil }
        bounds = PixelBox(
            minX: points.map(\.x).min() ?? 0,
            minY: points.map(\.y).min() ?? 0,
            maxX: points.map(\.x).max() ?? 0,
            maxY: points.map(\.y).max() ?? 0
        )
        edges = rings.flatMap { ring in
            ring.indices.map { Edge(from: ring[$0], to: ring[($0 + 1) % ring.count]) }
        }
        var strips = [[Int32]](repeating: [], count: max(1, min(edges.count / 4, 1024)))
        // Where most edges reach through most strips, strips spare nothing and would take a thousand times the room.
        let (bounds, count) = (bounds, strips.count)
        let reach = edges.map { Self.strips(min($0.from.y, $0.to.y), max($0.from.y, $0.to.y), bounds, count) }
        if reach.reduce(0, { $0 + $1.count }) > 16 * edges.count {
            strips = [Array(0..<Int32(edges.count))]
        } else {
            for (index, range) in reach.enumerated() {
                for strip in range { strips[strip].append(Int32(index)) }
            }
        }
        self.strips = strips
    }

    var leftmost: Double { bounds.minX }
    var rightmost: Double { bounds.maxX }

    func touches(_ box: PixelBox) -> Bool {
        guard bounds.touches(box) || bounds.minX == bounds.maxX || bounds.minY == bounds.maxY else { return false }
        return isCrossed(box) || isInside(x: (box.minX + box.maxX) / 2, y: (box.minY + box.maxY) / 2)
    }

    func contains(_ box: PixelBox) -> Bool {
        bounds.contains(box) && !isCrossed(box)
            && isInside(x: (box.minX + box.maxX) / 2, y: (box.minY + box.maxY) / 2)
    }

    private func isCrossed(_ box: PixelBox) -> Bool {
        Self.strips(box.minY, box.maxY, bounds, strips.count).contains { strip in
            strips[strip].contains { edges[Int($0)].crosses(box) }
        }
    }

    /// Whether a ray to the east crosses an odd number of edges.
    private func isInside(x: Double, y: Double) -> Bool {
        guard y >= bounds.minY, y <= bounds.maxY else { return false }
        var isInside = false
        for index in strips[Self.strips(y, y, bounds, strips.count).lowerBound] {
            let edge = edges[Int(index)]
            guard (edge.from.y > y) != (edge.to.y > y) else { continue }
            let crossing = edge.from.x + (y - edge.from.y) / (edge.to.y - edge.from.y) * (edge.to.x - edge.from.x)
            if x < crossing { isInside.toggle() }
        }
        return isInside
    }

    private static func strips(_ minY: Double, _ maxY: Double, _ bounds: PixelBox, _ count: Int) -> ClosedRange<Int> {
        let height = bounds.maxY - bounds.minY
        func strip(_ y: Double) -> Int {
            guard height > 0 else { return 0 }
            return Int(min(max((y - bounds.minY) / height * Double(count), 0), Double(count - 1)))
        }
        return strip(minY)...max(strip(maxY), strip(minY))
    }
}
