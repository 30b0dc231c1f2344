// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs

extension Plane {
    /// One sample. Both coordinates must be inside.
    package subscript(x: Int, y: Int) -> UInt8 {
        get {
            precondition((0..<width).contains(x) && (0..<height).contains(y), "sample \(x),\(y) outside")
            // SAFETY: the row lies inside the plane, which is alive, and x inside the row: both were looked at above.
            return unsafe row(y)[x]
        }
        nonmutating set {
            precondition((0..<width).contains(x) && (0..<height).contains(y), "sample \(x),\(y) outside")
            // SAFETY: as above.
            unsafe row(y)[x] = newValue
        }
    }

    /// The samples row by row, without what lies between rows.
    package var samples: [UInt8] { (0..<height).flatMap { y in (0..<width).map { x in self[x, y] } } }
}
