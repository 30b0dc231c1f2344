// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How large a `BloomFilter` is: pure arithmetic, no memory.
///
/// A filter of `lineCount` lines of 512 bits holds each key in one line, one bit in each of the line's eight words. The
/// keys of a line are Poisson distributed, and a key that was never inserted is found where all eight of its bits were
/// set by others:
///
///     rate = sum over j of Poisson(j; keys / lines) * (1 - (63 / 64)^j)^8
///
/// Source: Putze, Sanders, Singler, "Cache-, hash- and space-efficient Bloom filters" (2007), with words as in the
/// split block filter of Parquet.
public struct BloomSizing: Hashable, Sendable {
    /// Lines of 64 bytes.
    public let lineCount: Int

    /// The bits of a line, and the words that they are in.
    package static let bitsPerLine = 512
    package static let wordsPerLine = 8
    /// 1 GiB of filter holds half a thousand million keys; more is a mistake.
    package static let maxLines = 1 << 24

    /// `lineCount` must be in 1...`maxLines`.
    package init(lineCount: Int) {
        precondition((1...Self.maxLines).contains(lineCount), "a filter of \(lineCount) lines")
        self.lineCount = lineCount
    }

    /// The smallest filter that takes at most `rate` of the keys it never saw for known once it holds `keys`, but not
    /// more than `maxLines`. Complexity: a bisection, some milliseconds at most.
    ///
    /// - Parameters:
    ///   - keys: at least 0.
    ///   - rate: clamped to 10^-6...0.5.
    package init(keys: Int, falsePositives rate: Double) {
        let target = min(max(rate, 1e-6), 0.5)
        var low = 1
        var high = Self.maxLines
        while low < high {
            let middle = low + (high - low) / 2
            if BloomSizing(lineCount: middle).falsePositives(afterKeys: keys) <= target {
                high = middle
            } else {
                low = middle + 1
            }
        }
        lineCount = low
    }

    /// The memory of the filter's bits.
    package var byteCount: Int { lineCount * Self.bitsPerLine / 8 }

    /// The share of keys never inserted that are found all the same, once `keys` different ones are in.
    package func falsePositives(afterKeys keys: Int) -> Double {
        guard keys > 0 else { return 0 }
        let mean = Double(keys) / Double(lineCount)
        // Past some deviations of the mean nothing is left of the sum.
        let deviation = mean.squareRoot() * 12 + 12
        let first = max(0, Int(mean - deviation))
        let last = Int(min(mean + deviation, 1_000_000))
        guard first <= last else { return 1 }
        var rate = 0.0
        var weights = 0.0
        for load in first...last {
            let weight = exp(Double(load) * log(mean) - mean - lgamma(Double(load) + 1))
            let wordHit = 1 - pow(63.0 / 64.0, Double(load))
            rate += weight * pow(wordHit, 8)
            weights += weight
        }
        return weights > 0 ? rate / weights : 1
    }
}
