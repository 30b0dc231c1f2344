// SPDX-License-Identifier: Apache-2.0

import TileModel

/// The reusable bytes of one worker: a tile as it was read. Keeps its capacity, so that it stops allocating once the
/// largest tile has been seen.
///
/// Thread rule: one owner at a time; not Sendable.
package final class TileBuffer {
    private var storage: [UInt8] = []
    /// The number of bytes that were read.
    package private(set) var count = 0

    package init() {}

    /// The bytes that were read, valid until `body` returns.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let count = count
        let bytes = storage
        // SAFETY: `bytes` keeps the storage alive through the call; `count` never exceeds its length (`fill`).
        return try unsafe bytes.withUnsafeBufferPointer { (all) throws(Failure) -> Result in
            try unsafe body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: all[..<count])))
        }
    }

    /// A copy of the bytes, for cold paths and tests.
    package var bytes: [UInt8] { Array(storage[..<count]) }

    /// Holds these bytes instead.
    package func replace(with bytes: [UInt8]) {
        storage = bytes
        count = bytes.count
    }

    /// Forgets the bytes.
    package func clear() { count = 0 }

    /// The last bytes that were read, at most `length`.
    package func suffix(_ length: Int) -> [UInt8] { Array(storage[..<count].suffix(length)) }

    /// The first bytes that were read, at most `length`.
    package func prefix(_ length: Int) -> [UInt8] { Array(storage[..<count].prefix(length)) }

    /// The format that the first bytes show, or nil.
    var sniffedFormat: TileFormat? { TileFormat(sniffing: storage[..<count]) }

    /// Makes room for `capacity` bytes and keeps as many as `body` says it filled. Nothing is kept if it throws.
    package func fill<Failure: Error>(
        capacity: Int,
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        count = 0
        if storage.count < capacity {
            storage = [UInt8](repeating: 0, count: max(capacity, storage.count * 2))
        }
        // SAFETY: the slice lies inside the array, which nothing else can reach during the call (exclusive access).
        let filled = try unsafe storage.withUnsafeMutableBufferPointer { (all) throws(Failure) -> Int in
            try unsafe body(UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: all[..<capacity])))
        }
        precondition((0...capacity).contains(filled), "filled \(filled) of \(capacity) bytes")
        count = filled
    }
}
