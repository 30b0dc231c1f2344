// SPDX-License-Identifier: Apache-2.0

/// Transforms blocks of differences and chooses their coefficients by rate and distortion.
///
/// Each coefficient may keep its nearest level, take the next smaller one, or be left out; its bits depend on how many
/// zeros lie before it, so what is best for one depends on those before it. The best choice for the whole block is found
/// by going through the coefficients in their order and remembering, for each that is kept, the best block that ends with
/// it (dynamic programming, as in Crouse and Ramchandran, IEEE Transactions on Image Processing 6, 1997). The bits are
/// those of the standard's table: the true ones are known only afterwards, and differ little.
@safe
final class BlockQuantiser {
    /// A symbol with what follows it: the symbol in the low 8 bits, whose low 4 say how many bits follow; bit 8 for
    /// one of the table of alternating coefficients; the bits that follow from bit 16 on.
    typealias Token = UInt32

    /// A coefficient that may be kept.
    private struct Candidate {
        var position = 0
        var level: Int32 = 0
        var isNegative = false
        /// The best sum of savings of a block that ends here, and the candidate before; -1 for none.
        var best: Float = 0
        var before = -1
    }

    private let rows: UnsafeMutablePointer<SIMD8<Float>>
    private let scales: UnsafeMutablePointer<SIMD8<Float>>
    private let candidates: UnsafeMutablePointer<Candidate>
    private let zigzag: UnsafeMutablePointer<Int>
    /// What symbols cost, in squares of a step: by zeros before it (0...15) and size (0...11).
    private let costs: UnsafeMutablePointer<Float>

    /// What a bit is worth, in squares of a step. Found by trying on stained tissue: from 0.06 to 0.10 all is the same, at 0
    /// and at 0.2 a picture of as many bytes is some tenths of a decibel worse.
    private static let bitWorth: Float = 0.08
    /// Candidates further back are not looked at: so many are hardly ever left out one after the other.
    private static let reach = 8
    private static let sizes = 12

    init() {
        unsafe rows = .allocate(capacity: 8)
        unsafe scales = .allocate(capacity: 8)
        unsafe candidates = .allocate(capacity: 64)
        unsafe zigzag = .allocate(capacity: 64)
        unsafe costs = .allocate(capacity: 16 * Self.sizes)
        unsafe rows.initialize(repeating: .zero, count: 8)
        unsafe scales.initialize(repeating: .zero, count: 8)
        unsafe candidates.initialize(repeating: Candidate(), count: 64)
        unsafe zigzag.initialize(from: BlockTransform.zigzag, count: 64)
        // The lengths of table K.5 for size 1; each size more takes about two bits more, and one that follows.
        let lengths: [Float] = [2, 4, 5, 6, 6, 7, 7, 8, 9, 9, 9, 10, 10, 11, 11, 11]
        for run in 0..<16 {
            for size in 0..<Self.sizes {
                let length = min(lengths[run] + (run == 0 ? 1 : 2) * Float(max(size - 1, 0)), 16) + Float(size)
                unsafe costs[run * Self.sizes + size] = Self.bitWorth * length
            }
        }
    }

    deinit {
        // SAFETY: allocated by `init`, of trivial types, freed once.
        unsafe rows.deallocate()
        unsafe scales.deallocate()
        unsafe candidates.deallocate()
        unsafe zigzag.deallocate()
        unsafe costs.deallocate()
    }

    /// Sets the step of all coefficients.
    func setStep(_ step: Int) {
        for across in 0..<8 {
            for down in 0..<8 {
                // SAFETY: eight rows.
                unsafe scales[across][down] = BlockTransform.scale(across: across, down: down) / Float(step)
            }
        }
    }

    /// Appends the symbols of the block at (`x`, `y`), which must begin inside the plane; beyond its edge the last
    /// column and row are repeated. `predictor` is the level of the block's mean, from block to block.
    func quantise(_ plane: Plane, x: Int, y: Int, after predictor: inout Int, into tokens: inout [Token]) {
        load(plane, x, y)
        unsafe BlockTransform.transform(rows)
        // SAFETY: eight rows each.
        for row in 0..<8 { unsafe rows[row] *= scales[row] }
        // SAFETY: eight rows of eight floats.
        unsafe rows.withMemoryRebound(to: Float.self, capacity: 64) { levels in
            let mean = Int(unsafe levels[0].rounded())
            append(difference: mean - predictor, to: &tokens)
            predictor = mean
            let last = unsafe choose(levels)
            append(endingWith: last, to: &tokens)
        }
    }

