// SPDX-License-Identifier: Apache-2.0

/// What the levels of a tileset mean, and whether holes are to be expected. Its raw value is what documents say.
package enum TilesetKind: String, Sendable {
    /// A Deep Zoom pyramid: level 0 is one pixel. Every tile of its grid exists, and a missing one is a fault.
    case slide
    /// A Web Mercator tile grid: the level is z. Tiles may be missing without fault.
    case map
}
