// SPDX-License-Identifier: Apache-2.0

package import FamilyRendering
package import Telemetry
package import TileModel

package final class OrigamiSlide: TileSource {
    package static let descriptionName = "baseline_pyramid.dzi"
    package let info: TilesetInfo
    package init(folder: String, logger: Logger) throws(SourceError) { throw .unsupported(path: folder, reason: "") }
    package func family(for tile: TileCoordinate) -> Family? { nil }
    package func readTile(_ tile: TileCoordinate, into buffer: TileBuffer) throws(SourceError) -> TileFormat {
        throw .missing(tile)
    }
    package func load(_ family: Family, into material: FamilyMaterial) throws(SourceError) {}
}
