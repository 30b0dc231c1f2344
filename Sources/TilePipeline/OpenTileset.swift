// SPDX-License-Identifier: Apache-2.0

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
    /// Writes what is stored in front of each tile's bytes.
    package let headers: any TileHeaderWriting
    /// What its rendered tiles are of, for tiers that outlive the process.
    package let edition: TileEdition

    package init(
        ordinal: UInt32,
        id: String,
        source: any TileSource,
        parameters: ReconstructionParameters,
        headers: any TileHeaderWriting
    ) {
        self.ordinal = ordinal
        self.id = id
        self.source = source
        self.parameters = parameters
        self.headers = headers
        pyramid = source.info.pyramid
        format = source.info.format
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
        guard let family = source.family(for: key.tile), family.parent != key.tile else { return nil }
        return entityTag(of: key)
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
