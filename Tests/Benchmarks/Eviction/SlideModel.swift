// SPDX-License-Identifier: Apache-2.0

import Glibc
import TileModel

/// A slide (or map) of a generated trace: a pyramid whose tiles have realistic sizes.
///
/// Tissue lies in blobs of smooth noise; a tile of tissue takes some 6 to 25 kB and one of glass below 2 kB, as in the
/// recorded traces, with the spread from tile to tile that photographs have.
struct SlideModel {
    /// Columns and rows of the finest level.
    let width: Int
    let height: Int
    let maxLevel: Int
    /// Families of 21 from the two finest levels and the one above, as ORIGAMI slides have; maps have none.
    let hasFamilies: Bool
    private let seed: UInt64

    init(width: Int, height: Int, hasFamilies: Bool, seed: UInt64) {
        self.width = width
        self.height = height
        self.hasFamilies = hasFamilies
        self.seed = seed
        var levels = 0
        while max(width, height) > 1 << levels { levels += 1 }
        maxLevel = levels
    }

    func grid(_ level: Int) -> (width: Int, height: Int) {
        let shift = maxLevel - level
        return ((width + (1 << shift) - 1) >> shift, (height + (1 << shift) - 1) >> shift)
    }

    /// The level, column and row of the parent of a tile's family; nil: the tile stands alone.
    func parent(level: Int, x: Int, y: Int) -> (level: Int, x: Int, y: Int)? {
        let depth = level - (maxLevel - 2)
        guard hasFamilies, maxLevel >= 2, depth >= 0 else { return nil }
        return (maxLevel - 2, x >> depth, y >> depth)
    }

    /// How much tissue there is at a place of the slide: -1...1, above 0 is tissue. `u` and `v` are in 0...1.
    func tissue(_ u: Double, _ v: Double) -> Double {
        let coarse = noise(u * 4, v * 4, 1)
        let fine = noise(u * 17, v * 17, 2)
        // Less towards the rim, as on glass.
        let rim = min(min(u, 1 - u), min(v, 1 - v))
        return coarse * 0.8 + fine * 0.3 + (rim < 0.08 ? -0.6 : 0.15)
    }

    func bytes(level: Int, x: Int, y: Int) -> Int32 {
        let scale = Double(1 << (maxLevel - level))
        let u = (Double(x) + 0.5) * scale / Double(width)
        let v = (Double(y) + 0.5) * scale / Double(height)
        let draw = unit(UInt64(level) << 56 ^ UInt64(x) << 28 ^ UInt64(y), 3)
        let spread = exp((draw - 0.5) * 1.2)
        let density = tissue(min(u, 1), min(v, 1))
        if density <= 0 && level > 2 { return Int32(700 + 1500 * spread) }
        return 400 + Int32((7000 + 14_000 * min(max(density, 0.2), 1)) * spread)
    }

    private func unit(_ value: UInt64, _ salt: UInt64) -> Double {
        Double(TileKey.mix(value ^ TileKey.mix(seed &+ salt)) >> 11) / Double(1 << 53)
    }

    private func noise(_ u: Double, _ v: Double, _ salt: UInt64) -> Double {
        let x = u.rounded(.down)
        let y = v.rounded(.down)
        func corner(_ dx: Double, _ dy: Double) -> Double {
            unit(UInt64(x + dx) << 32 ^ UInt64(y + dy), salt &+ 16) * 2 - 1
        }
        func smooth(_ t: Double) -> Double { t * t * (3 - 2 * t) }
        let a = smooth(u - x)
        let b = smooth(v - y)
        let top = corner(0, 0) * (1 - a) + corner(1, 0) * a
        let bottom = corner(0, 1) * (1 - a) + corner(1, 1) * a
        return top * (1 - b) + bottom * b
    }
}
