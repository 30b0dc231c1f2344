// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// Zoomify's view of a Deep Zoom pyramid: the same tiles, counted from the coarsest level whose picture fits in one tile.
///
/// Source: the Zoomify 1.8 layout (`ImageProperties.xml`, `TileGroup{n}/{tier}-{column}-{row}.jpg`). A tile's group is
/// its running number divided by 256; viewers compute it and servers need not, so any group is accepted.
package enum ZoomifyDocument {
    /// The text of `ImageProperties.xml`.
    package static func text(pyramid: Pyramid) -> String {
        let tiles = (coarsestLevel(of: pyramid)...pyramid.maxLevel).reduce(0) { $0 + pyramid.grid(ofLevel: $1).area }
        return """
            <IMAGE_PROPERTIES WIDTH="\(pyramid.size.width)" HEIGHT="\(pyramid.size.height)" NUMTILES="\(tiles)" \
            NUMIMAGES="1" VERSION="1.8" TILESIZE="\(pyramid.tileSize)"/>

            """
    }

    /// The tile of the pyramid that Zoomify counts as `tier`-`column`-`row`; nil where the numbers lead beyond it.
    package static func tile(tier: Int, column: Int, row: Int, in pyramid: Pyramid) -> TileCoordinate? {
        let (level, overflow) = coarsestLevel(of: pyramid).addingReportingOverflow(tier)
        let tile = TileCoordinate(level: level, x: column, y: row)
        return !overflow && pyramid.contains(tile) ? tile : nil
    }

    /// The finest level that is one tile. Complexity: O(levels).
    private static func coarsestLevel(of pyramid: Pyramid) -> Int {
        pyramid.levels.last { pyramid.grid(ofLevel: $0).area == 1 } ?? pyramid.minLevel
    }
}
