// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// What one viewer seems to look at, by the tiles that it has asked for: a level, a rectangle, and where it is going.
///
/// Viewers ask for what they show and do not have, from the middle outwards, and only at one level or two at a time. So
/// - after a change of level, the tiles of the new one come around the old middle (whoever zooms in has nothing of the
///   finer level: the first that is asked for is the middle), as many across and down as the viewer showed before;
/// - a tile outside of the rectangle means that the viewer has moved, and that the rest of the new edge comes next;
/// - who has moved the same way several times in a row will move so again.
///
/// A pure value: no clock (times are nanoseconds of the caller's), constant time and space.
package struct Viewport: Hashable, Sendable {
    /// What is expected to be asked for, and the tile near which first.
    package struct Expectation: Hashable, Sendable {
        package let box: TileBox
        package let nearest: TileCoordinate
    }

    /// Where it was seen to move.
    private struct Direction: Hashable, Sendable {
        var x = 0
        var y = 0
    }

    package private(set) var level: Int
    package private(set) var box: TileBox
    package private(set) var lastSeen: Int
    private var width = 1.0
    private var height = 1.0
    /// Requests since the level changed.
    private var count = 1
    private var levelSince: Int
    /// When it was last seen at two levels at once.
    private var mixedSeen: Int?
    private var direction = Direction()
    private var directionSeen: Int
    /// Moves in the same direction, one after the other.
    private var moves = 0
    /// Whether what is expected of a rest was told.
    private var isRestTold = false

    /// A viewport is taken this much smaller at a new level: half a row too few waits for one request, a row too many is
    /// rendered for nobody.
    private static var caution: Double { 0.85 }
    /// Requests at a level from which its rectangle is believed to be the viewport.
    private static var believable: Int { 3 }
    /// While a new level fills, at most this long and without a longer pause, a tile outside means a larger viewport
    /// and not a move.
    private static var fillTime: Int { 2_500_000_000 }
    private static var fillPause: Int { 600_000_000 }
    /// Who asks at two levels within this time shows both (or is several), and has not zoomed.
    private static var zoomPause: Int { 100_000_000 }
    /// After that, for this long nothing is expected: where such a viewer is cannot be told.
    private static var mixedTime: Int { 500_000_000 }
    /// Moves this far apart are one journey.
    private static var journeyPause: Int { 2_000_000_000 }
    /// Moves in one direction after which the next is expected.
    private static var journey: Int { 3 }
    /// No viewer shows more tiles than this, across or down.
    private static var largest: Double { 32 }

    package init(_ tile: TileCoordinate, at time: Int) {
        level = tile.level
        box = TileBox(tile)
        lastSeen = time
        levelSince = time
        directionSeen = time
    }

    /// How far a tile is from what is shown: below 1 inside or at the edge, growing with the distance from the middle
    /// in viewports.
    package func distance(to tile: TileCoordinate) -> Double {
        let scaled = box.scaled(bySteps: tile.level - level)
        let centre = scaled.centre
        func relative(_ position: Int, _ middle: Double, _ extent: Double) -> Double {
            abs(Double(position) + 0.5 - middle) / (extent / 2 + 2)
        }
        return max(
            relative(tile.x, centre.x, max(scaled.width, width)),
            relative(tile.y, centre.y, max(scaled.height, height))
        )
    }

    /// The viewer has asked for a tile. What it will probably ask for next, at the same level.
    package mutating func see(_ tile: TileCoordinate, at time: Int) -> [Expectation] {
        defer {
            count += 1
            lastSeen = time
            isRestTold = false
        }
        if tile.level != level { return changeLevel(to: tile, at: time) }
        let old = box
        let isFilling = time - lastSeen < Self.fillPause && time - levelSince < Self.fillTime
        box = isFilling ? limited(box.union(tile), tile) : box.moved(toHold: tile)
        guard box != old, !isMixed(at: time) else { return [] }
        let moved = Direction(
            x: box.right > old.right ? 1 : box.left < old.left ? -1 : 0,
            y: box.bottom > old.bottom ? 1 : box.top < old.top ? -1 : 0
        )
        return edge(moved, tile) + (isFilling ? [] : journey(moved, tile, at: time))
    }

    /// Whether `rest` has something to say.
    package var mayRest: Bool { !isRestTold && count >= Self.believable }

    /// The viewer has asked for nothing for a while. Told once, and only after enough was seen to know the middle: two by
    /// two tiles or fewer around it.
    package mutating func rest() -> TileBox? {
        guard mayRest else { return nil }
        isRestTold = true
        return TileBox(centre: box.centre, width: 1, height: 1)
    }

    private mutating func changeLevel(to tile: TileCoordinate, at time: Int) -> [Expectation] {
        if time - lastSeen < Self.zoomPause { mixedSeen = time }
        if count >= Self.believable {
            width = min(box.width, Self.largest)
            height = min(box.height, Self.largest)
        }
        var centre = box.scaled(bySteps: tile.level - level).centre
        // Who zooms out has the middle already, and asks for what lies around it. Who zooms in asks for the middle first;
        // but who does so step by step may have been there before, and then the middle is somewhere between.
        if tile.level > level {
            let asked = (x: Double(tile.x) + 0.5, y: Double(tile.y) + 0.5)
            let isNear = abs(asked.x - centre.x) <= width * 0.75 && abs(asked.y - centre.y) <= height * 0.75
            let isStep = tile.level == level + 1
            centre = isStep && isNear ? ((asked.x + centre.x) / 2, (asked.y + centre.y) / 2) : asked
        }
        level = tile.level
        levelSince = time
        count = 0
        moves = 0
        box = TileBox(centre: centre, width: width * Self.caution, height: height * Self.caution)
        let expected = box
        box = box.moved(toHold: tile)
        return isMixed(at: time) ? [] : [Expectation(box: expected, nearest: tile)]
    }

    private func isMixed(at time: Int) -> Bool { mixedSeen.map { time - $0 < Self.mixedTime } ?? false }

    /// The rows and columns that a move has uncovered.
    private func edge(_ moved: Direction, _ tile: TileCoordinate) -> [Expectation] {
        let one = TileBox(tile)
        var edges: [Expectation] = []
        if moved.x != 0 {
            let column = TileBox(left: one.left, top: box.top, right: one.right, bottom: box.bottom)
            edges.append(Expectation(box: column, nearest: tile))
        }
        if moved.y != 0 {
            let row = TileBox(left: box.left, top: one.top, right: box.right, bottom: one.bottom)
            edges.append(Expectation(box: row, nearest: tile))
        }
        return edges
    }

    /// The row or column beyond the edge, for who keeps moving that way.
    private mutating func journey(_ moved: Direction, _ tile: TileCoordinate, at time: Int) -> [Expectation] {
        moves = moved == direction && time - directionSeen < Self.journeyPause ? moves + 1 : 1
        direction = moved
        directionSeen = time
        guard moves >= Self.journey else { return [] }
        var next = box
        if moved.x > 0 { (next.left, next.right) = (box.right, box.right + 1) }
        if moved.x < 0 { (next.left, next.right) = (box.left - 1, box.left) }
        if moved.y > 0 { (next.top, next.bottom) = (box.bottom, box.bottom + 1) }
        if moved.y < 0 { (next.top, next.bottom) = (box.top - 1, box.top) }
        return [Expectation(box: next, nearest: tile)]
    }

    /// The box, or where that is larger than any viewport, one around the tile.
    private func limited(_ box: TileBox, _ tile: TileCoordinate) -> TileBox {
        box.width <= Self.largest && box.height <= Self.largest ? box : TileBox(tile)
    }
}
