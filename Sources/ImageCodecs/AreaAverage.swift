// SPDX-License-Identifier: Apache-2.0

/// Reduces a picture by averaging: each sample of the result is the mean of what it covers, parts of samples by their
/// part. Exact for whole factors, and the picture itself where nothing is reduced. Averages the stored values, as
/// pyramids of slides and maps are made, without regard to gamma.
///
/// Rows come one by one, so the source is never held: memory is one row of sums and the result. One thread's.
/// Complexity: O(samples of the source).
package struct AreaAverage {
    /// The part of one axis of the source that each place of the result covers.
    private struct Axis {
        /// The first covered place and where its weights begin, for each place of the result; one more at the end.
        var firsts: [Int] = []
        var offsets: [Int] = [0]
        var weights: [Float] = []

        init(start: Double, length: Double, limit: Int, count: Int) {
            for index in 0..<count {
                let from = start + length * Double(index) / Double(count)
                let to = start + length * Double(index + 1) / Double(count)
                let first = min(max(Int(from.rounded(.down)), 0), limit - 1)
                let last = min(max(Int(to.rounded(.up)) - 1, first), limit - 1)
                firsts.append(first)
                var parts: [Double] = []
                for place in first...last {
                    parts.append(max(min(to, Double(place + 1)) - max(from, Double(place)), 0))
                }
                let sum = parts.reduce(0, +)
                // Where rounding leaves a place nothing, it takes the nearest sample.
                weights += sum > 0 ? parts.map { Float($0 / sum) } : [1] + parts.dropFirst().map { _ in 0 }
                offsets.append(weights.count)
            }
        }

        /// The last place that is covered by a place of the result.
        func last(_ index: Int) -> Int { firsts[index] + offsets[index + 1] - offsets[index] - 1 }
    }

    private let sourceWidth: Int
    private let channels: Int
    private let width: Int
    private let height: Int
    private let across: Axis
    private let down: Axis
    /// One row of the source, reduced across.
    private var narrow: [Float]
    /// Sums for the rows of the result that are begun: the first is row `next`.
    private var sums: [[Float]] = []
    /// The first row of the result that is not finished.
    private var next = 0
    /// The row of the source that comes next.
    private var row: Int
    private var pixels: [UInt8] = []

    /// - Parameters:
    ///   - sourceWidth, sourceHeight: the size of the source.
    ///   - x, y, regionWidth, regionHeight: what of it is reduced, in its samples; may begin and end within them.
    ///   - width, height: the size of the result, at least 1.
    package init(
        sourceWidth: Int,
        sourceHeight: Int,
        channels: Int,
        x: Double,
        y: Double,
        regionWidth: Double,
        regionHeight: Double,
        width: Int,
        height: Int
    ) {
        precondition(sourceWidth > 0 && sourceHeight > 0 && width > 0 && height > 0, "an empty picture")
        self.sourceWidth = sourceWidth
        self.channels = channels
        self.width = width
        self.height = height
        across = Axis(start: x, length: regionWidth, limit: sourceWidth, count: width)
        down = Axis(start: y, length: regionHeight, limit: sourceHeight, count: height)
        narrow = [Float](repeating: 0, count: width * channels)
        row = down.firsts[0]
        pixels.reserveCapacity(width * height * channels)
    }

    /// The row of the source that `append` expects next; nil where all that are needed were given.
    package var wantedRow: Int? { next < height ? row : nil }

    /// Takes row `wantedRow`: `sourceWidth * channels` samples.
    package mutating func append(_ samples: ArraySlice<UInt8>) {
        precondition(samples.count == sourceWidth * channels, "a row of \(samples.count) samples")
        guard next < height else { return }
        reduceAcross(samples)
        var index = next
        while index < height, down.firsts[index] <= row {
            if index - next >= sums.count { sums.append([Float](repeating: 0, count: width * channels)) }
            let weight = down.weights[down.offsets[index] + row - down.firsts[index]]
            for place in 0..<(width * channels) { sums[index - next][place] += weight * narrow[place] }
            index += 1
        }
        while next < height, !sums.isEmpty, down.last(next) <= row {
            for value in sums[0] { pixels.append(UInt8(min(max(value.rounded(), 0), 255))) }
            sums.removeFirst()
            next += 1
        }
        row += 1
        // Rows between those that the result covers are none: the parts of one axis touch.
    }

    private mutating func reduceAcross(_ samples: ArraySlice<UInt8>) {
        let base = samples.startIndex
        for index in 0..<width {
            let first = across.firsts[index]
            for channel in 0..<channels {
                var sum: Float = 0
                var place = base + first * channels + channel
                for offset in across.offsets[index]..<across.offsets[index + 1] {
                    sum += across.weights[offset] * Float(samples[place])
                    place += channels
                }
                narrow[index * channels + channel] = sum
            }
        }
    }

    /// The result. All rows must have been given.
    package func image() -> RasterImage {
        precondition(next == height, "rows \(row)... are missing")
        return RasterImage(width: width, height: height, channels: channels, pixels: pixels)
    }
}
