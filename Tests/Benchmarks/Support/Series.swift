// SPDX-License-Identifier: Apache-2.0

/// Named series of samples, and their medians.
package struct Series {
    private var samples: [String: [Double]] = [:]

    package init() {}

    /// Adds a sample.
    package mutating func add(_ name: String, _ value: Double) { samples[name, default: []].append(value) }

    /// The middle sample; NaN where there is none.
    package func median(_ name: String) -> Double {
        let sorted = (samples[name] ?? []).sorted()
        return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    }

    /// The smallest sample; NaN where there is none. For times that neighbours on the same processors can only add to.
    package func least(_ name: String) -> Double { (samples[name] ?? []).min() ?? .nan }

    /// The median of the ratios of two series, sample by sample: both were taken in the same round.
    package func medianRatio(_ numerator: String, _ denominator: String) -> Double {
        let ratios = zip(samples[numerator] ?? [], samples[denominator] ?? []).map { $0 / $1 }.sorted()
        return ratios.isEmpty ? .nan : ratios[ratios.count / 2]
    }
}
