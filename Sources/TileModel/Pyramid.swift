// SPDX-License-Identifier: Apache-2.0

/// The geometry of a tile pyramid: which levels, how large each is, and where each tile lies.
///
/// Two kinds exist. A *Deep Zoom* pyramid (`init?(deepZoom:tileSize:overlap:)`) halves the image, rounding up, until
/// it is one pixel: level `l` measures `ceil(W / 2^(max - l))`. A *map* pyramid (`init?(mapTileSize:levels:)`)
/// measures `2^l` by `2^l` whole tiles. Everything here is a value and constant time.
///
/// Source: Deep Zoom, facts verified in `docs/architecture.md`; OSGeo TMS for the map grid.
public struct Pyramid: Hashable, Sendable {
    /// The side of a tile in pixels, without overlap.
    public let tileSize: Int
    /// Pixels that neighbouring tiles share on each inner side (Deep Zoom); 0 for maps.
    public let overlap: Int
    /// The coarsest level that has tiles.
    public let minLevel: Int
    /// The finest level that has tiles.
    public let maxLevel: Int
    /// The size of the finest level in pixels.
    public let size: GridSize
    private let isMap: Bool

    /// The largest image side that is accepted: 2^30 pixels, so that no product of two sides overflows 63 bits.
    package static let maxSide = 1 << 30
    /// The largest tile side that is accepted: a tile is decoded whole, so this bounds memory per tile.
    package static let maxTileSize = 4096
    /// The finest map level that is accepted, as in TileJSON 3.0.0.
    package static let maxMapLevel = 30

    /// A Deep Zoom pyramid. Nil where a size is zero, negative or beyond the bounds above, or where the overlap is
    /// not smaller than the tile.
    package init?(deepZoom size: GridSize, tileSize: Int, overlap: Int) {
        guard (1...Self.maxSide).contains(size.width), (1...Self.maxSide).contains(size.height),
            (1...Self.maxTileSize).contains(tileSize), (0..<tileSize).contains(overlap)
        else { return nil }
        self.size = size
        self.tileSize = tileSize
        self.overlap = overlap
        self.minLevel = 0
        let longest = max(size.width, size.height)
        self.maxLevel = longest == 1 ? 0 : Int.bitWidth - (longest - 1).leadingZeroBitCount
        self.isMap = false
    }

    /// A map pyramid of square whole tiles. Nil where a level or the tile size is out of bounds.
    package init?(mapTileSize tileSize: Int, levels: ClosedRange<Int>) {
        guard (1...Self.maxTileSize).contains(tileSize), levels.lowerBound >= 0,
            levels.upperBound <= Self.maxMapLevel
        else { return nil }
        self.tileSize = tileSize
        self.overlap = 0
        self.minLevel = levels.lowerBound
        self.maxLevel = levels.upperBound
        self.size = GridSize(width: tileSize << levels.upperBound, height: tileSize << levels.upperBound)
        self.isMap = true
    }

    /// The levels that have tiles.
    package var levels: ClosedRange<Int> { minLevel...maxLevel }

    /// The size of a level in pixels. The level must be in `levels`.
    package func size(ofLevel level: Int) -> GridSize {
        precondition(levels.contains(level), "level \(level) outside \(levels)")
        let shift = maxLevel - level
        if isMap { return GridSize(width: tileSize << level, height: tileSize << level) }
        return GridSize(width: Self.ceilShift(size.width, shift), height: Self.ceilShift(size.height, shift))
    }

    /// The number of columns and rows of a level. The level must be in `levels`.
    package func grid(ofLevel level: Int) -> GridSize {
        let size = size(ofLevel: level)
        return GridSize(
            width: (size.width + tileSize - 1) / tileSize,
            height: (size.height + tileSize - 1) / tileSize
        )
    }

    /// Whether a tile exists at the coordinate, by geometry alone.
    package func contains(_ tile: TileCoordinate) -> Bool {
        guard levels.contains(tile.level), tile.x >= 0, tile.y >= 0 else { return false }
        let grid = grid(ofLevel: tile.level)
        return tile.x < grid.width && tile.y < grid.height
    }

    /// The pixels of the level that a tile covers, overlap included (`overlapping: true`, what a Deep Zoom file
    /// holds) or without it. The tile must be contained.
    package func rect(of tile: TileCoordinate, overlapping: Bool = true) -> PixelRect {
        precondition(contains(tile), "no tile \(tile) in a pyramid of \(size)")
        let size = size(ofLevel: tile.level)
        let border = overlapping ? overlap : 0
        let left = max(tile.x * tileSize - border, 0)
        let top = max(tile.y * tileSize - border, 0)
        let right = min((tile.x + 1) * tileSize + border, size.width)
        let bottom = min((tile.y + 1) * tileSize + border, size.height)
        return PixelRect(x: left, y: top, width: right - left, height: bottom - top)
    }

    /// Whether a tile, overlap aside, is smaller than `tileSize` in a direction: only at the right and lower edge.
    package func isPartial(_ tile: TileCoordinate) -> Bool {
        let rect = rect(of: tile, overlapping: false)
        return rect.width < tileSize || rect.height < tileSize
    }

    /// How many tiles all levels have together. Complexity: O(levels).
    package var tileCount: Int {
        levels.reduce(0) { $0 &+ grid(ofLevel: $1).area }
    }

    private static func ceilShift(_ value: Int, _ shift: Int) -> Int {
        (value + (1 << shift) - 1) >> shift
    }
}
