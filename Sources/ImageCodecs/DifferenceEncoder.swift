// SPDX-License-Identifier: Apache-2.0

/// Encodes planes of differences (128 is none) as baseline gray JPEGs, with the least squares of error for their bytes.
///
/// A library's encoder is made for pictures: its tables quantise fine detail coarsely, because eyes miss it. What is left
/// of a picture when its prediction is taken away *is* fine detail, and it is looked at as a correction of something
/// else. So here
/// - every coefficient has the same step, which is what least squares ask for;
/// - each block's coefficients are chosen together, by what each costs in bits and saves in error
///   (`BlockQuantiser`);
/// - all pictures of a group share Huffman tables made for them, which stand in each, as every reader of JPEG expects, and
///   which a pack's LZ4 finds again.
///
/// One per worker; not thread-safe. Complexity: O(samples).
package final class DifferenceEncoder {
    private struct Picture {
        let width: Int
        let height: Int
        let tokens: Range<Int>
    }

    private let quantiser = BlockQuantiser()
    private var step = 1
    private var pictures: [Picture] = []
    /// The symbols of all pictures of the group: see `BlockQuantiser.Token`.
    private var tokens: [UInt32] = []

    package init() {}

    /// What the symbols of the group take.
    package var heldBytes: Int { tokens.count * MemoryLayout<UInt32>.stride }

    /// The step that stands for a quality on JPEG's scale, 1...100: pictures take about as many bytes as by the
    /// standard's tables of that quality.
    package static func step(quality: Int) -> Int {
        precondition((1...100).contains(quality), "quality \(quality)")
        let percent = quality < 50 ? 5000 / quality : 200 - 2 * quality
        return min(max((percent * 18 + 50) / 100, 1), 255)
    }

    /// Begins a group of pictures, all quantised by `step`, 1...255.
    package func begin(step: Int) {
        precondition((1...255).contains(step), "a step of \(step)")
        self.step = step
        quantiser.setStep(step)
        pictures.removeAll(keepingCapacity: true)
        tokens.removeAll(keepingCapacity: true)
    }

    /// Adds a picture of at least one pixel. The plane is not needed afterwards.
    package func add(_ plane: Plane) {
        precondition((1...65535).contains(plane.width) && (1...65535).contains(plane.height), "a plane of no JPEG")
        let first = tokens.count
        var predictor = 0
        for y in stride(from: 0, to: plane.height, by: 8) {
            for x in stride(from: 0, to: plane.width, by: 8) {
                quantiser.quantise(plane, x: x, y: y, after: &predictor, into: &tokens)
            }
        }
        pictures.append(Picture(width: plane.width, height: plane.height, tokens: first..<tokens.count))
    }

    /// The JPEGs of the group, in the order in which they were added.
    package func finish() -> [[UInt8]] {
        if tokens.isEmpty { return [] }
        var counts = [Int](repeating: 0, count: 512)
        for token in tokens { counts[Int(token & 0x1FF)] += 1 }
        let direct = HuffmanCode(frequencies: Array(counts[..<256]))
        let alternating = HuffmanCode(frequencies: Array(counts[256...]))
        let codes = direct.codes + alternating.codes
        return pictures.map { picture in
            var bytes = header(picture, direct, alternating)
            bytes.reserveCapacity(bytes.count + picture.tokens.count)
            Self.write(tokens[picture.tokens], codes, to: &bytes)
            bytes += [0xFF, 0xD9]
            return bytes
        }
    }

    /// What stands before the coded data. Source: ITU-T T.81, annex B.
    private func header(_ picture: Picture, _ direct: HuffmanCode, _ alternating: HuffmanCode) -> [UInt8] {
        func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }
        func table(_ number: UInt8, _ code: HuffmanCode) -> [UInt8] {
            [0xFF, 0xC4] + word(19 + code.symbols.count) + [number] + code.counts + code.symbols
        }
        var bytes: [UInt8] = [0xFF, 0xD8, 0xFF, 0xDB] + word(67) + [0]
        bytes += [UInt8](repeating: UInt8(step), count: 64)
        bytes += table(0x00, direct) + table(0x10, alternating)
        bytes += [0xFF, 0xC0] + word(11) + [8] + word(picture.height) + word(picture.width) + [1, 1, 0x11, 0]
        bytes += [0xFF, 0xDA] + word(8) + [1, 1, 0x00, 0, 63, 0]
        return bytes
    }

    /// Writes symbols and the bits behind them. `codes` are by a token's low nine bits.
    private static func write(_ tokens: ArraySlice<UInt32>, _ codes: [UInt32], to bytes: inout [UInt8]) {
        var pending: UInt64 = 0
        var count = 0
        func flush(_ bytes: inout [UInt8]) {
            while count >= 8 {
                count -= 8
                let byte = UInt8(truncatingIfNeeded: pending >> UInt64(count))
                bytes.append(byte)
                if byte == 0xFF { bytes.append(0) }
            }
        }
        for token in tokens {
            let code = codes[Int(token & 0x1FF)]
            let extra = Int(token & 15)
            // At most 16 bits of a code, 11 behind it, and 7 that are left over.
            pending = pending << UInt64(code >> 16) | UInt64(code & 0xFFFF)
            pending = pending << UInt64(extra) | UInt64(token >> 16)
            count += Int(code >> 16) + extra
            flush(&bytes)
        }
        if count > 0 {
            let missing = 8 - count
            pending = pending << UInt64(missing) | (1 << UInt64(missing) - 1)
            count = 8
            flush(&bytes)
        }
    }
}
