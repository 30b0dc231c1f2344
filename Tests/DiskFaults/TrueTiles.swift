// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// Tiles whose bytes follow from their names: whoever reads one can tell whether it is the right one.
package enum TrueTiles {
    /// An edition like that of a slide of that number.
    package static func edition(_ number: Int) -> TileEdition {
        TileEdition(
            tileset: "slide-\(number)",
            version: TilesetVersion(hash: TileKey.mix(UInt64(truncatingIfNeeded: number) &+ 1)),
            parameters: .standard
        )
    }

    /// A family of a square slide: its parents lie at level 8, in 256 columns.
    package static func family(_ number: Int, of edition: TileEdition) -> (family: TierFamilyKey, keys: [TierKey]) {
        let parent = TileCoordinate(level: 8, x: number % 256, y: number / 256)
        var keys: [TierKey] = []
        for depth in 1...2 {
            let side = 1 << depth
            for row in 0..<side {
                for column in 0..<side {
                    let tile = TileCoordinate(
                        level: 8 + depth,
                        x: parent.x << depth + column,
                        y: parent.y << depth + row
                    )
                    if let key = TileKey(ordinal: 0, tile: tile, variant: TileVariant(format: .jpeg)) {
                        keys.append(TierKey(key, of: edition))
                    }
                }
            }
        }
        return (TierFamilyKey(edition: edition, parent: parent), keys)
    }

    /// The bytes of a tile: 1 to `limit` of them.
    package static func bytes(of key: TierKey, limit: Int = 8000) -> [UInt8] {
        var state = key.mixed
        let count = 1 + Int(state % UInt64(limit))
        var bytes = [UInt8](repeating: 0, count: count)
        var index = 0
        while index < count {
            state = TileKey.mix(state &+ 0x9E37_79B9_7F4A_7C15)
            var word = state
            let end = min(index + 8, count)
            while index < end {
                bytes[index] = UInt8(truncatingIfNeeded: word)
                word >>= 8
                index += 1
            }
        }
        return bytes
    }

    /// A family to be kept.
    package static func write(_ family: TierFamilyKey, _ keys: [TierKey], limit: Int = 8000) -> TierWrite {
        var write = TierWrite(family: family)
        for key in keys {
            _ = write.append(
                key,
                cost: UInt32(truncatingIfNeeded: key.mixed >> 40),
                bytes: bytes(of: key, limit: limit)
            )
        }
        return write
    }

    /// What a look-up gave, compared with the truth.
    package struct Comparison: Hashable, Sendable {
        package var right = 0
        package var wrong = 0
        package var absent = 0
        package var damaged = 0
        package var unavailable = 0
        package init() {}
    }

    /// Looks up the tiles and compares those that are found.
    package static func compare(
        _ tier: any Tier,
        _ family: TierFamilyKey,
        _ keys: [TierKey],
        limit: Int = 8000,
        into sum: inout Comparison
    ) {
        let buffer = TierBuffer()
        for (key, answer) in zip(keys, tier.get(keys, of: family, into: buffer)) {
            switch answer {
            case .found(let tile):
                let isRight =
                    buffer.bytes[tile.range] == bytes(of: key, limit: limit)[...]
                    && tile.cost == UInt32(truncatingIfNeeded: key.mixed >> 40)
                if isRight { sum.right += 1 } else { sum.wrong += 1 }
            case .absent: sum.absent += 1
            case .damaged: sum.damaged += 1
            case .unavailable: sum.unavailable += 1
            }
        }
    }
}