    private func load(_ plane: Plane, _ x: Int, _ y: Int) {
        let columns = min(8, plane.width - x)
        // SAFETY: rows and columns are clamped into the plane; eight rows of eight floats are written.
        unsafe rows.withMemoryRebound(to: Float.self, capacity: 64) { samples in
            for row in 0..<8 {
                let (from, to) = unsafe (plane.row(min(y + row, plane.height - 1)) + x, samples + 8 * row)
                if columns == 8 {
                    for column in 0..<8 { unsafe to[column] = Float(Int32(from[column]) &- 128) }
                } else {
                    for column in 0..<8 { unsafe to[column] = Float(Int32(from[min(column, columns - 1)]) &- 128) }
                }
            }
        }
    }

    /// Finds the best choice of coefficients, in `candidates`; returns the last that is kept, or -1.
    private func choose(_ levels: UnsafeMutablePointer<Float>) -> Int {
        var count = 0
        var (bestEnd, bestSum): (Int, Float) = (-1, 0)
        // SAFETY: the zigzag order stays within the 64 levels, and there is a candidate for each; costs are asked for
        // runs under 16 and sizes under 12.
        for position in 1..<64 {
            let value = unsafe levels[zigzag[position]]
            let magnitude = abs(value)
            if magnitude < 0.5 { continue }
            let nearest = min(Int32(magnitude + 0.5), 1023)
            let size = 32 - nearest.leadingZeroBitCount
            let isPower = nearest > 1 && nearest & (nearest - 1) == 0
            var found = Candidate(position: position, level: nearest, isNegative: value < 0, best: -.infinity)
            let square = magnitude * magnitude
            let rest = magnitude - Float(nearest)
            let saved = square - rest * rest
            // One level less pays only where it takes a bit less.
            let savedBySmaller = square - (rest + 1) * (rest + 1)
            var before = count - 1
            let furthest = max(-1, count - Self.reach)
            while before >= furthest {
                let sum = before < 0 ? 0 : unsafe candidates[before].best
                let run = position - 1 - (before < 0 ? 0 : unsafe candidates[before].position)
                let skips = Float(run >> 4) * 11 * Self.bitWorth
                let cost = unsafe costs[(run & 15) * Self.sizes + size] + skips
                if sum + saved - cost > found.best {
                    found.best = sum + saved - cost
                    found.level = nearest
                    found.before = before
                }
                if isPower {
                    let cost = unsafe costs[(run & 15) * Self.sizes + size - 1] + skips
                    if sum + savedBySmaller - cost > found.best {
                        found.best = sum + savedBySmaller - cost
                        found.level = nearest - 1
                        found.before = before
                    }
                }
                before -= 1
            }
            unsafe candidates[count] = found
            if found.best > bestSum { (bestEnd, bestSum) = (count, found.best) }
            count += 1
        }
        return bestEnd
    }

    private func append(difference: Int, to tokens: inout [Token]) {
        let size = UInt32(Int.bitWidth - difference.magnitude.leadingZeroBitCount)
        tokens.append(Self.bits(difference, size) << 16 | size)
    }

    /// The symbols of the candidates that are kept, the last one known.
    private func append(endingWith last: Int, to tokens: inout [Token]) {
        // Turns the links around.
        var next = -1
        var current = last
        while current >= 0 {
            // SAFETY: a candidate's link names an earlier candidate, or is negative.
            let before = unsafe candidates[current].before
            unsafe candidates[current].before = next
            (next, current) = (current, before)
        }
        var position = 0
        while next >= 0 {
            // SAFETY: as above.
            let candidate = unsafe candidates[next]
            var run = candidate.position - position - 1
            while run > 15 {
                tokens.append(0x1F0)
                run -= 16
            }
            let size = UInt32(32 - candidate.level.leadingZeroBitCount)
            let level = Int(candidate.isNegative ? -candidate.level : candidate.level)
            tokens.append(Self.bits(level, size) << 16 | 0x100 | UInt32(run) << 4 | size)
            position = candidate.position
            next = candidate.before
        }
        if position < 63 { tokens.append(0x100) }
    }

    /// The bits that follow a symbol: a positive level as it is, a negative one minus one, of `size` bits.
    private static func bits(_ level: Int, _ size: UInt32) -> UInt32 {
        UInt32(truncatingIfNeeded: level < 0 ? level - 1 : level) & (1 << size - 1)
    }
}
