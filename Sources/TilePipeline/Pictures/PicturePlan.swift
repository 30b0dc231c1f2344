// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// From which tiles a picture is put together: those of the coarsest level that has its pixels. Pure.
package struct PicturePlan: Hashable, Sendable {
    /// The level that is read.
    package let level: Int
    /// The columns and rows of tiles that the region touches.
    package let columns: ClosedRange<Int>
    package let rows: ClosedRange<Int>
    /// The region in pixels of the level; it may begin and end within one.
    package let x: Double
    package let y: Double
    package let width: Double
    package let height: Double
    /// The whole pixels of the level that the region touches.
    package let touched: PixelRect

    /// The most pixels that are read for one picture. A picture that keeps its proportions reads at most four times its
    /// own; only one that is squeezed hard in one direction comes near.
    package static let maxTouched = 1 << 27

    /// Nil where more would have to be read than `maxTouched`.
    package init?(region: PixelRect, size: GridSize, pyramid: Pyramid) {
        var chosen = pyramid.maxLevel
        var window = Self.window(region, pyramid, chosen)
        for level in pyramid.levels.reversed().dropFirst() {
            let coarser = Self.window(region, pyramid, level)
            guard coarser.width >= Double(size.width), coarser.height >= Double(size.height) else { break }
            (chosen, window) = (level, coarser)
        }
        level = chosen
        (x, y, width, height) = window
        let whole = pyramid.size(ofLevel: chosen)
        let left = min(Int(x), whole.width - 1), top = min(Int(y), whole.height - 1)
        let right = min(max(Int((x + width).rounded(.up)), left + 1), whole.width)
        let bottom = min(max(Int((y + height).rounded(.up)), top + 1), whole.height)
        touched = PixelRect(x: left, y: top, width: right - left, height: bottom - top)
        guard touched.size.area <= Self.maxTouched else { return nil }
        columns = left / pyramid.tileSize...(right - 1) / pyramid.tileSize
        rows = top / pyramid.tileSize...(bottom - 1) / pyramid.tileSize
    }

    /// The region in pixels of a level. A region that ends at the picture's edge, or where a pixel of the level ends,
    /// is whole there: the last pixel of a level may stand for less than the others.
    private static func window(
        _ region: PixelRect,
        _ pyramid: Pyramid,
        _ level: Int
    ) -> (x: Double, y: Double, width: Double, height: Double) {
        let shift = pyramid.maxLevel - level
        let (x, width) = part(region.x, region.width, of: pyramid.size.width, shift)
        let (y, height) = part(region.y, region.height, of: pyramid.size.height, shift)
        return (x, y, width, height)
    }

    private static func part(_ start: Int, _ length: Int, of full: Int, _ shift: Int) -> (Double, Double) {
        let pixel = 1 << shift
        let end = start + length
        let from = Double(start) / Double(pixel)
        let to = end == full ? Double((full + pixel - 1) / pixel) : Double(end) / Double(pixel)
        return (from, to - from)
    }

    /// The tile that a picture is, byte for byte: its region is what one tile covers, at that tile's own scale. Nil where
    /// it is none, or where tiles overlap and so hold more than they cover.
    package static func tile(showing region: PixelRect, at size: GridSize, in pyramid: Pyramid) -> TileCoordinate? {
        guard pyramid.overlap == 0 else { return nil }
        for level in pyramid.levels {
            let shift = pyramid.maxLevel - level
            let side = pyramid.tileSize << shift
            guard region.x % side == 0, region.y % side == 0,
                region.width == min(side, pyramid.size.width - region.x),
                region.height == min(side, pyramid.size.height - region.y)
            else { continue }
            let tile = TileCoordinate(level: level, x: region.x / side, y: region.y / side)
            // A picture that fits in one tile is that on several levels; its size tells them apart.
            if pyramid.rect(of: tile).size == size { return tile }
        }
        return nil
    }
}
