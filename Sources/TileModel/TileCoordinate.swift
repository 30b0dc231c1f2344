// SPDX-License-Identifier: Apache-2.0

/// The place of one tile in a pyramid.
///
/// `level` counts in the Deep Zoom direction, 0 the coarsest; for maps it is the zoom level z.
/// `x` counts columns from the left, `y` rows from the top (XYZ, never TMS).
public struct TileCoordinate: Hashable, Sendable {
    /// 0 is the coarsest.
    public let level: Int
    /// The column, from the left.
    public let x: Int
    /// The row, from the top.
    public let y: Int

    /// Any numbers: whether there is such a tile is the pyramid's to say.
    @inlinable
    public init(level: Int, x: Int, y: Int) {
        self.level = level
        self.x = x
        self.y = y
    }

    /// The coordinate `steps` levels coarser that covers this one. `steps` must not exceed `level`.
    package func ancestor(_ steps: Int) -> TileCoordinate {
        precondition(steps >= 0 && steps <= level, "no ancestor \(steps) levels above level \(level)")
        return TileCoordinate(level: level - steps, x: x >> steps, y: y >> steps)
    }
}

extension TileCoordinate: CustomStringConvertible {
    /// `level/x/y`.
    public var description: String { "\(level)/\(x)/\(y)" }
}

/// A width and a height in pixels or in tiles.
public struct GridSize: Hashable, Sendable, CustomStringConvertible {
    /// Columns.
    public let width: Int
    /// Rows.
    public let height: Int

    /// A size as given.
    @inlinable
    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// `width x height`, at most `Int.max`: a map of the finest levels has more pixels than that.
    package var area: Int {
        let (area, overflows) = width.multipliedReportingOverflow(by: height)
        return overflows ? .max : area
    }

    /// `WxH`.
    public var description: String { "\(width)x\(height)" }
}

/// A half-open rectangle: columns `x ..< x + width`, rows `y ..< y + height`.
public struct PixelRect: Hashable, Sendable {
    /// The first column.
    public let x: Int
    /// The first row.
    public let y: Int
    /// How many columns.
    public let width: Int
    /// How many rows.
    public let height: Int

    /// A rectangle as given.
    @inlinable
    public init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    package var size: GridSize { GridSize(width: width, height: height) }
}
