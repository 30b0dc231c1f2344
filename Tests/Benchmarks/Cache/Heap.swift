// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree

/// Makes glibc's heap as good as it can be for the peers' stores: it keeps what it has, never maps a payload on its own,
/// and has as many arenas as there are processors (with one per thread, what one thread frees grows another's: their
/// stores then cost three times as much, mostly page faults). mallopt(3), which the Glibc module lacks.
func keepHeap() {
    typealias Function = @convention(c) (CInt, CInt) -> CInt
    guard let symbol = unsafe dlsym(nil, "mallopt") else { return }
    // SAFETY: the C library's function of that name has this type.
    let mallopt = unsafe unsafeBitCast(symbol, to: Function.self)
    let trimThreshold: CInt = -1
    let topPad: CInt = -2
    let mapThreshold: CInt = -3
    let arenaMaximum: CInt = -8
    _ = mallopt(arenaMaximum, CInt(OSThread.processorCount))
    _ = mallopt(trimThreshold, .max)
    _ = mallopt(topPad, 16 << 20)
    _ = mallopt(mapThreshold, .max)
}
