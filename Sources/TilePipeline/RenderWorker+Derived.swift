// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import GZip
import ImageCodecs
import Telemetry
import TileModel
import TileSources

extension RenderWorker {
    /// Makes one of the forms that `OpenTileset.isDerived` tells, and puts it into memory.
    func derive(
        _ variant: TileVariant,
        _ tile: TileCoordinate,
        _ key: TileKey,
        _ tileset: OpenTileset,
        start: Int
    ) -> TileOutcome {
        do {
            let (bytes, file) = try self.bytes(variant, of: tile, tileset)
            return unsafe bytes.withUnsafeBytes { unsafe store($0, as: key, file, tileset, start: start) }
        } catch RenderError.missing {
            return .missing
        } catch {
            return outcome(of: error, tile, tileset)
        }
    }

    /// The bytes of such a form and what is known of the file that they come from. Blocks on the file system.
    private func bytes(
        _ variant: TileVariant,
        of tile: TileCoordinate,
        _ tileset: OpenTileset
    ) throws -> (bytes: [UInt8], file: StoredTileFile) {
        if variant.isInflated {
            let file = try tileset.source.readTile(tile, into: stored)
            let bytes = stored.bytes
            guard GZip.isCompressed(bytes) else { return (bytes, file) }
            return (try StoredBytes.inflated(bytes, path: "\(tileset.id), tile \(tile)"), file)
        }
        let quality = tileset.parameters.quality
        let (image, identity) = try picture(variant, of: tile, tileset)
        let bytes = try derived.encode(image, as: variant.format, tile: tile, quality: quality)
        pipeline.metrics.tilesEncoded.add()
        return (bytes, StoredTileFile(format: variant.format, identity: identity))
    }

    /// The picture of a tile as it is asked for, and the identity of the files that it comes from.
    private func picture(
        _ variant: TileVariant,
        of tile: TileCoordinate,
        _ tileset: OpenTileset
    ) throws -> (RasterImage, UInt64) {
        let pyramid = tileset.pyramid
        let deepest = pyramid.maxLevel
        guard variant.isDouble else {
            let steps = tile.level - deepest
            let (ancestor, identity) = try storedPicture(of: tile.ancestor(steps), tileset)
            return (DerivedTile.cut(ancestor, for: tile, steps: steps), identity)
        }
        var quarters: [(image: RasterImage, x: Int, y: Int)] = []
        var identity = StableHash()
        var hasFiles = false
        var size = GridSize(width: 2 * pyramid.tileSize, height: 2 * pyramid.tileSize)
        let finer = pyramid.size(ofLevel: tile.level + 1)
        if !variant.isPadded {
            size = GridSize(
                width: min(size.width, finer.width - 2 * tile.x * pyramid.tileSize),
                height: min(size.height, finer.height - 2 * tile.y * pyramid.tileSize)
            )
        }
        for quarter in 0..<4 {
            let x = quarter & 1
            let y = quarter >> 1
            let child = TileCoordinate(level: tile.level + 1, x: 2 * tile.x + x, y: 2 * tile.y + y)
            guard pyramid.contains(child) else { continue }
            do {
                let (image, file) = try storedPicture(of: child, tileset)
                let outer = pyramid.rect(of: child)
                let inner = pyramid.rect(of: child, overlapping: false)
                let part = image.cropped(
                    x: inner.x - outer.x,
                    y: inner.y - outer.y,
                    width: inner.width,
                    height: inner.height
                )
                quarters.append((part, x * pyramid.tileSize, y * pyramid.tileSize))
                identity.combine(file)
                hasFiles = hasFiles || file != 0
            } catch SourceError.missing {
                continue
            } catch RenderError.missing {
                continue
            }
        }
        guard !quarters.isEmpty else { throw SourceError.missing(tile) }
        return (DerivedTile.joined(quarters, size: size, format: variant.format), hasFiles ? identity.value | 1 : 0)
    }

    /// A tile of the source as a picture: stored, or rendered with its family.
    private func storedPicture(of tile: TileCoordinate, _ tileset: OpenTileset) throws -> (RasterImage, UInt64) {
        let expected = tileset.pyramid.rect(of: tile).size
        if let family = tileset.source.family(for: tile), family.parent != tile {
            try tileset.source.load(family, into: material)
            let renderer = renderer(for: tileset.parameters)
            renderer.begin(material)
            let member = family.member(at: tile) ?? 0
            if case .plain = material.part(ofMember: member) {
                // It lies in a file of its own: below.
            } else {
                return (try renderer.picture(member: member), material.deviation(ofMember: member))
            }
        }
        let file = try tileset.source.readTile(tile, into: stored)
        let image = try derived.decode(stored.bytes, format: file.format, tile: tile, expected: expected)
        return (image, file.identity)
    }
}
