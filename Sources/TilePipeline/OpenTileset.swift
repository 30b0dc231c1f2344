// SPDX-License-Identifier: Apache-2.0

import GZip
import Telemetry
import TileCache
package import TileModel
package import TileSources

/// One tileset as it is being served: a source, how its tiles are made, and the ordinal that stands for both in keys.
package final class OpenTileset: Sendable {
    /// Unique in the process for each opening: a tileset that is opened again gets another one.
    package let ordinal: UInt32
    /// Its name in URLs.
    package let id: String
    package let source: any TileSource
    package let parameters: ReconstructionParameters
    /// The source's pyramid, here so that a hit asks no source.
    package let pyramid: Pyramid
    /// What the source's tiles are.
    package let format: TileFormat
    /// Whether tiles are stored as gzip, so that clients that refuse it are sent another form.
    package let isCompressed: Bool
    /// How many levels below the last one tiles are cut from their ancestors; 0: none.
    package let overzoom: Int
    /// Writes what is stored in front of each tile's bytes.
    package let headers: any TileHeaderWriting
    /// What its rendered tiles are of, for tiers that outlive the process.
    package let edition: TileEdition

    package init(
        ordinal: UInt32,
        id: String,
        source: any TileSource,
        parameters: ReconstructionParameters,
        headers: any TileHeaderWriting,
        overzoom: Int = 0
    ) {
        self.ordinal = ordinal
        self.id = id
        self.source = source
        self.parameters = parameters
        self.headers = headers
        pyramid = source.info.pyramid
        format = source.info.format
        isCompressed = source.info.isCompressed
        self.overzoom = source.info.kind == .map ? overzoom : 0
        let finest = TileCoordinate(level: pyramid.maxLevel, x: 0, y: 0)
        let parent = source.family(for: finest)?.parent
        lookAheadGround = parent.flatMap { [pyramid] in
            $0 == finest ? nil : Predictor.Ground(ordinal: ordinal, parentLevel: $0.level, pyramid: pyramid)
        }
        edition = TileEdition(tileset: id, version: source.info.version, parameters: parameters)
        entityHash = Self.hash(source.info.version, parameters)
    }

    /// What the look-ahead has to know; nil where nothing is rendered.
    let lookAheadGround: Predictor.Ground?

    /// Limits the log's lines about this tileset's damage.
    let fault = RepeatedFault()

    private let entityHash: UInt64

    private static func hash(_ version: TilesetVersion, _ parameters: ReconstructionParameters) -> UInt64 {
        var hash = StableHash()
        hash.combine(version.description)
        hash.combine(parameters.hash)
        return hash.value
    }

    /// What names a tile's bytes in an ETag: a hash of version, parameters, place and form, and for a tile that lies in
    /// a file of its own that file's identity. Constant time, no allocation.
    ///
    /// It is even where it follows from the tileset's version alone, and odd where a file of the tile's own, or damage,
    /// takes part: only the former may be kept for ever under a URL with the version.
    package func entityTag(of key: TileKey, fileIdentity: UInt64 = 0) -> UInt64 {
        // The ordinal is of this process alone, so only the rest of the key takes part.
        let hash = TileKey.mix(TileKey.mix(key.high & 0xFFFF_FFFF ^ entityHash) ^ key.low ^ TileKey.mix(fileIdentity))
        return fileIdentity == 0 ? hash & ~1 : hash | 1
    }

    /// Whether a tile in memory follows from the edition alone: what is stored with it is what is stored with such a tile.
    func isOfEdition(_ tile: PinnedTile, _ key: TileKey) -> Bool {
        var block: [UInt8] = []
        let byteCount = unsafe tile.body.count
        headers.appendHeaders(
            of: key,
            entityTag: entityTag(of: key),
            format: key.format ?? format,
            byteCount: byteCount,
            modified: nil,
            to: &block
        )
        // SAFETY: the caller's reference keeps the block.
        return unsafe tile.headers.elementsEqual(block)
    }

    /// The same for a tile whose ETag is known without its bytes: one that is rendered. Nil for a tile that lies in a
    /// file of its own, which may have changed since.
    package func knownEntityTag(of key: TileKey) -> UInt64? {
        guard pyramid.contains(key.tile), derivedVariant(of: key) == nil, let family = source.family(for: key.tile),
            family.parent != key.tile
        else { return nil }
        return entityTag(of: key)
    }

    /// Whether a tile's bytes are gzip and are answered so: geometry alone, pixels that look like it are damaged.
    static func isGzip(_ bytes: some Collection<UInt8>, format: TileFormat) -> Bool {
        !format.isRaster && GZip.isCompressed(bytes)
    }

    /// Whether its tiles can be asked for in a format: their own, and where that can be decoded here, what can be encoded.
    package func canMake(_ target: TileFormat) -> Bool { StoredTileForm.canMake(target, from: format) }

    /// The key of one tile, or nil where the pyramid has no such tile.
    ///
    /// The padded form exists only where it differs from the stored one, so that one picture has one key.
    package func key(of tile: TileCoordinate, format: TileFormat, padded: Bool) -> TileKey? {
        guard pyramid.contains(tile) else { return nil }
        let isPadded = padded && (pyramid.overlap > 0 || pyramid.isPartial(tile))
        return TileKey(ordinal: ordinal, tile: tile, variant: TileVariant(format: format, isPadded: isPadded))
    }

    /// The key of one tile in any of its forms: below the last level where the tileset allows it, at twice the pixels
    /// where the next level has them, inflated where its tiles are compressed.
    package func key(of tile: TileCoordinate, as variant: TileVariant) -> TileKey? {
        let isInflated = variant.isInflated && isCompressed
        guard variant.isDouble || isInflated || tile.level > pyramid.maxLevel else {
            return key(of: tile, format: variant.format, padded: variant.isPadded)
        }
        guard !variant.isDouble || isDecodable && tile.level < pyramid.maxLevel else { return nil }
        guard tile.level <= pyramid.maxLevel ? pyramid.contains(tile) : isOverzoomed(tile) else { return nil }
        let isPadded =
            variant.isPadded && tile.level <= pyramid.maxLevel && (pyramid.overlap > 0 || pyramid.isPartial(tile))
        let form = TileVariant(
            format: variant.format,
            isPadded: isPadded,
            isDouble: variant.isDouble,
            isInflated: isInflated
        )
        return TileKey(ordinal: ordinal, tile: tile, variant: form)
    }

    /// Whether tiles can be decoded, and so be made into others.
    private var isDecodable: Bool { format == .jpeg || format == .png }

    private func isOverzoomed(_ tile: TileCoordinate) -> Bool {
        let steps = tile.level - pyramid.maxLevel
        // A pixel of the ancestor is the least that a tile can be cut from.
        guard isDecodable, steps <= overzoom, pyramid.tileSize >> steps > 0, tile.x >= 0, tile.y >= 0 else {
            return false
        }
        return pyramid.contains(tile.ancestor(steps))
    }

    /// The form that a key names, where neither a source stores it nor a family renders it: `DerivedTile` makes it.
    func derivedVariant(of key: TileKey) -> TileVariant? {
        guard let variant = key.variant,
            variant.isDouble || variant.isInflated || key.tile.level > pyramid.maxLevel
        else { return nil }
        return variant
    }
}

