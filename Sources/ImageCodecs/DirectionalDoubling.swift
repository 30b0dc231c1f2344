// SPDX-License-Identifier: Apache-2.0

/// Doubles a plane in width only: weights 3/4 and 1/4, centred, rounded to nearest, clamped at the edges. For chroma of
/// 4:2:2 pictures. `target` is twice as wide as `source` and as high.
package func doubleColumns(_ source: Plane, into target: Plane) {
    precondition(target.width == 2 * source.width && target.height == source.height, "sizes do not fit")
    let last = source.width - 1
    for row in 0..<source.height {
        // SAFETY: the clamped columns lie inside the source, 2 * column + 1 inside the target.
        let (from, to) = unsafe (source.row(row), target.row(row))
        for column in 0..<source.width {
            let centre = unsafe 3 * UInt16(from[column]) + 2
            unsafe to[2 * column] = UInt8((centre + UInt16(from[max(column - 1, 0)])) >> 2)
            unsafe to[2 * column + 1] = UInt8((centre + UInt16(from[min(column + 1, last)])) >> 2)
        }
    }
}

/// Doubles a plane in height only, by the same weights. For chroma of 4:4:0 pictures.
package func doubleRows(_ source: Plane, into target: Plane) {
    precondition(target.width == source.width && target.height == 2 * source.height, "sizes do not fit")
    let last = source.height - 1
    for row in 0..<target.height {
        let near = row >> 1
        let far = row & 1 == 0 ? max(near - 1, 0) : min(near + 1, last)
        // SAFETY: near and far are rows of the source.
        let (a, b, to) = unsafe (source.row(near), source.row(far), target.row(row))
        for column in 0..<source.width {
            unsafe to[column] = UInt8((3 * UInt16(a[column]) + UInt16(b[column]) + 2) >> 2)
        }
    }
}
