// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TileModel

/// Cuts a picture that arrives row by row into the tiles of a Deep Zoom pyramid, all levels at once.
///
/// Every level keeps the rows of one row of tiles and hands the mean of each pair of rows to the next coarser one.
/// Memory is about two rows of tiles of the finest level, whatever the picture's height.
struct TileCutter {
    /// Takes a finished tile, overlap included.
    typealias Sink = (TileCoordinate, RasterImage) throws(BuildError) -> Void

    private let pyramid: Pyramid
    private let cut: ClosedRange<Int>
    /// By level, the coarsest first.
    private var levels: [Level]

    private struct Level {
        let size: GridSize
        /// RGB rows from `firstRow` on.
        var pixels: [UInt8] = []
        var firstRow = 0
        /// The rows that arrived.
        var rows = 0
        /// The row of tiles that is cut next.
        var tileRow = 0
        /// Rows that were handed down, in pairs.
        var halvedRows = 0

        var stride: Int { size.width * 3 }
    }

    /// A cutter that is fed with rows of `finest` and hands out the tiles of the levels `cut`.
    init(pyramid: Pyramid, finest: Int, cutting cut: ClosedRange<Int>) {
        precondition(cut.upperBound <= finest && finest <= pyramid.maxLevel, "cutting \(cut) from level \(finest)")
        self.pyramid = pyramid
        self.cut = cut
        levels = (0...finest).map { Level(size: pyramid.size(ofLevel: $0)) }
    }

    /// Takes the next rows of the finest level, from the top. All rows must come, once.
    mutating func push(_ rows: RasterImage, sink: Sink) throws(BuildError) {
        precondition(rows.channels == 3 && rows.width == levels[levels.count - 1].size.width, "rows of another picture")
        try push(rows.pixels, count: rows.height, level: levels.count - 1, sink: sink)
    }

    private mutating func push(_ pixels: [UInt8], count: Int, level: Int, sink: Sink) throws(BuildError) {
        levels[level].pixels.append(contentsOf: pixels)
        levels[level].rows += count
        precondition(levels[level].rows <= levels[level].size.height, "more rows than level \(level) has")
        try handDown(from: level, sink: sink)
        try cutRows(of: level, sink: sink)
    }

    /// Hands the means of pairs of rows to the next coarser level.
    private mutating func handDown(from number: Int, sink: Sink) throws(BuildError) {
        guard number > 0 else { return }
        let level = levels[number]
        let isLast = level.rows == level.size.height
        let available = isLast ? level.rows : level.rows & ~1
        guard available > level.halvedRows else { return }
        let below = levels[number - 1].stride
        let count = (available - level.halvedRows + 1) / 2
        var halved = [UInt8](repeating: 0, count: count * below)
        for row in 0..<count {
            let upper = level.halvedRows + 2 * row
            RasterImage.halveRows(
                level.pixels,
                upper: (upper - level.firstRow) * level.stride,
                lower: (min(upper + 1, level.size.height - 1) - level.firstRow) * level.stride,
                width: level.size.width,
                channels: 3,
                into: &halved,
                at: row * below
            )
        }
        levels[number].halvedRows = available
        try push(halved, count: count, level: number - 1, sink: sink)
    }

    /// Cuts the rows of tiles that are complete and drops the rows that nobody needs any more.
    private mutating func cutRows(of number: Int, sink: Sink) throws(BuildError) {
        let grid = pyramid.grid(ofLevel: number)
        while levels[number].tileRow < grid.height {
            let level = levels[number]
            let first = pyramid.rect(of: TileCoordinate(level: number, x: 0, y: level.tileRow))
            guard first.y + first.height <= level.rows else { break }
            if cut.contains(number) {
                for x in 0..<grid.width {
                    let tile = TileCoordinate(level: number, x: x, y: level.tileRow)
                    try sink(tile, image(of: pyramid.rect(of: tile), in: level))
                }
            }
            levels[number].tileRow += 1
        }
        let level = levels[number]
        let nextTop =
            level.tileRow < grid.height
            ? pyramid.rect(of: TileCoordinate(level: number, x: 0, y: level.tileRow)).y : level.rows
        let needed = min(nextTop, number > 0 ? level.halvedRows : level.rows)
        if needed > level.firstRow {
            levels[number].pixels.removeFirst((needed - level.firstRow) * level.stride)
            levels[number].firstRow = needed
        }
    }

    private func image(of rect: PixelRect, in level: Level) -> RasterImage {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(rect.width * rect.height * 3)
        for row in rect.y..<(rect.y + rect.height) {
            let start = (row - level.firstRow) * level.stride + rect.x * 3
            pixels.append(contentsOf: level.pixels[start..<(start + rect.width * 3)])
        }
        return RasterImage(width: rect.width, height: rect.height, channels: 3, pixels: pixels)
    }
}
