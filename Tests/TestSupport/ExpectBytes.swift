// SPDX-License-Identifier: Apache-2.0

package import Testing

/// Expects equal bytes, and names the first that differs. `#expect(a == b)` would work out the whole difference of two
/// pictures when it fails, which takes minutes.
package func expectBytes(
    _ found: [UInt8],
    equal expected: [UInt8],
    _ comment: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    if found == expected { return }
    let place = zip(found, expected).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    Issue.record(
        "\(found.count) bytes for \(expected.count), the first difference at \(place ?? -1). \(comment())",
        sourceLocation: sourceLocation
    )
}
