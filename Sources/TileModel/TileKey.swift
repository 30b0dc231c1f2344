// SPDX-License-Identifier: Apache-2.0

/// The name of one tile in memory: 128 bits that compare as two words.
///
/// The ordinal stands for one opened (tileset, version, parameters), so bytes of an old version or of another quality
/// never have the same key. Only the checked initialisers make keys.
///
///     high: ordinal 32 | level 8 | variant 8 | 0 16        low: x 32 | y 32
public struct TileKey: Hashable, Sendable {
    /// Ordinal, level and form.
    public let high: UInt64
    /// Column and row.
    public let low: UInt64

    /// Nil where a number does not fit its field.
    @inlinable
    public init?(ordinal: UInt32, tile: TileCoordinate, variant: TileVariant) {
        guard let level = UInt8(exactly: tile.level), let x = UInt32(exactly: tile.x), let y = UInt32(exactly: tile.y)
        else { return nil }
        high = UInt64(ordinal) << 32 | UInt64(level) << 24 | UInt64(variant.bits) << 16
        low = UInt64(x) << 32 | UInt64(y)
    }

    /// The ordinal of the opened tileset.
    @inlinable
    public var ordinal: UInt32 { UInt32(truncatingIfNeeded: high >> 32) }

    /// The place in the pyramid.
    @inlinable
    public var tile: TileCoordinate { Self.tile(high: high, low: low) }

    /// The place that a key of these words names.
    @inlinable
    package static func tile(high: UInt64, low: UInt64) -> TileCoordinate {
        TileCoordinate(
            level: Int(UInt8(truncatingIfNeeded: high >> 24)),
            x: Int(UInt32(truncatingIfNeeded: low >> 32)),
            y: Int(UInt32(truncatingIfNeeded: low))
        )
    }

    /// What the tile's bytes are; nil never for a key that was made of a form.
    @inlinable
    public var format: TileFormat? { TileFormat(rawValue: UInt8(truncatingIfNeeded: high >> 16) & 0x0F) }

    /// Whether it is the padded form of the tile.
    @inlinable
    public var isPadded: Bool { high & 0x10_0000 != 0 }

    /// Which form of the tile; nil never for a key that was made of one.
    package var variant: TileVariant? { TileVariant(bits: UInt8(truncatingIfNeeded: high >> 16)) }

    /// A well mixed 64-bit hash: both words through the finaliser of MurmurHash3 (Appleby), public domain arithmetic.
    /// Not keyed: keys are bounded by the catalog's geometry, so a client cannot choose them freely enough to matter.
    @inlinable
    public var mixed: UInt64 { Self.mix(Self.mix(high) ^ (low &* 0x9E37_79B9_7F4A_7C15)) }

    /// The finaliser: every bit of the value changes about half of the bits of the result.
    @inlinable
    public static func mix(_ value: UInt64) -> UInt64 {
        var h = value
        h ^= h >> 33
        h = h &* 0xFF51_AFD7_ED55_8CCD
        h ^= h >> 33
        h = h &* 0xC4CE_B9FE_1A85_EC53
        h ^= h >> 33
        return h
    }
}
