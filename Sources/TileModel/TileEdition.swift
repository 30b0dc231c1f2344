// SPDX-License-Identifier: Apache-2.0

/// What a set of tiles was made of, in 128 bits: a tileset's id, the state of its files, and how its tiles are made.
///
/// The same in every process and on every machine, so it names tiles in tiers that outlive the process. A changed slide or
/// another quality has another edition: what was stored of the old one is never found again.
public struct TileEdition: Hashable, Sendable, CustomStringConvertible {
    /// The first 64 bits.
    public let high: UInt64
    /// The other 64 bits: a hash of the same facts, begun differently.
    public let low: UInt64

    /// The edition of a tileset as it is being served.
    package init(tileset id: String, version: TilesetVersion, parameters: ReconstructionParameters) {
        high = Self.hash("orizuru edition, first half", id, version, parameters)
        low = Self.hash("orizuru edition, second half", id, version, parameters)
    }

    /// An edition as it was stored.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// 32 lower-case hexadecimal digits.
    public var description: String { hexadecimal(high) + hexadecimal(low) }

    private static func hash(
        _ purpose: String,
        _ id: String,
        _ version: TilesetVersion,
        _ parameters: ReconstructionParameters
    ) -> UInt64 {
        var hash = StableHash()
        hash.combine(purpose)
        hash.combine(id)
        hash.combine(version.hash)
        hash.combine(parameters.hash)
        return hash.value
    }
}

/// The name of one tile in tiers that outlive the process: an edition, a place, a form. Never the ordinal of a `TileKey`,
/// which means something in one process only.
///
///     form: 0 48 | level 8 | variant 8        place: x 32 | y 32
public struct TierKey: Hashable, Sendable {
    /// What the tile was made of.
    public let edition: TileEdition
    /// Level and variant (`TileVariant.bits`).
    public let form: UInt64
    /// Column and row.
    public let place: UInt64

    /// The name of the tile that `key` names in this process, where its tileset has this edition.
    @inlinable
    public init(_ key: TileKey, of edition: TileEdition) {
        self.edition = edition
        // TileKey: level in bits 24...31, variant in bits 16...23 of the high word.
        form = key.high >> 16 & 0xFFFF
        place = key.low
    }

    /// A name as it was stored. Nil where the words hold what no key has: a variant that is none, bits beyond the fields.
    package init?(edition: TileEdition, form: UInt64, place: UInt64) {
        guard form >> 16 == 0, TileFormat(rawValue: UInt8(form & 0xF)) != nil, form & 0xE0 == 0 else { return nil }
        self.edition = edition
        self.form = form
        self.place = place
    }

    /// The place in the pyramid.
    package var tile: TileCoordinate {
        TileCoordinate(
            level: Int(UInt8(truncatingIfNeeded: form >> 8)),
            x: Int(place >> 32),
            y: Int(UInt32(truncatingIfNeeded: place))
        )
    }

    /// What the tile's bytes are.
    package var format: TileFormat {
        guard let format = TileFormat(rawValue: UInt8(form & 0xF)) else {
            preconditionFailure("a key with the form \(form)")
        }
        return format
    }

    /// Whether it is the padded (XYZ) form.
    package var isPadded: Bool { form & 0x10 != 0 }

    /// A well mixed 64-bit hash of the whole name; the same in every process.
    @inlinable
    public var mixed: UInt64 {
        TileKey.mix(
            TileKey.mix(edition.high ^ form &* 0x9E37_79B9_7F4A_7C15) ^ TileKey.mix(edition.low &+ place)
                ^ place &* 0xD6E8_FEB8_6659_FD93
        )
    }
}

/// The name of a family in tiers that outlive the process. Where nothing is folded a family is one tile, its own parent.
package struct TierFamilyKey: Hashable, Sendable {
    package let edition: TileEdition
    package let parent: TileCoordinate

    package init(edition: TileEdition, parent: TileCoordinate) {
        self.edition = edition
        self.parent = parent
    }
}
