// SPDX-License-Identifier: Apache-2.0

import LockFree
import TestSupport

/// A deliberate data race, to show that the sanitizer would see one: two threads write one byte without any order.
func runRacyCanary() {
    let cell = RacyCell()
    let barrier = Barrier(count: 2)
    let threads = (0..<2).compactMap { number in
        try? OSThread(name: "canary") {
            barrier.wait()
            for _ in 0..<1000 { cell.write(UInt8(number)) }
        }
    }
    threads.forEach { $0.join() }
}

/// @unchecked Sendable: a lie, which is the point.
@safe
private final class RacyCell: @unchecked Sendable {
    private let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)

    init() { unsafe byte.initialize(to: 0) }

    deinit { unsafe byte.deallocate() }

    func write(_ value: UInt8) { unsafe byte.pointee = value }
}
