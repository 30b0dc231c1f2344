// SPDX-License-Identifier: Apache-2.0

import TileModel

/// One table under measurement. A batch is run inside the subject, so that what is measured is its own code and the
/// reading of one byte, not a call per operation.
protocol Subject: AnyObject, Sendable {
    var name: String { get }
    /// What one thread needs; called on that thread.
    func makeRunner() -> any Runner
}

/// One thread's access to a subject.
protocol Runner {
    /// Looks the keys up, reads the first payload byte of each that is there, and returns the bytes' sum.
    func get(_ keys: UnsafeBufferPointer<TileKey>) -> UInt64
    /// Stores the payload under each key, a copy each, whose first byte is `Workload.firstByte` of the key. The payload is
    /// the thread's own.
    func set(_ keys: UnsafeBufferPointer<TileKey>, _ payload: UnsafeMutableRawBufferPointer)
}

extension Runner {
    /// Four look-ups, then one store, and again.
    func mixed(_ keys: UnsafeBufferPointer<TileKey>, _ payload: UnsafeMutableRawBufferPointer) -> UInt64 {
        var sum: UInt64 = 0
        var first = 0
        while first + 5 <= keys.count {
            sum &+= unsafe get(UnsafeBufferPointer(rebasing: keys[first..<first + 4]))
            unsafe set(UnsafeBufferPointer(rebasing: keys[first + 4..<first + 5]), payload)
            first += 5
        }
        return sum
    }
}
