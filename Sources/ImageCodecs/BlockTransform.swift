// SPDX-License-Identifier: Apache-2.0

/// The forward cosine transform of blocks of 8 by 8 samples.
///
/// By Arai, Agui and Nakajima (Transactions of the IEICE E71, 1988): what their flow leaves as factors of single
/// coefficients is multiplied with the quantiser's. In single precision; additions and multiplications alone, in a fixed
/// order, so the same everywhere.
enum BlockTransform {
    /// The factor of each frequency, by which the transform's results are too large, with 8 over both directions.
    private static let factors: [Float] = [
        1, 1.387_039_845, 1.306_562_965, 1.175_875_602, 1, 0.785_694_958, 0.541_196_1, 0.275_899_379,
    ]

    /// What a coefficient at `across` and `down` must be multiplied with, to be that of T.81.
    static func scale(across: Int, down: Int) -> Float { 1 / (8 * factors[across] * factors[down]) }

    /// Where the coefficients of the zigzag order stand in `transform`'s result, which has a row for each frequency
    /// *across*.
    static let zigzag: [Int] = {
        var order: [Int] = []
        for diagonal in 0..<15 {
            let places = (0..<8).filter { (0..<8).contains(diagonal - $0) }
            // From the lower left to the upper right, then back.
            for across in diagonal % 2 == 0 ? places : places.reversed() {
                order.append(8 * across + diagonal - across)
            }
        }
        return order
    }()

    /// Transforms a block in place: in come rows of samples, out go rows of frequencies across, of which each has the
    /// frequencies down.
    @unsafe
    static func transform(_ rows: UnsafeMutablePointer<SIMD8<Float>>) {
        unsafe pass(rows)
        // SAFETY: eight rows of eight floats.
        unsafe rows.withMemoryRebound(to: Float.self, capacity: 64) { samples in
            for row in 0..<7 {
                for column in (row + 1)..<8 {
                    let sample = unsafe samples[8 * row + column]
                    unsafe samples[8 * row + column] = samples[8 * column + row]
                    unsafe samples[8 * column + row] = sample
                }
            }
        }
        unsafe pass(rows)
    }

    /// Eight transforms of eight samples each, down the columns.
    @inline(__always)
    private static func pass(_ rows: UnsafeMutablePointer<SIMD8<Float>>) {
        // SAFETY: the caller's eight rows.
        let (d0, d1, d2, d3) = unsafe (rows[0], rows[1], rows[2], rows[3])
        let (d4, d5, d6, d7) = unsafe (rows[4], rows[5], rows[6], rows[7])
        let (s0, s1, s2, s3) = (d0 + d7, d1 + d6, d2 + d5, d3 + d4)
        let (t0, t1, t2, t3) = (d0 - d7, d1 - d6, d2 - d5, d3 - d4)
        // Even frequencies.
        let (e0, e1, e2, e3) = (s0 + s3, s1 + s2, s1 - s2, s0 - s3)
        unsafe rows[0] = e0 + e1
        unsafe rows[4] = e0 - e1
        let z1 = (e2 + e3) * 0.707_106_781
        unsafe rows[2] = e3 + z1
        unsafe rows[6] = e3 - z1
        // Odd frequencies.
        let (o0, o1, o2) = (t3 + t2, t2 + t1, t1 + t0)
        let z5 = (o0 - o2) * 0.382_683_433
        let z2 = o0 * 0.541_196_1 + z5
        let z4 = o2 * 1.306_562_965 + z5
        let z3 = o1 * 0.707_106_781
        let (z11, z13) = (t0 + z3, t0 - z3)
        unsafe rows[5] = z13 + z2
        unsafe rows[3] = z13 - z2
        unsafe rows[1] = z11 + z4
        unsafe rows[7] = z11 - z4
    }
}
