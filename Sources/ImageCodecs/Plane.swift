// SPDX-License-Identifier: Apache-2.0

/// A rectangle of 8-bit samples: a plane, or a window into a larger one. A reference: copies share the samples.
///
/// It keeps its memory alive, so a plane never dangles, not even after its `PlaneBuffer` grew or died; reading and
/// writing stay inside by the checks here and in the kernels. One thread at a time.
@safe
package struct Plane {
    /// Owns what `base` points into.
    private let storage: PlaneStorage
    /// The first sample of the first row.
    package let base: UnsafeMutablePointer<UInt8>
    /// Samples in a row.
    package let width: Int
    /// Rows.
    package let height: Int
    /// Bytes from one row to the next; at least `width`.
    package let stride: Int

    /// `base` must lie in the storage, with room for `height` rows of `width` samples, `stride` apart.
    @unsafe
    fileprivate init(storage: PlaneStorage, base: UnsafeMutablePointer<UInt8>, width: Int, height: Int, stride: Int) {
        self.storage = storage
        unsafe self.base = unsafe base
        self.width = width
        self.height = height
        self.stride = stride
    }

    /// A plane of its own, zeroed: for cold paths and tests. The size must not be negative.
    package init(width: Int, height: Int) { self = PlaneBuffer().plane(width: width, height: height) }

    /// The window at (`x`, `y`). It must lie inside.
    package func window(x: Int, y: Int, width: Int, height: Int) -> Plane {
        precondition(
            x >= 0 && y >= 0 && width >= 0 && height >= 0 && x + width <= self.width && y + height <= self.height,
            "window \(width)x\(height) at \(x),\(y) outside \(self.width)x\(self.height)"
        )
        // SAFETY: the window lies inside this plane.
        return unsafe Plane(
            storage: storage,
            base: base + (y * stride + x),
            width: width,
            height: height,
            stride: stride
        )
    }

    /// The start of a row, which must exist.
    @unsafe
    package func row(_ y: Int) -> UnsafeMutablePointer<UInt8> {
        assert(y >= 0 && y < height)
        return unsafe base + y * stride
    }

    /// Sets every sample.
    package func fill(_ value: UInt8) {
        // SAFETY: each row has `width` writable samples, by the initialiser's condition.
        for y in 0..<height { unsafe row(y).update(repeating: value, count: width) }
    }

    /// Copies another plane of the same size, which must not overlap this one.
    package func copy(from source: Plane) {
        precondition(source.width == width && source.height == height, "copying a plane of another size")
        // SAFETY: both have `height` rows of `width` samples.
        for y in 0..<height { unsafe row(y).update(from: source.row(y), count: width) }
    }

    /// Sets every sample right of `width` or below `height`.
    package func fill(_ value: UInt8, beyondWidth width: Int, height: Int) {
        precondition(width >= 0 && height >= 0 && width <= self.width && height <= self.height, "filling outside")
        window(x: width, y: 0, width: self.width - width, height: height).fill(value)
        window(x: 0, y: height, width: self.width, height: self.height - height).fill(value)
    }

    /// Repeats the last column of the first `width` and the last row of the first `height` into the rest of the plane:
    /// what an encoder reads beyond the edge of a picture of odd size.
    package func replicateEdges(beyondWidth width: Int, height: Int) {
        precondition(width > 0 && height > 0 && width <= self.width && height <= self.height, "edges outside")
        if width < self.width {
            for y in 0..<height {
                // SAFETY: columns width - 1 ..< self.width exist in every row.
                unsafe (row(y) + width).update(repeating: row(y)[width - 1], count: self.width - width)
            }
        }
        for y in height..<max(height, self.height) {
            // SAFETY: rows height - 1 and y exist and differ.
            unsafe row(y).update(from: row(height - 1), count: self.width)
        }
    }
}

/// The memory of a plane, freed with its last reference.
@safe
private final class PlaneStorage {
    let bytes: UnsafeMutableRawBufferPointer

    /// Zeroed, so that nothing is ever read that was not written.
    init(count: Int) {
        unsafe bytes = .allocate(byteCount: count, alignment: 64)
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        // SAFETY: allocated by the initialiser; planes hold a reference.
        unsafe bytes.deallocate()
    }
}

/// Memory for one plane, reused: it grows to the largest size asked for. One thread.
package final class PlaneBuffer {
    private var storage: PlaneStorage?

    /// Empty: nothing is allocated before the first `plane`.
    package init() {}

    /// The bytes that are held.
    package var capacity: Int { unsafe storage?.bytes.count ?? 0 }

    /// Bytes from row to row.
    private static func stride(width: Int) -> Int { (max(width, 1) + 63) & ~63 }

    /// What a plane of the size takes.
    package static func bytes(width: Int, height: Int) -> Int { stride(width: width) * max(height, 1) }

    /// A plane of the size, contents unspecified. It shares its samples with the planes made before, except where it is
    /// larger than all of them. `stride` is `width` rounded up to 64, so that rows start alike.
    package func plane(width: Int, height: Int) -> Plane {
        precondition(width >= 0 && height >= 0, "a plane of \(width)x\(height)")
        let stride = Self.stride(width: width)
        let needed = Self.bytes(width: width, height: height)
        let storage: PlaneStorage
        if let present = self.storage, needed <= capacity {
            storage = present
        } else {
            storage = PlaneStorage(count: needed)
            self.storage = storage
        }
        // SAFETY: the allocation has at least one byte, so that it has a start, and `needed` bytes in all.
        let start = unsafe storage.bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
        return unsafe Plane(storage: storage, base: start, width: width, height: height, stride: stride)
    }
}
