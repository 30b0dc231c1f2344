// SPDX-License-Identifier: Apache-2.0

extension Int {
    /// The sum of two counts, the largest number where it does not fit: one map may have 2^60 tiles, several may overflow.
    package func saturatingSum(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
