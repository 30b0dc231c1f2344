// SPDX-License-Identifier: Apache-2.0

/// Smooth random numbers over the plane, the same on every machine.
///
/// Random values sit on a square lattice (an integer hash of the place and the seed) and are joined by a smooth step.
/// Only additions, multiplications and roundings of IEEE 754 are used, in a fixed order: nothing that a mathematics
/// library could round differently. ("Value noise"; Perlin 1985 describes the family.)
struct LatticeNoise: Sendable {
    private let seed: UInt32

    init(seed: UInt32) { self.seed = LatticeNoise.mix(seed &* 0x9E37_79B9 &+ 0x85EB_CA6B) }

    private init(state: UInt32) { seed = state }

    /// 0 ..< 1, varying over distances of about one.
    func value(_ x: Float, _ y: Float) -> Float {
        let floorX = x.rounded(.down)
        let floorY = y.rounded(.down)
        let column = Int32(floorX)
        let row = Int32(floorY)
        let fx = LatticeNoise.smooth(x - floorX)
        let fy = LatticeNoise.smooth(y - floorY)
        let topLeft = lattice(column, row)
        let topRight = lattice(column &+ 1, row)
        let bottomLeft = lattice(column, row &+ 1)
        let bottomRight = lattice(column &+ 1, row &+ 1)
        let top = topLeft + (topRight - topLeft) * fx
        let bottom = bottomLeft + (bottomRight - bottomLeft) * fx
        return top + (bottom - top) * fy
    }

    /// Several octaves, each twice as fine and half as strong: 0 ..< 1 with a mean of one half.
    func fractal(_ x: Float, _ y: Float, octaves: Int) -> Float {
        var sum: Float = 0
        var weight: Float = 1
        var total: Float = 0
        var x = x
        var y = y
        for _ in 0..<octaves {
            sum += value(x, y) * weight
            total += weight
            weight *= 0.5
            // Not exactly two, and shifted: lattices that coincide show as a grid.
            x = x * 2.03 + 17.3
            y = y * 2.03 - 9.7
        }
        return sum / total
    }

    /// The same in space: for pictures of a sphere, which must meet themselves at the back.
    func value(_ x: Float, _ y: Float, _ z: Float) -> Float {
        let floorZ = z.rounded(.down)
        let layer = UInt32(bitPattern: Int32(floorZ))
        let fz = LatticeNoise.smooth(z - floorZ)
        // Each layer of the lattice is a plane of its own seed.
        let lower = LatticeNoise(state: LatticeNoise.mix(seed &+ layer &* 0xCB1A_B31F)).value(x, y)
        let upper = LatticeNoise(state: LatticeNoise.mix(seed &+ (layer &+ 1) &* 0xCB1A_B31F)).value(x, y)
        return lower + (upper - lower) * fz
    }

    /// Several octaves in space.
    func fractal(_ x: Float, _ y: Float, _ z: Float, octaves: Int) -> Float {
        var sum: Float = 0
        var weight: Float = 1
        var total: Float = 0
        var (x, y, z) = (x, y, z)
        for _ in 0..<octaves {
            sum += value(x, y, z) * weight
            total += weight
            weight *= 0.52
            (x, y, z) = (x * 2.03 + 17.3, y * 2.03 - 9.7, z * 2.03 + 4.1)
        }
        return sum / total
    }

    /// A random number 0 ..< 1 for a lattice point.
    func lattice(_ column: Int32, _ row: Int32) -> Float {
        Float(hash(column, row) >> 8) * (1 / 16_777_216)
    }

    /// 32 random bits for a lattice point.
    func hash(_ column: Int32, _ row: Int32) -> UInt32 {
        LatticeNoise.mix(
            UInt32(bitPattern: column) &* 0x8DA6_B343 ^ UInt32(bitPattern: row) &* 0xD816_3841 ^ seed
        )
    }

    private static func smooth(_ t: Float) -> Float { t * t * (3 - 2 * t) }

    /// A bijection of 32 bits that spreads every bit (the "lowbias32" constants of Wellons' search, public domain).
    static func mix(_ value: UInt32) -> UInt32 {
        var h = value
        h ^= h >> 16
        h = h &* 0x7FEB_352D
        h ^= h >> 15
        h = h &* 0x846C_A68B
        h ^= h >> 16
        return h
    }
}

/// A sequence of random numbers that starts from a lattice point's hash.
struct LatticeRandom {
    private var state: UInt32

    init(_ hash: UInt32) { state = hash }

    /// 32 random bits.
    mutating func bits() -> UInt32 {
        state = state &+ 0x9E37_79B9
        return LatticeNoise.mix(state)
    }

    /// 0 ..< 1.
    mutating func unit() -> Float { Float(bits() >> 8) * (1 / 16_777_216) }

    /// `low` ..< `high`.
    mutating func between(_ low: Float, _ high: Float) -> Float { low + (high - low) * unit() }
}

/// Mathematics that is the same on every machine.
enum Portable {
    /// 0 below `low`, 1 above `high`, smooth between.
    static func step(_ low: Float, _ high: Float, _ value: Float) -> Float {
        let t = min(max((value - low) / (high - low), 0), 1)
        return t * t * (3 - 2 * t)
    }

    /// The sine of an angle in turns, to three digits: two parabolas and a correction.
    static func sine(turns: Float) -> Float {
        let t = turns - turns.rounded(.down)  // 0 ..< 1
        let half = t < 0.5 ? t : t - 0.5
        let parabola = 16 * half * (0.5 - half)
        let corrected = parabola * (0.775 + 0.225 * parabola)
        return t < 0.5 ? corrected : -corrected
    }

    /// e to the `x` for |x| below 16, to ten digits: a short series of a thousandth, squared ten times.
    static func exponential(_ x: Double) -> Double {
        let t = x / 1024
        var value = 1 + t * (1 + t / 2 * (1 + t / 3 * (1 + t / 4)))
        for _ in 0..<10 { value *= value }
        return value
    }

    /// The cosine of an angle in turns, to three digits.
    static func cosine(turns: Float) -> Float { sine(turns: turns + 0.25) }
}
