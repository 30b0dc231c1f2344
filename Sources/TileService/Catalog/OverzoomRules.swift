// SPDX-License-Identifier: Apache-2.0

/// How many levels below their last one maps of pixels are served, cut out of their finest tiles and enlarged.
package struct OverzoomRules: Sendable, Hashable {
    /// Of tilesets that have no number of their own.
    package var standard = 0
    /// By the tilesets' ids.
    package var byTileset: [String: Int] = [:]

    /// The most levels: a tile of 256 pixels shows one pixel then.
    package static let maximum = 8

    package init() {}

    subscript(tileset: String) -> Int { byTileset[tileset] ?? standard }
}
