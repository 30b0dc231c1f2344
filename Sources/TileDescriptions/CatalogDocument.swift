// SPDX-License-Identifier: Apache-2.0

package import JSONText

/// The document `/catalog.json`.
package enum CatalogDocument {
    /// All tilesets, in the order given.
    package static func json(tilesets: [TilesetSummary]) -> JSONOutput {
        .object([("tilesets", .array(tilesets.map(\.json)))])
    }
}