extension TileVariant {
    /// The same form, padded or not.
    func with(isPadded: Bool) -> TileVariant {
        TileVariant(format: format, isPadded: isPadded, isDouble: isDouble, isInflated: isInflated)
    }
}

/// Writes the header block that a tile carries in memory, so that a hit copies nothing together.
///
/// The pipeline knows no HTTP: the tile service implements this.
package protocol TileHeaderWriting: Sendable {
    /// Appends the lines from `ETag` to the blank line. `modified`: seconds since 1970 of a tile that lies in a file of
    /// its own. `isGzip`: the body is stored, and answered, as gzip; its tag differs from that of the plain bytes. Any
    /// thread.
    func appendHeaders(
        of key: TileKey,
        entityTag: UInt64,
        format: TileFormat,
        byteCount: Int,
        modified: Int?,
        isGzip: Bool,
        to block: inout [UInt8]
    )
}

extension TileHeaderWriting {
    /// The same for a body that has no coding.
    package func appendHeaders(
        of key: TileKey,
        entityTag: UInt64,
        format: TileFormat,
        byteCount: Int,
        modified: Int?,
        to block: inout [UInt8]
    ) {
        appendHeaders(
            of: key,
            entityTag: entityTag,
            format: format,
            byteCount: byteCount,
            modified: modified,
            isGzip: false,
            to: &block
        )
    }
}
